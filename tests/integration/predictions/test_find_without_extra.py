"""`find` without its extra says what to install."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.commands.findings.simulation import Case, case_of, exported_rows
from tests.unit.commands.findings.test_find_command import IMAGES, table


@pytest.fixture(scope="module")
def planted(pedestrians: dict[str, Any]) -> Case:
    return case_of(pedestrians, IMAGES)


@pytest.fixture
def labels(planted: Case, tmp_path: Path) -> Path:
    return exported_rows(planted, IMAGES, tmp_path / "labels.json")


def test_without_the_extra_the_command_says_what_to_install(planted: Case, labels: Path, tmp_path: Path) -> None:
    # A real process in which the library cannot be imported, as where the extra is not installed.
    program = (
        "import sys; sys.modules['cleanlab'] = None; sys.argv[0] = 'benchmark-qa'; "
        "from benchmark_qa.cli import app; app()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "find", str(labels), str(table(planted, tmp_path / "p.csv"))],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.strip().endswith("pip install '.[findings]' in a checkout")
