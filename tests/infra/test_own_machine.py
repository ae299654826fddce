"""compose.yaml and the systemd units: what a machine of one's own runs."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.terraform import ROOT

UNITS = ROOT / "infra" / "machine"


def schema_check(schema: str, *files: Path) -> subprocess.CompletedProcess[str]:
    """check-jsonschema with a schema that it brings itself."""
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, files)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_compose_yaml_is_of_composes_schema(tmp_path: Path) -> None:
    done = schema_check("vendor.compose-spec", ROOT / "compose.yaml")
    assert done.returncode == 0, done.stdout
    faulty = tmp_path / "compose.yaml"
    faulty.write_text((ROOT / "compose.yaml").read_text().replace("healthcheck:", "healtcheck:"))
    assert schema_check("vendor.compose-spec", faulty).returncode == 1


def test_the_tables_come_before_the_service_and_the_database_before_the_tables(compose: Any) -> None:
    services = compose["services"]
    assert services["service"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert services["migrate"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert services["migrate"]["entrypoint"][-2:] == ["db", "upgrade"]
    assert services["migrate"]["environment"].keys() == {"DATABASE_URL"}
    assert "env_file" not in services["migrate"]


def test_nothing_listens_but_the_service_and_that_on_this_machine_alone(compose: Any) -> None:
    assert "ports" not in compose["services"]["database"]
    (port,) = compose["services"]["service"]["ports"]
    assert port.startswith("127.0.0.1:")


def test_no_password_stands_in_the_file(compose: Any) -> None:
    password = compose["services"]["database"]["environment"]["POSTGRES_PASSWORD"]
    assert password.startswith("${DATABASE_PASSWORD:?")
    assert password in compose["services"]["service"]["environment"]["DATABASE_URL"]


@pytest.mark.parametrize("unit", sorted(path.name for path in UNITS.glob("benchmark-qa*")))
def test_systemd_understands_the_unit(unit: str, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("SKIPPED: systemd-analyze is not installed")
    for file in UNITS.glob("benchmark-qa*"):
        text = file.read_text().replace("/opt/benchmark-qa/bin/benchmark-qa", shutil.which("true") or "/bin/true")
        (tmp_path / file.name).write_text(text)
    named = tmp_path / unit.replace("@.", "@evaluate.")
    if "@" in unit:
        shutil.copy(tmp_path / unit, named)
    done = subprocess.run(
        [program, "verify", "--man=no", str(named)], capture_output=True, text=True, timeout=60, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "benchmark-qa" in line]
    assert (ours, done.returncode) == ([], 0), done.stderr


def test_the_unit_gives_the_service_the_time_that_it_needs_to_stop() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string((UNITS / "benchmark-qa.service").read_text())
    service = unit["Service"]
    assert int(service["TimeoutStopSec"]) >= 10
    assert service["ExecStartPre"].endswith("db upgrade")
    assert (service["DynamicUser"], service["ProtectSystem"], service["UMask"]) == ("yes", "strict", "0077")


def test_the_page_names_every_file(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "deploy-vm.md").read_text()
    assert re.search(r"docker compose up", page)
    for unit in UNITS.glob("benchmark-qa*"):
        assert unit.name.replace("@.", "@") in page.replace("@evaluate.", "@").replace("@.", "@"), unit.name
