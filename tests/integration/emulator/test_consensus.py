"""A consensus block, worked through by several people with the real SDK."""

import pytest
from encord import Project
from encord.exceptions import AuthorisationError, EncordException, InvalidArgumentsError
from encord.objects import LabelRowV2
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.workflow.stages.annotation import AnnotationTask

from .conftest import ANNOTATORS, BENCHMARK_DATA, CONSENSUS_WORKFLOW, REVIEWER, Site, Start

FIRST, SECOND = ANNOTATORS[:2]
DATA = BENCHMARK_DATA[0]


@pytest.fixture
def site(start: Start) -> Site:
    """One task of the benchmark dataset at the consensus stage."""
    site = start()
    routing = site.project().workflow.get_stage(name="Routing")
    next(iter(routing.get_tasks(data_hash=DATA))).proceed(pathway_name="Yes")
    return site


def own_part(project: Project, me: str) -> tuple[AnnotationTask, LabelRowV2]:
    """The part of the consensus task that somebody sees as theirs, and the label row of its branch."""
    task = next(iter(project.workflow.get_stage(name="Consensus").get_tasks()))
    part = next(part for part in task.subtasks if part.assignee in (None, me))
    row = project.list_label_rows_v2(data_hashes=[DATA], branch_name=part.label_branch_name)[0]
    return part, row


def draw(row: LabelRowV2, x: float) -> None:
    row.initialise_labels()
    box = row.ontology_structure.objects[0].create_instance()
    box.set_for_frames(BoundingBoxCoordinates(height=0.1, width=0.1, top_left_x=x, top_left_y=0.2), frames=0)
    row.add_object_instance(box)
    row.save()


def label(site: Site, me: str, x: float) -> None:
    part, row = own_part(site.project(me), me)
    part.assign(me)
    draw(row, x)
    part.submit()


def test_every_annotator_labels_a_branch_of_their_own_and_the_review_lists_them(site: Site) -> None:
    label(site, FIRST, 0.1)
    assert site.where()[DATA] == "Consensus"
    label(site, SECOND, 0.6)
    review = site.project(REVIEWER).workflow.get_stage(name="Review & Refine")
    (task,) = review.get_tasks()
    assert [option.annotator for option in task.options] == [FIRST, SECOND]
    assert all(option.label_branch_name.startswith("encord-") for option in task.options)

    rows = {row.branch_name: row for row in site.project().list_label_rows_v2(include_all_label_branches=True)}
    for option, x in zip(task.options, (0.1, 0.6), strict=True):
        row = rows[option.label_branch_name]
        assert row.label_hash == str(option.label_hash)
        assert row.last_actioned_by_user_email == option.annotator
        row.initialise_labels()
        (box,) = row.get_object_instances()
        assert box.get_annotation(0).coordinates.top_left_x == x
        assert box.get_annotation(0).created_by == option.annotator


def test_an_approved_consensus_task_goes_on_and_its_branches_stay(site: Site) -> None:
    label(site, FIRST, 0.1)
    label(site, SECOND, 0.6)
    (task,) = site.project(REVIEWER).workflow.get_stage(name="Review & Refine").get_tasks()
    task.approve()
    assert site.where()[DATA] == "Score"
    branches = [r.branch_name for r in site.project().list_label_rows_v2([DATA], include_all_label_branches=True)]
    assert branches[0] == "main"
    assert sum(name.startswith("encord-") for name in branches) == 2


def test_a_rejected_consensus_task_returns_to_the_same_people_and_branches(site: Site) -> None:
    label(site, FIRST, 0.1)
    label(site, SECOND, 0.6)
    (task,) = site.project(REVIEWER).workflow.get_stage(name="Review & Refine").get_tasks()
    task.reject()
    (again,) = site.project().workflow.get_stage(name="Consensus").get_tasks()
    assert [(part.assignee, part.status.value) for part in again.subtasks] == [
        (FIRST, "REOPENED"),
        (SECOND, "REOPENED"),
    ]
    _, row = own_part(site.project(FIRST), FIRST)
    row.initialise_labels()
    assert len(row.get_object_instances()) == 1


def test_nobody_gets_two_parts_of_one_task(site: Site) -> None:
    (task,) = site.project(FIRST).workflow.get_stage(name="Consensus").get_tasks()
    one, two = task.subtasks
    one.assign(FIRST)
    with pytest.raises(InvalidArgumentsError, match="has a part"):
        two.assign(FIRST)
    (task,) = site.project(FIRST).workflow.get_stage(name="Consensus").get_tasks()
    assert [part.uuid for part in task.subtasks] == [one.uuid]


def test_whoever_saves_labels_on_a_free_part_has_taken_it(site: Site) -> None:
    part, row = own_part(site.project(FIRST), FIRST)
    draw(row, 0.3)
    (task,) = site.project().workflow.get_stage(name="Consensus").get_tasks()
    assert next(p.assignee for p in task.subtasks if p.uuid == part.uuid) == FIRST


def test_annotators_neither_see_nor_write_the_branches_of_others(site: Site) -> None:
    part, row = own_part(site.project(FIRST), FIRST)
    part.assign(FIRST)
    draw(row, 0.3)
    project = site.project(SECOND)
    seen = {r.branch_name for r in project.list_label_rows_v2([DATA], include_all_label_branches=True)}
    assert row.branch_name not in seen
    with pytest.raises(AuthorisationError):
        project.get_label_row(row.label_hash)
    # The part as the second annotator would hold it, had they seen it.
    part._workflow_client = project.workflow.get_stage(name="Consensus")._workflow_client
    with pytest.raises(AuthorisationError, match="assigned to somebody else"):
        part.submit()


def test_a_part_cannot_be_submitted_twice(site: Site) -> None:
    part, _ = own_part(site.project(FIRST), FIRST)
    part.submit()
    with pytest.raises(InvalidArgumentsError, match="submitted already"):
        part.submit()


def test_taking_and_submitting_in_one_bundle_works(site: Site) -> None:
    project = site.project(FIRST)
    part, _ = own_part(project, FIRST)
    with project.create_bundle() as bundle:
        part.assign(FIRST, bundle=bundle)
        part.submit(bundle=bundle)
    (task,) = site.project().workflow.get_stage(name="Consensus").get_tasks()
    assert [p.status.value for p in task.subtasks] == ["COMPLETED", "NEW"]


@pytest.mark.parametrize(("approval", "boxes"), [("first_branch_becomes_main", [0.1]), ("main_stays", [])])
def test_what_main_holds_after_the_block_is_decided_by_a_switch(
    start: Start, approval: str, boxes: list[float]
) -> None:
    site = start(switches={"consensus_approval": approval})
    routing = site.project().workflow.get_stage(name="Routing")
    next(iter(routing.get_tasks(data_hash=DATA))).proceed(pathway_name="Yes")
    label(site, FIRST, 0.1)
    label(site, SECOND, 0.6)
    (task,) = site.project(REVIEWER).workflow.get_stage(name="Review & Refine").get_tasks()
    task.approve()
    (main,) = site.project().list_label_rows_v2([DATA])
    assert (main.label_hash is not None) is bool(boxes)
    main.initialise_labels()
    assert [o.get_annotation(0).coordinates.top_left_x for o in main.get_object_instances()] == boxes


def test_two_clients_of_one_annotator_cannot_take_two_parts_by_saving(site: Site) -> None:
    (task,) = site.project().workflow.get_stage(name="Consensus").get_tasks()
    branches = [part.label_branch_name for part in task.subtasks]
    project = site.project(FIRST)
    one, two = (project.list_label_rows_v2([DATA], branch_name=branch)[0] for branch in branches)
    draw(one, 0.1)
    with pytest.raises(InvalidArgumentsError, match="has a part"):
        draw(two, 0.2)


def test_two_parts_saved_in_one_bundle_are_refused_whole(site: Site) -> None:
    (task,) = site.project().workflow.get_stage(name="Consensus").get_tasks()
    project = site.project(FIRST)
    rows = [project.list_label_rows_v2([DATA], branch_name=part.label_branch_name)[0] for part in task.subtasks]
    bundle = project.create_bundle()
    for row in rows:
        row.initialise_labels()
        row.save(bundle=bundle)
    with pytest.raises(InvalidArgumentsError, match="has a part"):
        bundle.execute()
    (task,) = site.project().workflow.get_stage(name="Consensus").get_tasks()
    assert [part.assignee for part in task.subtasks] == [None, None]


def test_parts_of_parallel_annotation_are_joined_on_main(start: Start) -> None:
    """As the SDK would see it if the stage were shown as a consensus; as it is, the SDK loads no such project."""
    stages = [dict(stage) for stage in CONSENSUS_WORKFLOW["stages"] if stage["type"] != "consensus_review"]
    block = next(stage for stage in stages if stage["title"] == "Consensus")
    block |= {"type": "parallel_annotation", "next": "Score", "shown_as": "CONSENSUS_ANNOTATION"}
    site = start(workflow={"stages": stages})
    routing = site.project().workflow.get_stage(name="Routing")
    next(iter(routing.get_tasks(data_hash=DATA))).proceed(pathway_name="Yes")
    label(site, FIRST, 0.1)
    label(site, SECOND, 0.6)
    assert site.where()[DATA] == "Score"
    (main,) = site.project().list_label_rows_v2([DATA])
    main.initialise_labels()
    assert sorted(o.get_annotation(0).coordinates.top_left_x for o in main.get_object_instances()) == [0.1, 0.6]


def test_the_sdk_loads_no_project_with_parallel_annotation(start: Start) -> None:
    stages = [dict(stage) for stage in CONSENSUS_WORKFLOW["stages"] if stage["type"] != "consensus_review"]
    next(stage for stage in stages if stage["title"] == "Consensus").update(type="parallel_annotation", next="Score")
    site = start(workflow={"stages": stages})
    with pytest.raises(EncordException, match="PARALLEL_ANNOTATION"):
        site.project()
