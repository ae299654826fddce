"""Both readings of what Encord does not document: each switch turned, and what a program then sees through the SDK."""

import json
import time
from typing import Any

import pytest
from encord.objects import LabelRowV2

from emulator.errors import WorldError
from emulator.world import TURNED

from .conftest import (
    ANNOTATORS,
    BENCHMARK,
    BENCHMARK_DATA,
    CONSENSUS_WORKFLOW,
    PROJECT,
    REVIEWER,
    Received,
    Receiver,
    Site,
    Start,
    make_world,
)
from .test_consensus import DATA, FIRST, SECOND, draw, label

SINGLE: dict[str, Any] = {
    "stages": [{"type": "annotation", "title": "Annotate", "next": "Complete"}, {"type": "complete"}]
}


def reviewed_block(start: Start, way: str = "review_and_refine", **switches: Any) -> Site:
    """One task at the review of its consensus block, with a box of each of two people."""
    stages = [
        {**stage, "way": way} if stage["type"] == "consensus_review" else stage
        for stage in CONSENSUS_WORKFLOW["stages"]
    ]
    site = start(workflow={"stages": stages}, switches=switches)
    routing = site.project().workflow.get_stage(name="Routing")
    next(iter(routing.get_tasks(data_hash=DATA))).proceed(pathway_name="Yes")
    label(site, FIRST, 0.1)
    label(site, SECOND, 0.6)
    return site


def review_of(site: Site) -> Any:
    (task,) = site.project(REVIEWER).workflow.get_stage(name="Review & Refine").get_tasks()
    return task


def branches(site: Site) -> dict[str, LabelRowV2]:
    rows = site.project().list_label_rows_v2([DATA], include_all_label_branches=True)
    return {row.branch_name: row for row in rows if row.branch_name != "main"}


def boxes(row: LabelRowV2) -> list[float]:
    row.initialise_labels(overwrite=True)
    return sorted(o.get_annotation(0).coordinates.top_left_x for o in row.get_object_instances())


@pytest.mark.parametrize(("switch", "listed"), [("listed", 2), ("hidden", 0)])
def test_consensus_branches_are_listed_after_the_block_or_not(start: Start, switch: str, listed: int) -> None:
    site = reviewed_block(start, consensus_branches_after_block=switch)
    assert len(branches(site)) == 2
    review_of(site).approve()
    assert len(branches(site)) == listed


@pytest.mark.parametrize(
    ("switch", "authors"), [("annotator", {FIRST, SECOND}), ("last_person", {REVIEWER})], ids=["annotator", "reviewer"]
)
@pytest.mark.parametrize("action", ["approve", "reject"])
def test_a_reviewed_branch_names_its_annotator_or_who_reviewed_it(
    start: Start, switch: str, authors: set[str], action: str
) -> None:
    site = reviewed_block(start, branch_author=switch)
    getattr(review_of(site), action)()
    assert {row.last_actioned_by_user_email for row in branches(site).values()} == authors


@pytest.mark.parametrize("entered", ["reject", "move"])
@pytest.mark.parametrize("switch", ["same_branches", "new_branches"])
def test_a_task_that_enters_its_block_again_gets_the_old_branches_or_new_ones(
    start: Start, switch: str, entered: str
) -> None:
    site = reviewed_block(start, consensus_entered_again=switch)
    before = {name: row.last_actioned_by_user_email for name, row in branches(site).items()}
    if entered == "reject":
        review_of(site).reject()
    else:
        review_of(site).approve()
        consensus = site.project().workflow.get_stage(name="Consensus")
        (task,) = site.project().workflow.get_stage(name="Score").get_tasks()
        task.move(destination_stage_uuid=consensus.uuid)
    (again,) = site.project().workflow.get_stage(name="Consensus").get_tasks()
    now = {part.label_branch_name for part in again.subtasks}
    old = {name: row.last_actioned_by_user_email for name, row in branches(site).items() if name in before}
    assert old == before
    if switch == "same_branches":
        assert now == before.keys()
        assert {part.assignee for part in again.subtasks} == {FIRST, SECOND}
    else:
        assert not now & before.keys()
        assert {part.assignee for part in again.subtasks} == {None}
        label(site, FIRST, 0.3)


def test_the_review_of_a_second_attempt_lists_the_new_branches_alone(start: Start) -> None:
    site = reviewed_block(start, consensus_entered_again="new_branches")
    review_of(site).reject()
    for email, x in ((FIRST, 0.2), (SECOND, 0.7)):
        label(site, email, x)
    options = review_of(site).options
    rows = branches(site)
    assert [boxes(rows[option.label_branch_name]) for option in options] == [[0.2], [0.7]]
    assert len(rows) == 4


def test_determining_a_consensus_takes_one_branch_as_a_whole(start: Start) -> None:
    site = reviewed_block(start, "determine_consensus")
    task = review_of(site)
    chosen = task.options[1].label_branch_name
    site.control("POST", f"projects/{PROJECT}/tasks/{task.uuid}/consensus", {"branch": chosen, "by": REVIEWER})
    task.approve()
    (main,) = site.project().list_label_rows_v2([DATA])
    assert boxes(main) == [0.6]
    assert sorted(boxes(row)[0] for row in branches(site).values()) == [0.1, 0.6]


@pytest.mark.parametrize(("taken", "expected"), [((0, 1), [0.1, 0.6]), ((1,), [0.6]), ((), [])])
def test_reviewing_and_refining_takes_labels_of_every_branch(
    start: Start, taken: tuple[int, ...], expected: list[float]
) -> None:
    site = reviewed_block(start)
    task = review_of(site)
    rows = branches(site)
    labels = {}
    for number in taken:
        row = rows[task.options[number].label_branch_name]
        row.initialise_labels()
        labels[row.branch_name] = [o.object_hash for o in row.get_object_instances()]
    site.control("POST", f"projects/{PROJECT}/tasks/{task.uuid}/consensus", {"labels": labels})
    task.approve()
    (main,) = site.project().list_label_rows_v2([DATA])
    assert boxes(main) == expected


@pytest.mark.parametrize(
    ("way", "body"),
    [
        ("determine_consensus", {"labels": {}}),
        ("review_and_refine", {"branch": "encord-x"}),
        ("determine_consensus", {"branch": "main"}),
        ("review_and_refine", {"labels": {"encord-x": []}}),
        ("review_and_refine", {"labels": 3}),
        ("review_and_refine", {}),
    ],
)
def test_a_choice_that_the_review_does_not_offer_is_refused(start: Start, way: str, body: dict[str, Any]) -> None:
    site = reviewed_block(start, way)
    task = review_of(site)
    with pytest.raises(AssertionError, match="message"):
        site.control("POST", f"projects/{PROJECT}/tasks/{task.uuid}/consensus", body)


@pytest.mark.parametrize(("switch", "assignee"), [(False, None), (True, ANNOTATORS[0])])
def test_a_finished_task_moved_to_annotation_is_its_annotators_or_nobodys(
    start: Start, switch: bool, assignee: str | None
) -> None:
    site = start(workflow=SINGLE, switches={"moved_task_keeps_annotator": switch})
    (task,) = site.project(ANNOTATORS[0]).workflow.get_stage(name="Annotate").get_tasks(data_hash=DATA)
    task.submit()
    annotate = site.project().workflow.get_stage(name="Annotate")
    (done,) = site.project().workflow.get_stage(name="Complete").get_tasks()
    done.move(destination_stage_uuid=annotate.uuid)
    (again,) = annotate.get_tasks(data_hash=DATA)
    assert again.assignee == assignee


@pytest.mark.parametrize(("switch", "found"), [("dropped", []), ("kept", [0.3])])
def test_a_dataset_attached_again_has_lost_its_labels_or_kept_them(
    start: Start, switch: str, found: list[float]
) -> None:
    site = start(workflow=SINGLE, switches={"detached_labels": switch})
    (row,) = site.project().list_label_rows_v2([DATA])
    draw(row, 0.3)
    (before,) = site.project().workflow.get_stage(name="Annotate").get_tasks(data_hash=DATA)
    site.project().remove_datasets([BENCHMARK])
    assert site.project().list_label_rows_v2([DATA]) == []
    assert site.project().list_label_rows_v2(label_hashes=[str(row.label_hash)]) == []
    site.control("GET", "world")
    site.project().add_datasets([BENCHMARK])
    (again,) = site.project().list_label_rows_v2([DATA])
    assert (again.label_hash == row.label_hash) is bool(found)
    assert boxes(again) == found
    (task,) = site.project().workflow.get_stage(name="Annotate").get_tasks(data_hash=DATA)
    assert task.uuid != before.uuid


@pytest.mark.parametrize(("digits", "kept"), [(15, 0.123456), (2, 0.12)])
def test_a_priority_keeps_its_digits_or_some_of_them(start: Start, digits: int, kept: float) -> None:
    site = start(switches={"priority_digits": digits})
    (row,) = site.project().list_label_rows_v2([DATA])
    row.set_priority(0.123456)
    (again,) = site.project().list_label_rows_v2([DATA])
    assert again.priority == kept


@pytest.mark.parametrize("switch", ["new", "kept"])
def test_stages_of_a_template_are_new_in_a_project_or_kept(start: Start, switch: str) -> None:
    template = {"uuid": "ee000000-0000-4000-8000-000000000009", "title": "T", **CONSENSUS_WORKFLOW}
    site = start({**make_world(switches={"template_stage_uuids": switch}), "workflow_templates": [template]})
    client = site.client()
    made = [
        client.get_project(client.create_project(f"p{n}", [BENCHMARK], workflow_template_hash=template["uuid"]))
        for n in range(2)
    ]
    one, two = ({stage.title: stage.uuid for stage in project.workflow.stages} for project in made)
    assert (one == two) is (switch == "kept")
    ways = [{p.uuid for s in project.workflow.stages for p in getattr(s, "pathways", ())} for project in made]
    assert ways[0] == ways[1]
    assert len(ways[0]) == 3


def events(receiver: Receiver) -> list[str]:
    return [received.json()["event_type"] for received in receiver.received]


@pytest.mark.parametrize(("switch", "number"), [(True, 2), (False, 0)])
def test_a_part_of_a_consensus_task_is_an_event_or_not(
    start: Start, receiver: Receiver, switch: bool, number: int
) -> None:
    hook = {"url": receiver.url, "secret": "s"}
    stages = [
        {**stage, "webhook": hook} if stage["type"] == "consensus_annotation" else stage
        for stage in CONSENSUS_WORKFLOW["stages"]
    ]
    site = start(workflow={"stages": stages}, switches={"webhook_parts": switch})
    routing = site.project().workflow.get_stage(name="Routing")
    next(iter(routing.get_tasks(data_hash=DATA))).proceed(pathway_name="Yes")
    label(site, FIRST, 0.1)
    label(site, SECOND, 0.6)
    site.settle()
    assert events(receiver) == ["task_submitted_event"] * number


@pytest.mark.parametrize(("switch", "number"), [(True, 2), (False, 1)])
def test_a_task_moved_to_complete_is_an_event_or_not(
    start: Start, receiver: Receiver, switch: bool, number: int
) -> None:
    workflow = {
        "stages": [
            {"type": "annotation", "title": "Annotate", "next": "Complete"},
            {"type": "complete", "webhook": {"url": receiver.url, "secret": "s"}},
        ]
    }
    site = start(workflow=workflow, switches={"webhook_moves": switch})
    stage, complete = (site.project().workflow.get_stage(name=name) for name in ("Annotate", "Complete"))
    one, two = (next(iter(stage.get_tasks(data_hash=data_hash))) for data_hash in BENCHMARK_DATA[:2])
    one.submit()
    two.move(destination_stage_uuid=complete.uuid)
    site.settle()
    assert events(receiver) == ["task_completed_event"] * number


def called_agent(start: Start, receiver: Receiver, **switches: Any) -> list[Received]:
    workflow = {
        "stages": [
            {
                "type": "agent",
                "title": "Agent",
                "pathways": [{"name": "Done", "to": "Complete"}],
                "agent": {"mode": "auto", "url": receiver.url, "secret": "s"},
            },
            {"type": "complete"},
        ]
    }
    site = start(workflow=workflow, datasets=["Benchmark"], switches={"agent_concurrency": 1, **switches})
    site.settle()
    calls: dict[str, int] = {}
    for received in receiver.received:
        data_hash = json.loads(received.body)["dataHash"]
        calls[data_hash] = calls.get(data_hash, 0) + 1
    assert set(calls) == set(BENCHMARK_DATA)
    assert set(site.where().values()) == {"Agent"}
    return receiver.received


@pytest.mark.parametrize("retries", [0, 3])
def test_an_agent_that_fails_is_called_once_and_as_often_again_as_the_switch_says(
    start: Start, receiver: Receiver, retries: int
) -> None:
    receiver.answers = [(503, {"message": "later"})]
    received = called_agent(start, receiver, auto_retries=retries)
    assert len(received) == len(BENCHMARK_DATA) * (1 + retries)


@pytest.mark.parametrize(("switch", "least", "most"), [("obeyed", 1.0, 20), ("ignored", 0, 0.9)])
def test_a_retry_after_is_obeyed_or_ignored(
    start: Start, receiver: Receiver, switch: str, least: float, most: float
) -> None:
    receiver.answers = [(503, {"message": "later"})]
    receiver.headers = {"Retry-After": "1"}
    began = time.monotonic()
    called_agent(start, receiver, auto_retries=1, agent_retry_after=switch)
    assert least <= time.monotonic() - began < most


def test_an_unknown_switch_is_refused(start: Start) -> None:
    site = start()
    with pytest.raises(AssertionError, match="extra"):
        site.control("PATCH", "switches", {"auto_retrys": 0})


def test_the_environment_turns_switches_that_a_world_does_not_set(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TURNED, '{"largest_bundle": 7, "auto_retries": 0}')
    site = start(switches={"auto_retries": 2})
    switches = site.control("PATCH", "switches", {})
    assert (switches["largest_bundle"], switches["auto_retries"]) == (7, 2)
    site.control("POST", "reset")
    assert site.control("PATCH", "switches", {})["largest_bundle"] == 7


@pytest.mark.parametrize("text", ['{"largest_bundel": 7}', "seven"])
def test_an_environment_that_turns_no_switch_is_refused(
    start: Start, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(TURNED, text)
    with pytest.raises(WorldError, match=TURNED):
        start()
