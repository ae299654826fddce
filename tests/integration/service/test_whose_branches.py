"""Encord otherwise than guessed: no branches behind the block, a reviewer named on them, parts instead of rivals.

Each must end in a refusal with a reason, or in an author that is unknown; never in a wrong score.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from encord import EncordUserClient

from benchmark_qa.encord_api.errors import UnexpectedAnswer
from benchmark_qa.service.service import Service
from benchmark_qa.tasks.drain import drain_scoring_stage
from benchmark_qa.tasks.errors import BranchesAreParts, BranchesMissing
from emulator.testing import Running
from tests.integration.service.in_process import service_in_process
from tests.integration.service.sandbox import CONSENSUS_STAGE, KEY, PRODUCTION, SCORING_STAGE, SERVICE, Unit

REVIEWER = "rita@example.com"
NO_ROUTING = {"stages": {"scoring": [{"uuid": SCORING_STAGE, "pass_pathway": "Done"}]}}


@pytest.fixture
def units(pedestrians: dict[str, Any]) -> list[Unit]:
    """Two images, the second with an empty answer."""
    images = [image for image in pedestrians["images"] if len(image["ground_truth"]) > 1]
    several = next(image for image in images if all(image["annotations"].values()))
    one_empty = next(image for image in images if [bool(b) for b in image["annotations"].values()].count(False) == 1)
    return [Unit(several, stage="Score"), Unit(one_empty, stage="Score")]


@contextmanager
def otherwise(
    units: list[Unit], folder: Path, switches: dict[str, Any], config: dict[str, Any] | None = None
) -> Iterator[tuple[Service, Running]]:
    """The service on a platform with these switches."""
    with service_in_process(units, folder, config) as (service, platform):
        requests.patch(f"{platform.url}/_emulator/switches", json=switches, timeout=10).raise_for_status()
        yield service, platform


@pytest.mark.parametrize("config", [None, NO_ROUTING], ids=["the routing stage leads to the block", "nothing tells"])
def test_what_a_review_has_left_on_main_is_scored_for_nobody(
    units: list[Unit], tmp_path: Path, config: dict[str, Any] | None
) -> None:
    with otherwise(units, tmp_path, {"consensus_branches_after_block": "hidden"}, config) as (service, platform):
        put_on_main(platform, units[0])
        scorer, stages = service.connections.scorer, service.settings.config.stages
        with pytest.raises(BranchesMissing, match="'main' is nobody's own work"):
            scorer.score_data_unit(PRODUCTION, units[0].data_hash)
        drain_scoring_stage(scorer, stages.scoring[0])
        assert service.connections.store.latest(PRODUCTION) == []
        waiting = scorer.projects.encord.task_pages(PRODUCTION, SCORING_STAGE)
        assert {task.data_hash for page in waiting for task in page} == {unit.data_hash for unit in units}


def put_on_main(platform: Running, unit: Unit) -> None:
    """What a review leaves: labels on `main`, and a task that the reviewer acted on last."""
    client = EncordUserClient.create_with_ssh_private_key(KEY.private, domain=platform.url)
    project = client.get_project(PRODUCTION)
    (row,) = project.list_label_rows_v2([unit.data_hash])
    row.initialise_labels()
    row.save()
    assert SERVICE in {user.user_email for user in project.list_users()}


def sign(document: dict[str, Any], by: str | None = None) -> None:
    """Every label says who made it: whose row it is on, or `by`."""
    for row in document["labels"]:
        for unit in row["labels"]["data_units"].values():
            for label in unit["labels"].get("objects", ()):
                label["createdBy"] = by or row["created_by"]


def reviewed(document: dict[str, Any], *, with_analytics: bool) -> None:
    """Encord names who approved the task on every branch."""
    sign(document)
    document["users"].append({"email": REVIEWER})
    for task in document["projects"][1]["tasks"]:
        for part in task["subtasks"]:
            part["last_actioned_by"] = REVIEWER
            if with_analytics:
                part["submitted_at"] = "2026-03-01T09:00:00Z"


@pytest.mark.parametrize("with_analytics", [True, False])
def test_a_reviewer_gets_nobodys_scores(units: list[Unit], tmp_path: Path, with_analytics: bool) -> None:
    def change(document: dict[str, Any]) -> None:
        reviewed(document, with_analytics=with_analytics)

    with service_in_process(units, tmp_path, change_world=change) as (service, _):
        for unit in units:
            service.connections.scorer.score_data_unit(PRODUCTION, unit.data_hash)
        people = {
            (record.identity.data_hash, record.identity.branch_name): record.annotator
            for record in service.connections.store.latest(PRODUCTION)
        }
        assert people == {
            (unit.data_hash, unit.branch(annotator)): annotator if boxes or with_analytics else None
            for unit in units
            for annotator, boxes in unit.annotations.items()
        }, "whose labels are on the branch; an empty answer is of who else submitted the task, if that is known"


def test_an_annotator_who_kept_the_labels_of_another_keeps_the_score(units: list[Unit], tmp_path: Path) -> None:
    """Pre-labels are made by somebody else. Who submitted stands in Encord's analytics."""

    def change(document: dict[str, Any]) -> None:
        sign(document, by=SERVICE)
        for task in document["projects"][1]["tasks"]:
            for part in task["subtasks"]:
                part["submitted_at"] = "2026-03-01T09:00:00Z"

    with service_in_process(units[:1], tmp_path, change_world=change) as (service, _):
        records = service.connections.scorer.score_data_unit(PRODUCTION, units[0].data_hash).records
        assert {record.annotator for record in records} == set(units[0].annotations)


def parallel(shown_as: str) -> Callable[[dict[str, Any]], None]:
    """Classes divided among people, in place of the consensus block."""

    def change(document: dict[str, Any]) -> None:
        workflow = document["projects"][1]["workflow"]
        kept = [stage for stage in workflow["stages"] if stage["type"] != "consensus_review"]
        for stage in kept:
            if stage["uuid"] == CONSENSUS_STAGE:
                stage |= {"type": "parallel_annotation", "next": "Score", "shown_as": shown_as}
        workflow["stages"] = kept

    return change


def test_parts_of_one_answer_are_not_scored_as_rivals(units: list[Unit], tmp_path: Path) -> None:
    with service_in_process(units, tmp_path, change_world=parallel("CONSENSUS_ANNOTATION")) as (service, _):
        with pytest.raises(BranchesAreParts, match=r"7 branches from no consensus block.*parallel annotation"):
            service.connections.scorer.score_data_unit(PRODUCTION, units[0].data_hash)
        assert service.connections.store.latest(PRODUCTION) == []


def test_a_stage_that_the_sdk_does_not_know_is_named(units: list[Unit], tmp_path: Path) -> None:
    with service_in_process(units, tmp_path, change_world=parallel("PARALLEL_ANNOTATION")) as (service, _):
        with pytest.raises(UnexpectedAnswer, match=r"stage of type 'PARALLEL_ANNOTATION'.*parallel annotation"):
            service.connections.scorer.score_data_unit(PRODUCTION, units[0].data_hash)
        assert service.connections.store.latest(PRODUCTION) == []


@pytest.mark.parametrize("way", ["review_and_refine", "determine_consensus"])
def test_both_ways_of_review_leave_every_branch_its_score(units: list[Unit], tmp_path: Path, way: str) -> None:
    """Label by label or a whole branch: what the reviewer takes to `main` is scored for nobody."""
    unit = Unit(units[0].image, stage="Review & Refine")

    def change(document: dict[str, Any]) -> None:
        for stage in document["projects"][1]["workflow"]["stages"]:
            if stage["type"] == "consensus_review":
                stage["way"] = way

    with service_in_process([unit], tmp_path, change_world=change) as (service, platform):
        scorer = service.connections.scorer
        before = scorer.score_data_unit(PRODUCTION, unit.data_hash).records
        client = EncordUserClient.create_with_ssh_private_key(KEY.private, domain=platform.url)
        (task,) = client.get_project(PRODUCTION).workflow.get_stage(name="Review & Refine").get_tasks()
        branch = max(unit.annotations, key=lambda who: len(unit.annotations[who]))
        choice: dict[str, Any] = {"branch": unit.branch(branch)}
        if way == "review_and_refine":
            (row,) = client.get_project(PRODUCTION).list_label_rows_v2(
                [unit.data_hash], branch_name=unit.branch(branch)
            )
            row.initialise_labels()
            choice = {"labels": {unit.branch(branch): [box.object_hash for box in row.get_object_instances()[:1]]}}
        place = f"{platform.url}/_emulator/projects/{PRODUCTION}/tasks/{task.uuid}/consensus"
        answered = requests.post(place, json=choice, timeout=10)
        assert answered.ok, answered.text
        task.approve()
        (main,) = client.get_project(PRODUCTION).list_label_rows_v2([unit.data_hash])
        assert main.label_hash is not None, "the review has left labels on main"
        drain_scoring_stage(scorer, service.settings.config.stages.scoring[0])
        assert service.connections.store.latest(PRODUCTION) == list(before)
        assert {record.annotator for record in before} == set(unit.annotations)
        (main,) = client.get_project(PRODUCTION).list_label_rows_v2([unit.data_hash])
        assert main.workflow_graph_node is not None
        assert main.workflow_graph_node.title == "Complete"
