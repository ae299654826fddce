"""infra/gcp: formatted, and every argument of every resource held against Google's own API types."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import hcl2
import pytest
from google.cloud import monitoring_dashboard_v1, monitoring_v3

from tests.infra.api_types import faults_of_resource
from tests.infra.references import declared, module_arguments, referred
from tests.infra.terraform import ROOT, Terraform, provider_mirror

MODULE = ROOT / "infra" / "gcp"


def resources() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for file in sorted(MODULE.glob("*.tf")):
        for entry in hcl2.loads(file.read_text()).get("resource", []):
            for kind, named in entry.items():
                if not kind.startswith("__"):
                    for name, block in named.items():
                        yield kind.strip('"'), name.strip('"'), block


RESOURCES = {f"{kind}.{name}": (kind, block) for kind, name, block in resources()}


def test_the_files_are_formatted() -> None:
    provider_mirror()
    Terraform(ROOT / "infra").run("fmt", "-check", "-recursive", "-diff", "gcp")


@pytest.mark.parametrize("address", RESOURCES)
def test_every_argument_is_one_of_googles(address: str) -> None:
    kind, block = RESOURCES[address]
    assert faults_of_resource(kind, block) == []


def test_the_measures_of_the_alerts_are_googles() -> None:
    text = (MODULE / "alerts.tf").read_text()
    aligners, reducers = (set(re.findall(rf'{name}\s*=\s*"(\w+)"', text)) for name in ("aligner", "reducer"))
    assert aligners
    assert reducers
    assert aligners <= set(monitoring_v3.Aggregation.Aligner.__members__)
    assert reducers <= set(monitoring_v3.Aggregation.Reducer.__members__)


def test_the_dashboard_is_one_of_googles_with_the_six_figures() -> None:
    template = (MODULE / "dashboard.json.tftpl").read_text()
    values = {"name": "benchmark-qa", "project": "a-project", "database": "benchmark-qa-scores"}
    rendered = re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], template)
    dashboard = monitoring_dashboard_v1.Dashboard.from_json(rendered, ignore_unknown_fields=False)
    assert len(dashboard.grid_layout.widgets) == 6
    assert all(widget.xy_chart.data_sets for widget in dashboard.grid_layout.widgets)
    counted = set(re.findall(r"logging\.googleapis\.com/user/benchmark-qa/(\w+)", rendered))
    (events,) = (
        each["log_events"] for each in hcl2.loads((MODULE / "alerts.tf").read_text())["locals"] if "log_events" in each
    )
    assert counted == {name for name in events if not name.startswith("__")} | {"call_seconds"}
    assert json.loads(rendered)["displayName"] == "benchmark-qa"


@pytest.mark.parametrize("folder", [MODULE, *sorted((MODULE / "examples").iterdir())], ids=lambda path: path.name)
def test_what_is_named_is_declared_and_what_is_declared_is_used(folder: Any) -> None:
    names, uses = declared(folder), referred(folder)
    assert uses - names == set()
    assert {name for name in names if name.startswith(("var.", "local."))} - uses == set()


@pytest.mark.parametrize("example", ["basic", "with-database"])
def test_an_example_gives_the_module_what_it_takes(example: str) -> None:
    given = module_arguments(MODULE / "examples" / example, "benchmark_qa")
    assert {f"var.{name}" for name in given} - declared(MODULE) == set()
    assert {"secrets_version", "secret_versions", "migrate", "encord_domain", "resources", "labels"} <= given


def test_a_secret_that_a_revision_is_pinned_to_is_not_destroyed() -> None:
    _, version = RESOURCES["google_secret_manager_secret_version.settings"]
    assert version["lifecycle"][0]["create_before_destroy"] is True
    assert version["deletion_policy"].strip('"') == "ABANDON"


@pytest.mark.parametrize("resource", ["google_sql_user.owner", "google_sql_database.scores"])
def test_what_owns_tables_or_is_used_goes_with_the_instance(resource: str) -> None:
    """Alone, PostgreSQL deletes neither: `destroy` would end there."""
    _, block = RESOURCES[resource]
    assert block["deletion_policy"].strip('"') == "ABANDON"


def test_the_tables_come_before_the_revision_and_the_interfaces_before_the_database() -> None:
    _, service = RESOURCES["google_cloud_run_v2_service.this"]
    assert "terraform_data.migration" in str(service["depends_on"])
    _, job = RESOURCES["google_cloud_run_v2_job.migration"]
    container = job["template"][0]["template"][0]["containers"][0]
    assert [part.strip('"') for part in container["args"]] == ["db", "upgrade"]
    _, database = RESOURCES["google_sql_database_instance.scores"]
    assert "google_project_service.this" in str(database["depends_on"])
    assert "sqladmin.googleapis.com" in (MODULE / "service.tf").read_text()


def test_what_may_be_done_to_the_database_may_be_done_to_this_one_alone() -> None:
    _, member = RESOURCES["google_project_iam_member.cloudsql"]
    assert "google_sql_database_instance.scores[0].name" in member["condition"][0]["expression"]


def planted(address: str, *path: str | int, **changes: Any) -> list[str]:
    """The faults after a change deep inside a resource; `None` deletes."""
    kind, block = RESOURCES[address]
    block = copy.deepcopy(block)
    place: Any = block
    for step in path:
        place = place[step]
    for name, value in changes.items():
        if value is None:
            del place[name]
        else:
            place[name] = value
    return faults_of_resource(kind, block)


SERVICE, QUEUE = "google_cloud_run_v2_service.this", "google_cloud_tasks_queue.jobs"


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        (lambda: planted(SERVICE, "template", 0, "scaling", 0, max_instances=5), "scaling.max_instances"),
        (lambda: planted(SERVICE, ingress='"INGRESS_TRAFFIC_EVERYBODY"'), "ingress"),
        (lambda: planted(SERVICE, "template", 0, execution_environment='"GEN2"'), "execution_environment"),
        (lambda: planted(SERVICE, "template", 0, timeout='"10 minutes"'), "timeout"),
        (lambda: planted(SERVICE, "template", 0, "containers", 0, image=None), "containers.image"),
        (
            lambda: planted(SERVICE, "template", 0, "containers", 0, "ports", 0, container_port='"http"'),
            "container_port",
        ),
        (lambda: planted(SERVICE, "template", 0, "containers", 0, startup_probe='"/livez"'), "startup_probe"),
        (lambda: planted(QUEUE, "retry_config", 0, max_retries=3), "retry_config.max_retries"),
        (lambda: planted(QUEUE, "retry_config", 0, min_backoff="5"), "min_backoff"),
        (lambda: planted("google_service_account.jobs", email='"x"'), "email"),
        (lambda: faults_of_resource("google_pubsub_topic", {}), "google_pubsub_topic"),
    ],
)
def test_a_planted_fault_is_found(faults: Any, message: str) -> None:
    (fault,) = faults()
    assert message in fault
