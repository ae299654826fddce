"""`benchmark-qa send-back` against the emulator: what it changes on Encord, what it refuses, kills, undoing."""

import fcntl
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmark_qa.formats.chosen_items import ChosenItem, ChosenItems, ChosenReason
from tests.integration.send_back.commands import run
from tests.integration.service.sandbox import (
    BENCHMARK,
    BENCHMARK_DATASET,
    PRODUCTION,
    Sandbox,
    Unit,
    platform,
    uuid,
)

MADE_AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PEOPLE = "annotator-01@example.com"
WRITES = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(scope="module")
def images(pedestrians: dict[str, Any]) -> list[dict[str, Any]]:
    return [image for image in pedestrians["images"] if len(image["ground_truth"]) > 1][:2]


@contextmanager
def site(images: list[dict[str, Any]]) -> Iterator[Sandbox]:
    """Two benchmark items, and four production images that somebody has finished."""
    units = [Unit(image, stage="Complete") for image in images]
    with platform(units, production_images=4, production_by=PEOPLE) as both:
        yield both


def production(number: int) -> str:
    return uuid(f"production/{number}")


def chosen(data_hash: str, *reasons: ChosenReason, dataset: str | None = None) -> ChosenItem:
    return ChosenItem(data_hash=data_hash, title=f"{data_hash[:4]}.jpg", dataset_hash=dataset, reasons=reasons)


def low_score(strength: float = 0.5) -> ChosenReason:
    return ChosenReason(kind="low_score", strength=strength, text="its annotator is below the bar")


def suspicion(data_hash: str) -> ChosenReason:
    return ChosenReason(
        kind="likely_label_error",
        strength=0.9,
        text="a pedestrian is probably missing",
        label_hash=uuid(f"labels/{data_hash}"),
    )


TWICE = json.dumps(
    {"project_hash": PRODUCTION, "name": "x", "made_at": MADE_AT.isoformat(),
     "items": 2 * [chosen(production(0), low_score()).model_dump()]}
)  # fmt: skip


def choice_file(folder: Path, *items: ChosenItem, name: str = "Round 2") -> Path:
    choice = ChosenItems(project_hash=PRODUCTION, name=name, made_at=MADE_AT, items=items)
    path = folder / f"{name}.json"
    path.write_text(choice.model_dump_json())
    return path


def send(both: Sandbox, path: Path, *options: str, code: int = 0) -> Any:
    done = run(both, "send-back", str(path), "--json", "--operator", "ann", *options)
    assert done.exit_code == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def states(outcome: Any) -> dict[str, str]:
    return {f"{step['project']} {step['step']}": step["state"] for step in outcome["steps"]}


def everything(both: Sandbox) -> Any:
    """The emulator's whole world, and what a world file does not say: issues and collections."""
    projects = [both.client().get_project(project) for project in (BENCHMARK, PRODUCTION)]
    collections = {
        (collection.name, row.data_hash, instance.frame)
        for project in projects
        for collection in project.list_collections()
        for row, instances in collection.list_frames()
        for instance in instances
    }
    issues = sorted(
        (str(issue.data_uuid), issue.type.value, issue.comments[0].content, str(issue.uuid))
        for project in projects
        for stage in project.workflow.stages
        if stage.title in ("Annotate", "Review")
        for task in stage.get_tasks()  # type: ignore[union-attr]
        for issue in task.issues.list()
    )
    return both.control("GET", "world"), collections, issues


def writes(both: Sandbox) -> dict[str, int]:
    """Requests of the service that may have changed something."""
    asked = both.requests_of_service()
    return {
        name: count
        for name, count in asked.items()
        if name.startswith(WRITES) or (name.startswith("legacy") and not name.endswith(".GET"))
    }


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.05)


def standing(world: Any) -> Any:
    """The datasets of each project, and where each task stands; not who has moved it."""
    return [
        (project["datasets"], [(task["data_hash"], task["stage"], task["priority"]) for task in project["tasks"]])
        for project in world["projects"]
    ]


def trail(both: Sandbox) -> list[Any]:
    listed: list[Any] = json.loads(run(both, "actions", "list", "--json").stdout)
    return listed


@pytest.mark.encord
def test_a_choice_becomes_a_collection_issues_and_reopened_tasks_first_in_the_queue(
    images: list[Any], tmp_path: Path
) -> None:
    with site(images) as both:
        items = [chosen(production(0), suspicion(production(0))), *(chosen(production(n), low_score()) for n in (1, 2))]
        sent = send(both, choice_file(tmp_path, *items))
        assert states(sent) == dict.fromkeys(
            ("Production collection", "Production issues", "Production reopen", "Production priority"), "done"
        )
        project = both.client().get_project(PRODUCTION)
        (collection,) = project.list_collections()
        assert collection.name == sent["name"] == f"Round 2 2026-11-22 [{sent['choice']}]"
        assert {row.data_hash for row, _ in collection.list_frames()} == {item.data_hash for item in items}
        waiting = list(project.workflow.get_stage(name="Annotate").get_tasks())
        assert [str(task.data_hash) for task in waiting] == [item.data_hash for item in items], "the strongest first"
        assert [task.assignee for task in waiting] == [None] * 3, "anybody may take them"
        rows = {row.data_hash: row for row in project.list_label_rows_v2()}
        assert [rows[item.data_hash].priority for item in items] == [1.0, 0.8, 0.6]
        assert all(rows[item.data_hash].label_hash for item in items), "with their labels"
        (issue,) = waiting[0].issues.list()
        assert issue.comments[0].content == f"Benchmark QA: a pedestrian is probably missing [{sent['choice']}]"
        assert [list(task.issues.list()) for task in waiting[1:]] == [[], []], "no label of theirs is suspected"
        assert both.stages()["Complete"] == 2 + 1, "what was not chosen stays"


@pytest.mark.encord
def test_a_dry_run_says_what_would_be_done_and_writes_nothing(images: list[Any], tmp_path: Path) -> None:
    with site(images) as both:
        path = choice_file(
            tmp_path, chosen(production(0), suspicion(production(0))), chosen(production(1), low_score())
        )
        before = everything(both)
        both.forget_requests()
        looked = send(both, path, "--dry-run", "--dataset")
        assert writes(both) == {}
        assert everything(both) == before
        assert trail(both) == []
        assert {step["step"]: step["what"] for step in looked["steps"]} == {
            "collection": f"2 frames in collection '{looked['name']}'",
            "issues": "1 issue on 1 data unit",
            "dataset": f"2 files in dataset '{looked['name']}', attached to the project",
            "reopen": "2 tasks back at 'Annotate'",
            "priority": "2 tasks before others",
        }


@pytest.mark.encord
def test_a_second_run_of_the_same_choice_adds_nothing(images: list[Any], tmp_path: Path) -> None:
    with site(images) as both:
        path = choice_file(
            tmp_path, chosen(production(0), suspicion(production(0))), chosen(production(1), low_score())
        )
        send(both, path, "--dataset")
        before = everything(both)
        both.forget_requests()
        again = send(both, path, "--dataset")
        assert set(states(again).values()) == {"done before"}
        assert writes(both) == {}
        assert everything(both) == before


@pytest.mark.encord
def test_what_was_labelled_anew_and_finished_is_not_reopened_by_a_second_run(images: list[Any], tmp_path: Path) -> None:
    with site(images) as both:
        path = choice_file(tmp_path, chosen(production(0), low_score()))
        send(both, path)
        project = both.client().get_project(PRODUCTION)
        for stage, act in (("Annotate", "submit"), ("Review", "approve")):
            for task in project.workflow.get_stage(name=stage).get_tasks():
                getattr(task, act)()
        assert both.stages()["Annotate"] == 0
        send(both, path)
        assert both.stages()["Annotate"] == 0


@pytest.mark.encord
def test_a_dataset_links_the_same_files_and_makes_new_tasks_of_them(images: list[Any], tmp_path: Path) -> None:
    with site(images) as both:
        client = both.client()
        items = {row.data_hash: row.backing_item_uuid for row in client.get_project(PRODUCTION).list_label_rows_v2()}
        sent = send(both, choice_file(tmp_path, *(chosen(production(n), low_score()) for n in (2, 0))), "--dataset",
                    "--no-reopen", "--no-collection", "--no-issues")  # fmt: skip
        assert states(sent) == {"Production dataset": "done", "Production priority": "done"}
        (entry,) = client.get_datasets(title_eq=sent["name"])
        rows = client.get_dataset(entry["dataset"].dataset_hash).list_data_rows()
        assert [row.backing_item_uuid for row in rows] == [items[production(n)] for n in (2, 0)], "linked, not copied"
        routed = client.get_project(PRODUCTION).workflow.get_stage(name="Routing").get_tasks()
        assert [str(task.data_hash) for task in routed] == [row.uid for row in rows], "as new work, the strongest first"
        assert both.stages()["Complete"] == 2 + 4, "beside what is there"
        rows_now = client.get_project(PRODUCTION).list_label_rows_v2(data_hashes=[row.uid for row in rows])
        assert {row.label_hash for row in rows_now} == {None}, "without labels"


def test_benchmark_items_are_refused_and_nothing_of_them_is_touched(images: list[Any], tmp_path: Path) -> None:
    with site(images) as both:
        benchmark = Unit(images[0]).data_hash
        path = choice_file(tmp_path, chosen(benchmark, low_score()), chosen(uuid("nowhere"), low_score()),
                           chosen(production(0), low_score()))  # fmt: skip
        sent = send(both, path, "--dataset", code=4)
        assert [(item["data_hash"], item["reason"]) for item in sent["refused"]] == [
            (uuid("nowhere"), "the production project has no such data unit"),
            (benchmark, "is a benchmark item: sending it back would give it away"),
        ]
        project = both.client().get_project(PRODUCTION)
        (collection,) = project.list_collections()
        assert [row.data_hash for row, _ in collection.list_frames()] == [production(0)]
        assert [str(task.data_hash) for task in project.workflow.get_stage(name="Annotate").get_tasks()] == [
            production(0)
        ]


@pytest.mark.encord
def test_suspect_truth_goes_to_the_reviewers_of_the_benchmark_project_alone(images: list[Any], tmp_path: Path) -> None:
    with site(images) as both:
        benchmark = Unit(images[0]).data_hash
        doubt = ChosenReason(kind="suspect_truth", strength=0.97, text="6 of 7 annotators contradict it: pedestrian")
        path = choice_file(tmp_path, chosen(benchmark, doubt, low_score(), dataset=BENCHMARK_DATASET))
        sent = send(both, path)
        assert states(sent) == {"Benchmark issues": "done", "Benchmark reopen": "done"}
        truth, work = (both.client().get_project(project) for project in (BENCHMARK, PRODUCTION))
        (task,) = truth.workflow.get_stage(name="Review").get_tasks()
        assert str(task.data_hash) == benchmark
        (issue,) = task.issues.list()
        assert issue.comments[0].content.startswith("Benchmark QA: 6 of 7 annotators contradict it: pedestrian [")
        assert list(work.list_collections()) == []
        assert both.stages()["Complete"] == 2 + 4, "annotators see nothing of it"


@pytest.mark.encord
def test_every_step_is_in_the_trail_and_can_be_undone(images: list[Any], tmp_path: Path) -> None:
    with site(images) as both:
        before = everything(both)
        path = choice_file(
            tmp_path, chosen(production(0), suspicion(production(0))), chosen(production(1), low_score())
        )
        sent = send(both, path, "--dataset")
        entries = {entry["kind"]: entry for entry in trail(both)}
        assert set(entries) == {
            f"send-back-{step}" for step in ("collection", "issues", "dataset", "reopen", "priority")
        }
        assert {entry["operator"] for entry in entries.values()} == {"ann"}
        for step in reversed(sent["steps"]):
            undoing = run(both, "actions", "undo", step["action_id"][:8], "--reason", "a mistake", "--operator", "ben")
            assert undoing.exit_code == 0, undoing.stderr
        world, collections, issues = everything(both)
        assert (collections, issues) == (before[1], before[2])
        assert standing(world) == standing(before[0])
        again = send(both, path)
        assert set(states(again).values()) == {"done"}, "undone is undone: it can be sent back again"


@pytest.mark.encord
def test_a_dataset_that_people_have_begun_to_label_is_not_detached(images: list[Any], tmp_path: Path) -> None:
    with site(images) as both:
        sent = send(both, choice_file(tmp_path, chosen(production(0), low_score())), "--dataset", "--no-reopen")
        (entry,) = both.client().get_datasets(title_eq=sent["name"])
        (unit,) = both.client().get_dataset(entry["dataset"].dataset_hash).list_data_rows()
        (row,) = both.client().get_project(PRODUCTION).list_label_rows_v2(data_hashes=[unit.uid])
        row.initialise_labels()
        row.save()
        (step,) = [step for step in sent["steps"] if step["step"] == "dataset"]
        undoing = run(both, "actions", "undo", step["action_id"], "--reason", "a mistake", "--operator", "ben")
        assert (undoing.exit_code, "detaching it would delete that work" in undoing.stderr) == (2, True)
        assert unit.uid in {row.data_hash for row in both.client().get_project(PRODUCTION).list_label_rows_v2()}


@pytest.mark.parametrize("step", ["collection", "issues", "dataset", "reopen", "priority"])
def test_killed_in_any_step_it_goes_on_and_ends_as_if_nothing_had_happened(
    images: list[Any], tmp_path: Path, step: str
) -> None:
    """The request that changes something takes effect, its answer never comes, and the process is killed."""
    operations = {
        "collection": "POST active/{project}/collections",
        "issues": "POST projects/{project}/issues",
        "dataset": "legacy datasetlinkitems.POST",
        "reopen": "POST projects/{project}/workflow/stages/{stage}/move-tasks",
        "priority": "POST projects/{project}/priorities",
    }
    with site(images) as both:
        items = [chosen(production(n), suspicion(production(n)), low_score(0.1)) for n in range(3)]
        path = choice_file(tmp_path, *items)
        both.break_platform("latency", operation=operations[step], seconds=1.0)
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmark_qa", "send-back", str(path), "--dataset"],
            env=dict(both.environment),
        )
        until(lambda: both.control("GET", "faults")["faults"] == [])
        process.send_signal(signal.SIGKILL)
        process.wait()
        until(lambda: operations[step] in both.requests_of_service())
        send(both, path, "--dataset")
        project = both.client().get_project(PRODUCTION)
        assert len(list(project.list_collections())) == 1
        waiting = list(project.workflow.get_stage(name="Annotate").get_tasks())
        assert [str(task.data_hash) for task in waiting] == [item.data_hash for item in items]
        assert [len(list(task.issues.list())) for task in waiting] == [1, 1, 1]
        assert len([d for d in project.list_datasets() if d.title.startswith("Round 2")]) == 1
        assert both.stages()["Routing"] == 3
        assert len(trail(both)) == 5, "each step once"


def test_a_second_run_at_the_same_time_is_refused_and_changes_nothing(images: list[Any], tmp_path: Path) -> None:
    with site(images) as both:
        path = choice_file(tmp_path, chosen(production(0), suspicion(production(0))))
        with path.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            done = run(both, "send-back", str(path), "--operator", "ann")
            assert (done.exit_code, "another run with this file is going on" in done.stderr) == (2, True)
            assert trail(both) == []
        send(both, path)


@pytest.mark.encord
def test_a_step_that_was_cut_short_is_told_from_one_that_is_done(images: list[Any], tmp_path: Path) -> None:
    with site(images) as both:
        path = choice_file(tmp_path, chosen(production(0), low_score()))
        both.break_platform("status", operation="POST projects/{project}/priorities", status=500, times=20)
        send_again = run(both, "send-back", str(path), "--operator", "ann")
        assert send_again.exit_code == 3, send_again.output
        listed = run(both, "actions", "list").stdout.splitlines()
        assert [line for line in listed if "not certain to have been done" in line] == [
            line for line in listed if "send-back-priority" in line
        ]
        both.mend_platform()
        send(both, path)
        assert "not certain" not in run(both, "actions", "list").stdout


@pytest.mark.encord
def test_a_priority_that_somebody_has_set_since_outlives_the_undoing(images: list[Any], tmp_path: Path) -> None:
    with site(images) as both:
        sent = send(both, choice_file(tmp_path, *(chosen(production(n), low_score()) for n in range(2))))
        rows = {row.data_hash: row for row in both.client().get_project(PRODUCTION).list_label_rows_v2()}
        rows[production(0)].set_priority(0.9)
        (step,) = [step for step in sent["steps"] if step["step"] == "priority"]
        run(both, "actions", "undo", step["action_id"], "--reason", "a mistake", "--operator", "ben")
        rows = {row.data_hash: row for row in both.client().get_project(PRODUCTION).list_label_rows_v2()}
        assert [rows[production(n)].priority for n in range(2)] == [0.9, 0.5]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not a choice"),
        ('{"version": 1}', "project_hash: missing: set it"),
        ("", "is not a choice"),
        (TWICE, "stands there more than once"),
    ],
)
def test_a_file_that_is_no_choice_is_refused_by_name(
    images: list[Any], tmp_path: Path, content: str, words: str
) -> None:
    path = tmp_path / "choice.json"
    path.write_text(content)
    with site(images) as both:
        done = run(both, "send-back", str(path))
        assert (done.exit_code, words in done.stderr) == (2, True), done.stderr


def test_a_choice_of_another_project_is_refused(images: list[Any], tmp_path: Path) -> None:
    other = ChosenItems(
        project_hash=uuid("other"), name="x", made_at=MADE_AT, items=(chosen(production(0), low_score()),)
    )
    path = tmp_path / "choice.json"
    path.write_text(other.model_dump_json())
    with site(images) as both:
        done = run(both, "send-back", str(path), "--operator", "ann")
        assert (done.exit_code, "does not serve" in done.stderr) == (2, True)
