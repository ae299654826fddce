"""infra/gcp: formatted, and every argument of every resource held against Google's own API types."""

import copy
from collections.abc import Iterator
from typing import Any

import hcl2
import pytest
from google.cloud import monitoring_v3

from tests.infra.api_types import faults_of_resource
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
    (found,) = hcl2.loads((MODULE / "alerts.tf").read_text())["locals"]
    alerts = {name: alert for name, alert in found["alerts"].items() if not name.startswith("__")}
    aligners, reducers = monitoring_v3.Aggregation.Aligner, monitoring_v3.Aggregation.Reducer
    assert alerts
    for alert in alerts.values():
        assert alert["aligner"].strip('"') in aligners.__members__
        assert alert["reducer"].strip('"') in reducers.__members__


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
