"""`make demo LOOP=1`: two rounds of real people's labels, and all that lies between them."""

import os
import re
import subprocess
import sys
import threading
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from benchmark_qa.cli import app
from demo.labels_file import read_labels_file
from demo.loop import LoopStory
from demo.loop_outcome import LoopOutcome
from demo.loop_world import LoopWorld
from demo.sandbox import Sandbox
from tests.conftest import SHARED_DATA

ROOT = Path(__file__).parents[3]
IMAGES = 200
FEW = 100
GAIN = r"(\d+) +(\d\.\d+) +(\d\.\d+) +([+-]\d\.\d+) \[([+-]\d\.\d+), ([+-]\d\.\d+)\]"


class OneInterpreter(Sandbox):
    """A sandbox whose commands run in the test's own process: a loop has 17, and an interpreter takes its time."""

    _ALONE = threading.Lock()

    def benchmark_qa(self, *arguments: str) -> str:
        with self._ALONE:
            done = CliRunner().invoke(app, list(arguments), env=self.service_environment)
        assert done.exit_code == 0, (arguments, done.stderr, done.exception)
        return done.stdout


def run_loop(*arguments: str, report: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo", "--loop", "--report", str(report), *arguments],
        cwd=ROOT,
        env={**os.environ, "ENCORD_DOMAIN": "https://encord.invalid", "DATABASE_URL": "postgresql://scores.invalid/x"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def gain_of(output: str, row: str) -> list[float]:
    """Images, F1 before and after, gain, and its interval's ends."""
    found = re.search(rf"{row} +{GAIN}", output)
    assert found, output
    return [float(number) for number in found.groups()]


def test_both_rounds_are_told_to_the_end_and_fit_a_narrow_terminal(pedestrians: dict[str, Any], tmp_path: Path) -> None:
    """What has been gained on so few images is chance, so nothing is said of it here."""
    assert len(pedestrians["images"]) >= FEW
    labels = read_labels_file(SHARED_DATA / "pedestrians.json").evenly_annotated().first(FEW)
    with OneInterpreter(labels, tmp_path, auto_retries=3, world=LoopWorld) as sandbox:
        story = LoopStory(sandbox, Console(file=StringIO()), tmp_path)
        story.tell()
        outcome = LoopOutcome.read(story)
    by_chance = ("what was found has gained", "a random choice gains as much")
    assert [problem for problem in outcome.problems if not problem.startswith(by_chance)] == []
    assert {step["state"] for step in story.sent_again["steps"]} <= {"done before", "nothing to do"}
    assert outcome.everything.images == FEW * 2 / 5
    assert len(story.sent_back) == outcome.sent_back > 0
    shown = StringIO()
    outcome.show(Console(file=shown, width=80))
    for row in ("found with the model", "by annotators' scores", "drawn at random", "all, chosen or not"):
        images, before, after, gain, low, high = gain_of(shown.getvalue(), row)
        assert gain == pytest.approx(after - before, abs=0.0011)
        assert low <= gain + 0.005
        assert high >= gain - 0.005
        assert images >= 1


@pytest.mark.slow
def test_what_was_found_and_labelled_again_by_better_people_is_better_and_surely_so(
    pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    assert len(pedestrians["images"]) >= IMAGES
    labels = str(SHARED_DATA / "pedestrians.json")
    done = run_loop("--data", labels, "--images", str(IMAGES), report=tmp_path / "report.html")
    output = done.stdout
    assert done.returncode == 0, output + done.stderr
    assert "wrong:" not in output
    images, before, after, gain, low, _ = gain_of(output, "found with the model")
    assert 0 < images <= IMAGES * 2 / 5 / 5
    assert gain == pytest.approx(after - before, abs=0.0011)
    assert low > 0
    assert gain > gain_of(output, "drawn at random")[3]
    assert gain_of(output, "all, chosen or not")[0] == IMAGES * 2 / 5
    assert re.search(rf"On {IMAGES // 5} benchmark images that nobody had met", output)
    assert (tmp_path / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--images", "20"], "needs 100 at least"),
        (["--chaos"], "goes with neither"),
    ],
)
def test_a_loop_that_cannot_be_told_is_refused_with_the_reason(
    arguments: list[str], words: str, tmp_path: Path
) -> None:
    done = run_loop(*arguments, report=tmp_path / "report.html")
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr


def test_a_question_has_no_boxes_to_go_round_with(bluebirds: dict[str, Any], tmp_path: Path) -> None:
    assert bluebirds["question"]
    done = run_loop("--data", str(SHARED_DATA / "bluebirds.json"), report=tmp_path / "report.html")
    assert (done.returncode, "the loop needs boxes" in done.stderr) == (2, True), done.stderr
