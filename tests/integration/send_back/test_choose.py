"""`benchmark-qa choose` on scores of real labels, and what 'send-back' makes of its choice."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.send_back.commands import run
from tests.integration.service.sandbox import COMPLETED_SECRET, PRODUCTION, Sandbox, Unit, sandbox, uuid

POOR = "annotator-41@example.com"
IMAGES = 40
"""As many as it takes until somebody who misses everything is named among seven people."""


@pytest.fixture(scope="module")
def units(pedestrians: dict[str, Any]) -> list[Unit]:
    """Benchmark images on which one annotator has missed everything and everybody else was perfect; of the last one
    the truth has a box of nothing, which nobody drew."""
    people = [f"annotator-{number:02d}@example.com" for number in range(1, 7)]
    images = [image for image in pedestrians["images"] if len(image["ground_truth"]) > 1][: IMAGES + 1]
    found = [{**image, "annotations": {**dict.fromkeys(people, image["ground_truth"]), POOR: []}} for image in images]
    found[-1]["ground_truth"] = [*found[-1]["ground_truth"], [1000.0, 10.0, 60.0, 120.0]]
    return [Unit(image, stage="Complete") for image in found]


@pytest.fixture(scope="module")
def scored(units: list[Unit]) -> Iterator[Sandbox]:
    """Everything is scored, and three production images are finished by the weak annotator."""
    with sandbox(units, production_images=3, production_by=POOR) as both:
        both.event("task-completed", COMPLETED_SECRET, "task_completed_event", [unit.data_hash for unit in units])
        assert len(both.report()["tasks"]) == 7 * len(units)
        yield both


def choose(both: Sandbox, path: Path, *options: str) -> Any:
    done = run(both, "choose", str(path), *options)
    assert done.exit_code == 0, done.stderr
    assert f"data units in {path}" in done.stdout
    return json.loads(path.read_text())


def test_the_work_of_somebody_below_the_bar_is_chosen_and_benchmark_items_only_for_their_truth(
    scored: Sandbox, units: list[Unit], tmp_path: Path
) -> None:
    choice = choose(scored, tmp_path / "choice.json", "--name", "Weak work")
    reasons = {item["data_hash"]: {reason["kind"] for reason in item["reasons"]} for item in choice["items"]}
    assert reasons == {
        units[-1].data_hash: {"suspect_truth"},
        **{uuid(f"production/{number}"): {"low_score"} for number in range(3)},
    }
    (work, *_) = [item for item in choice["items"] if item["data_hash"] == uuid("production/0")]
    assert "its annotator is below the bar: F1 0.00 [" in work["reasons"][0]["text"]
    assert (choice["project_hash"], choice["name"]) == (PRODUCTION, "Weak work")


def test_nobodys_work_is_chosen_where_nobody_is_asked_for(scored: Sandbox, units: list[Unit], tmp_path: Path) -> None:
    scored.forget_requests()
    choice = choose(scored, tmp_path / "choice.json", "--no-below-bar")
    assert [item["data_hash"] for item in choice["items"]] == [units[-1].data_hash]
    assert scored.requests_of_service() == {}, "the store alone knows"


def test_a_control_is_drawn_from_finished_production_work(scored: Sandbox, tmp_path: Path) -> None:
    choice = tmp_path / "choice.json"
    choose(scored, choice, "--most", "2", "--no-suspects")
    control = choose(scored, tmp_path / "control.json", "--control-of", str(choice), "--seed", "7")
    again = choose(scored, tmp_path / "again.json", "--control-of", str(choice), "--seed", "7")
    hashes = [item["data_hash"] for item in control["items"]]
    assert len(hashes) == len(set(hashes)) == 2
    assert set(hashes) <= {uuid(f"production/{number}") for number in range(3)}
    assert hashes == [item["data_hash"] for item in again["items"]]
    assert {reason["kind"] for item in control["items"] for reason in item["reasons"]} == {"control"}


def test_a_control_of_another_projects_choice_is_refused(scored: Sandbox, tmp_path: Path) -> None:
    choice = tmp_path / "choice.json"
    choose(scored, choice)
    choice.write_text(choice.read_text().replace(PRODUCTION, uuid("other")))
    done = run(scored, "choose", str(tmp_path / "control.json"), "--control-of", str(choice))
    assert (done.exit_code, "does not serve" in done.stderr) == (2, True)


def test_what_is_chosen_can_be_sent_back_as_it_is(scored: Sandbox, units: list[Unit], tmp_path: Path) -> None:
    path = tmp_path / "choice.json"
    choose(scored, path)
    done = run(scored, "send-back", str(path), "--operator", "ann", "--json")
    assert done.exit_code == 0, done.stderr
    steps = {(step["project"], step["step"]): step["what"] for step in json.loads(done.stdout)["steps"]}
    assert steps[("Production", "reopen")] == "3 tasks back at 'Annotate'"
    assert steps[("Benchmark", "reopen")].startswith("1 task back at 'Review'; until a reviewer")
    assert ("Production", "issues") in steps
    assert steps[("Production", "issues")] == "", "a weak annotator is no suspicion about a label"
    assert steps[("Benchmark", "issues")] == "1 issue on 1 data unit"
    assert scored.stages()["Complete"] == len(units), "benchmark tasks of production stay where they are"
    late = run(scored, "choose", str(tmp_path / "control.json"), "--control-of", str(path))
    assert (late.exit_code, "before the choice is sent back" in late.stderr) == (2, True)
