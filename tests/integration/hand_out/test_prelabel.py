"""`prelabel` and `assign` through the SDK against the emulator: who is treated how, whose work stays, undoing."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from encord.objects import LabelRowV2

from benchmark_qa.config.settings import load_settings
from benchmark_qa.encord_api.label_writing import UnstartedRows
from benchmark_qa.formats.label_parts import Labelled, LabelReading, filled, parts_of
from benchmark_qa.store.action_log import ActionLog
from benchmark_qa.tasks.connections import Connections
from benchmark_qa.tasks.prelabelling import BRANCH, automatic, is_prelabelled
from tests.integration.send_back.commands import run
from tests.integration.service.sandbox import (
    BENCHMARK,
    PRODUCTION,
    ROUTING_STAGE,
    SERVICE,
    Sandbox,
    Unit,
    platform,
    uuid,
)
from tests.unit.rows import box_row

ITEMS, ORDINARY = 6, 24
PERSON = "annotator-01@example.com"
BOXES = [[10, 20, 100, 200], [400, 100, 80, 160]]


@pytest.fixture(scope="module")
def images(pedestrians: dict[str, Any]) -> list[dict[str, Any]]:
    found = [image for image in pedestrians["images"] if len(image["ground_truth"]) > 1][:ITEMS]
    return [{**image, "annotations": {f"annotator-{n:02d}@example.com": [] for n in range(1, 4)}} for image in found]


@pytest.fixture
def both(images: list[dict[str, Any]]) -> Iterator[Sandbox]:
    """Six benchmark items and 24 ordinary images, all at the routing stage."""
    with platform([Unit(image) for image in images], production_images=ORDINARY) as running:
        yield running


def units(both: Sandbox) -> list[str]:
    return [row.data_hash for row in rows(both)]


def rows(both: Sandbox, branch: str = "main", project: str = PRODUCTION) -> list[LabelRowV2]:
    return list(both.client().get_project(project).list_label_rows_v2(branch_name=branch))


def labels(both: Sandbox, branch: str = "main", project: str = PRODUCTION) -> dict[str, list[Any]]:
    """Objects by data hash, of rows that have been opened."""
    found = {}
    for row in rows(both, branch, project):
        if row.label_hash is not None:
            row.initialise_labels()
            found[row.data_hash] = row.get_object_instances()
    return found


def predictions(both: Sandbox, folder: Path, *, without: int = 0) -> Path:
    """A prediction for every unit, the last ones left out."""
    path = folder / "predictions.json"
    hashes = units(both)
    path.write_text(json.dumps([box_row(one, BOXES) for one in hashes[: len(hashes) - without]]))
    return path


def prelabel(both: Sandbox, *arguments: Any, code: int = 0) -> Any:
    done = run(both, "prelabel", "write", *map(str, arguments), "--consensus-from-main", "--json")
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def test_a_share_of_all_tasks_is_filled_and_copied_and_the_rest_stays_blank(both: Sandbox, tmp_path: Path) -> None:
    truth = {unit: len(found) for unit, found in labels(both, project=BENCHMARK).items()}
    file = predictions(both, tmp_path)
    dry = prelabel(both, file, "--dry-run")
    assert (dry["written"], labels(both)) == (0, {})
    done = prelabel(both, file, "--share", "0.5", "--operator", "ops")
    written = labels(both)
    assert len(written) == done["written"] == done["prelabelled"]
    assert done["prelabelled"] + done["control"] == ITEMS + ORDINARY
    assert all(len(found) == 2 for found in written.values())
    assert not any(one.get_annotations()[0].manual_annotation for found in written.values() for one in found)
    copies = labels(both, BRANCH)
    assert {unit: {one.object_hash for one in found} for unit, found in copies.items()} == {
        unit: {one.object_hash for one in found} for unit, found in written.items()
    }
    assert {unit: len(found) for unit, found in labels(both, project=BENCHMARK).items()} == truth
    again = prelabel(both, file, "--share", "0.5", "--operator", "ops")
    assert (again["written"], again["action"]) == (0, None)
    assert again["control"] == done["control"], "the control is not chosen anew"


def test_tasks_without_a_prediction_would_tell_items_apart_and_are_refused(both: Sandbox, tmp_path: Path) -> None:
    file = predictions(both, tmp_path, without=3)
    refused = run(both, "prelabel", "write", str(file), "--consensus-from-main", "--operator", "ops")
    assert refused.exit_code == 2
    assert "3 of 30 waiting tasks have no prediction" in " ".join(refused.output.split())
    assert labels(both) == {}
    unstated = run(both, "prelabel", "write", str(predictions(both, tmp_path)), "--operator", "ops")
    assert unstated.exit_code == 2
    assert "has a consensus stage" in " ".join(unstated.output.split())


def draw(both: Sandbox, data_hash: str, boxes: list[list[float]]) -> None:
    """Somebody labels a data unit."""
    (row,) = both.client().get_project(PRODUCTION).list_label_rows_v2(data_hashes=[data_hash])
    row.initialise_labels()
    row.from_labels_dict(filled(row.to_encord_dict(), parts_of(box_row(data_hash, boxes))))
    row.save()


def test_labels_of_a_person_are_not_written_over(both: Sandbox, tmp_path: Path) -> None:
    mine = units(both)[0]
    draw(both, mine, [[1, 2, 30, 40]])
    done = prelabel(both, predictions(both, tmp_path), "--share", "1", "--operator", "ops")
    assert done["started"] == 1
    assert len(labels(both)[mine]) == 1
    assert mine not in labels(both, BRANCH)


def test_a_task_that_somebody_takes_or_moves_while_it_is_written_stays(both: Sandbox) -> None:
    """The change comes after the first reading: inside the function that fills the row."""
    assert run(both, "route").exit_code == 0
    connections = Connections(settings(both))
    workflow = both.client().get_project(PRODUCTION).workflow
    annotate = workflow.get_stage(name="Annotate")
    one, other, third = list(annotate.get_tasks())[:3]

    def fill(document: Any) -> Any:
        if document["data_hash"] == str(one.data_hash):
            one.assign(PERSON)
        if document["data_hash"] == str(other.data_hash):
            other.submit()
        return filled(document, parts_of(box_row(document["data_hash"], BOXES)))

    hashes = [str(task.data_hash) for task in (one, other, third)]
    outcome = UnstartedRows(connections.encord, PRODUCTION).write(dict.fromkeys(hashes, fill), [str(annotate.uuid)])
    assert outcome.written == (hashes[2],)
    assert outcome.left == {
        hashes[0]: "is assigned to somebody",
        hashes[1]: "has left the stages before annotation",
    }
    assert {unit: len(found) for unit, found in labels(both).items() if found} == {hashes[2]: 2}


def settings(both: Sandbox) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in both.environment.items():
            patch.setenv(name, value)
        return load_settings(endpoints=False)


def test_undoing_takes_back_what_nobody_has_touched(both: Sandbox, tmp_path: Path) -> None:
    done = prelabel(both, predictions(both, tmp_path), "--share", "1", "--operator", "ops")
    changed = units(both)[4]
    (row,) = both.client().get_project(PRODUCTION).list_label_rows_v2(data_hashes=[changed])
    row.initialise_labels()
    row.remove_object(row.get_object_instances()[0])
    row.save()
    undone = run(both, "actions", "undo", done["action"], "--reason", "wrong model", "--operator", "ops")
    assert undone.exit_code == 0, undone.output
    assert f"{ITEMS + ORDINARY - 1} tasks are blank again" in undone.output
    assert {unit: len(found) for unit, found in labels(both).items() if found} == {changed: 1}


def test_copies_that_a_killed_run_did_not_make_are_made_and_of_its_own_labels_only(
    both: Sandbox, tmp_path: Path
) -> None:
    connections = Connections(settings(both))
    log = ActionLog(connections.store.database)
    one, other, third = units(both)[:3]
    facts = {"key": "k", "share": 1.0, "units": [one, other, third], "control": [], "outcome": "begun"}
    entry = log.record(PRODUCTION, kind="prelabel", operator="ops", subject="P", reason="r", facts=facts)
    (machine,) = LabelReading((automatic(Labelled("x", parts_of(box_row(one, BOXES)))),)).labelled
    fills = {one: partial(filled, parts=machine.parts)}
    UnstartedRows(connections.encord, PRODUCTION).write(fills, [ROUTING_STAGE])  # killed before the copy
    draw(both, other, [[1, 2, 30, 40]])  # a person's, before the next run
    prelabel(both, predictions(both, tmp_path), "--share", "0", "--operator", "ops")
    assert {unit: len(found) for unit, found in labels(both, BRANCH).items()} == {one: 2}
    assert log.find(entry.action_id).facts["outcome"] == "done"


@pytest.mark.slow
def test_fifty_worlds_are_filled_by_the_key_alone(images: list[dict[str, Any]], tmp_path: Path) -> None:
    check_worlds(images, tmp_path, 50)


def test_a_few_worlds_are_filled_by_the_key_alone(images: list[dict[str, Any]], tmp_path: Path) -> None:
    check_worlds(images, tmp_path, 3)


def check_worlds(images: list[dict[str, Any]], folder: Path, worlds: int) -> None:
    """What is filled is what the key says, for both sides; filled rows look alike, and so do blank ones."""
    items = filled_items = ordinary = filled_ordinary = 0
    for _ in range(worlds):
        with platform([Unit(image) for image in images], production_images=ORDINARY) as both:
            prelabel(both, predictions(both, folder), "--operator", "ops")
            (entry,) = ActionLog(Connections(settings(both)).store.database).entries(PRODUCTION, kind="prelabel")
            written, looks = labels(both), {True: set(), False: set()}
            for row in rows(both):
                full = is_prelabelled(entry.facts["key"], row.data_hash, 0.8)
                assert (row.data_hash in written) == full
                is_item = row.data_hash in {uuid(f"benchmark/{image['id']}") for image in images}
                items, ordinary = items + is_item, ordinary + (not is_item)
                filled_items, filled_ordinary = (
                    filled_items + (full and is_item),
                    filled_ordinary + (full and not is_item),
                )
                looks[full].add((row.label_hash is None, row.assigned_user_email, row.priority, row.branch_name))
            assert all(len(look) == 1 for look in looks.values() if look)
    share = filled_items / items - filled_ordinary / ordinary
    assert abs(share) < 4 * (0.16 / items + 0.16 / ordinary) ** 0.5


def test_the_effect_says_how_much_was_left_as_it_was(both: Sandbox, tmp_path: Path) -> None:
    assert "there are no pre-labels yet" in run(both, "prelabel", "effect").output
    prelabel(both, predictions(both, tmp_path), "--share", "1", "--operator", "ops")

    def left() -> Any:
        done = run(both, "prelabel", "effect", "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)["annotators"]

    assert left() == [], "nobody has worked yet"
    assert run(both, "route").exit_code == 0
    first, second = list(both.client().get_project(PRODUCTION).workflow.get_stage(name="Annotate").get_tasks())[:2]
    (row,) = both.client().get_project(PRODUCTION).list_label_rows_v2(data_hashes=[first.data_hash])
    row.initialise_labels()
    row.remove_object(row.get_object_instances()[0])
    row.save()
    first.submit()
    second.submit()
    assert left() == [{"annotator": SERVICE, "left_as_they_were": 3, "prelabels": 4}]


def test_waiting_tasks_are_assigned_and_released_again(both: Sandbox) -> None:
    assert run(both, "route").exit_code == 0
    dry = run(both, "assign", "--dry-run", "--json")
    assert dry.exit_code in (0, 4), dry.output
    done = run(both, "assign", "--json", "--operator", "ops")
    outcome = json.loads(done.stdout)
    assert outcome["annotators"] == json.loads(dry.stdout)["annotators"]
    got = assigned(both)
    assert got == {task["uuid"]: task["assignee"] for task in outcome["tasks"]}
    numbers = [one["tasks"] for one in outcome["annotators"]]
    assert max(numbers) - min(numbers) <= 1
    met = [(task["assignee"], task["data_hash"]) for task in outcome["tasks"]]
    assert len(met) == len(set(met))
    undone = run(both, "actions", "undo", outcome["action"], "--reason", "holiday", "--operator", "ops")
    assert undone.exit_code == 0, undone.output
    assert assigned(both) == {}


def assigned(both: Sandbox) -> dict[str, str]:
    workflow = both.client().get_project(PRODUCTION).workflow
    plain = [(str(t.uuid), t.assignee) for t in workflow.get_stage(name="Annotate").get_tasks()]
    parts = [(str(p.uuid), p.assignee) for t in workflow.get_stage(name="Consensus").get_tasks() for p in t.subtasks]
    return {task: person for task, person in (*plain, *parts) if person}


def test_a_person_who_is_not_in_the_project_and_an_unknown_rule_are_refused(both: Sandbox) -> None:
    assert "is not in the project" in run(both, "assign", "--person", "nobody@example.com", "--operator", "o").output
    assert "--rule is one of" in run(both, "assign", "--rule", "best", "--operator", "o").output
