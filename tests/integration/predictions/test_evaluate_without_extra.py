"""`evaluate-predictions` without its extra says what to install."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.commands.predictions.test_evaluate_predictions_command import RESULTS, TRUTH, write


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return write(tmp_path / "truth.json", TRUTH), write(tmp_path / "results.json", RESULTS)


def test_without_the_extra_the_command_says_what_to_install(files: tuple[Path, Path]) -> None:
    # A real process in which the library cannot be imported, as where the extra is not installed.
    program = (
        "import sys; sys.modules['faster_coco_eval'] = None; sys.argv[0] = 'benchmark-qa'; "
        "from benchmark_qa.cli import app; app()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "evaluate-predictions", *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.strip().endswith("pip install '.[predictions]' in a checkout")
