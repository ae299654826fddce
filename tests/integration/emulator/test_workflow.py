"""Tasks on their way through stages, moved by the real SDK."""

from typing import Any
from uuid import UUID

import pytest
from encord import Project
from encord.exceptions import AuthorisationError, BundledMoveWorkflowTasksPayloadError, InvalidArgumentsError
from encord.workflow.stages.annotation import AnnotationStage

from .conftest import (
    ANNOTATORS,
    BENCHMARK,
    BENCHMARK_DATA,
    CONSENSUS_WORKFLOW,
    KEYS,
    OPERATOR,
    PRODUCTION,
    PRODUCTION_DATA,
    PROJECT,
    REVIEWER,
    VIEWER,
    Site,
    Start,
)
from .raw import RawClient

ANNOTATOR, OTHER = ANNOTATORS[:2]
REVIEWED: dict[str, Any] = {
    "stages": [
        {"type": "annotation", "title": "Annotate", "next": "Review"},
        {"type": "review", "title": "Review", "next": "Second review"},
        {"type": "review", "title": "Second review", "next": "Complete", "reject": "Review"},
        {"type": "complete", "title": "Complete"},
        {"type": "complete", "title": "Archive"},
    ]
}


def titles(project: Project, stage: str, **filters: Any) -> list[str]:
    return [task.data_title for task in project.workflow.get_stage(name=stage).get_tasks(**filters)]


def only(project: Project, stage: str, data_hash: str = BENCHMARK_DATA[0]) -> Any:
    (task,) = project.workflow.get_stage(name=stage).get_tasks(data_hash=data_hash)
    return task


def submit_together(project: Project, tasks: list[Any]) -> None:
    with project.create_bundle() as bundle:
        for task in tasks:
            task.submit(bundle=bundle)


@pytest.fixture
def site(start: Start) -> Site:
    return start(workflow=REVIEWED)


def test_queues_are_filtered_on_the_server(site: Site) -> None:
    project = site.project()
    assert len(titles(project, "Annotate")) == 6
    assert titles(project, "Annotate", dataset_hash=BENCHMARK) == [f"Benchmark {n}.png" for n in range(3)]
    assert len(titles(project, "Annotate", dataset_hash=[BENCHMARK, PRODUCTION])) == 6
    assert titles(project, "Annotate", data_hash=[PRODUCTION_DATA[2]]) == ["Production 2.png"]
    assert titles(project, "Annotate", data_hash=PRODUCTION_DATA[2], dataset_hash=BENCHMARK) == []
    assert titles(project, "Annotate", data_title="ion 1") == ["Production 1.png"]
    only(project, "Annotate").assign(ANNOTATOR)
    assert titles(project, "Annotate", assignee=ANNOTATOR) == ["Benchmark 0.png"]
    assert titles(project, "Annotate", assignee=[OTHER]) == []


def test_a_task_goes_from_stage_to_stage_and_its_label_row_says_where_it_is(site: Site) -> None:
    project = site.project()
    for stage, action in (("Annotate", "submit"), ("Review", "approve"), ("Second review", "approve")):
        (row,) = project.list_label_rows_v2(data_hashes=[BENCHMARK_DATA[0]])
        assert row.workflow_graph_node is not None
        assert row.workflow_graph_node.title == stage
        getattr(only(project, stage), action)()
    assert site.where()[BENCHMARK_DATA[0]] == "Complete"


def test_a_rejected_task_returns_to_whom_annotated_it_unless_the_graph_names_another_stage(site: Site) -> None:
    only(site.project(ANNOTATOR), "Annotate").submit()
    only(site.project(REVIEWER), "Review").reject()
    task = only(site.project(), "Annotate")
    assert (task.assignee, task.status.value) == (ANNOTATOR, "REOPENED")
    task.submit()
    only(site.project(), "Review").approve()
    only(site.project(), "Second review").reject()
    assert site.where()[BENCHMARK_DATA[0]] == "Review"


def test_assigning_and_releasing_change_owner_and_status(site: Site) -> None:
    project = site.project()
    only(project, "Annotate").assign(ANNOTATOR)
    task = only(project, "Annotate")
    assert (task.assignee, task.status.value) == (ANNOTATOR, "ASSIGNED")
    task.release()
    task = only(project, "Annotate")
    assert (task.assignee, task.status.value) == (None, "RELEASED")
    with pytest.raises(InvalidArgumentsError, match="not a user"):
        task.assign("nobody@example.com")


def test_submitting_can_name_the_next_assignee_or_keep_the_present_one(site: Site) -> None:
    project = site.project()
    with pytest.raises(InvalidArgumentsError, match="no assignee to retain"):
        only(project, "Annotate").submit(retain_assignee=True)
    only(project, "Annotate").submit(assignee=REVIEWER)
    assert only(project, "Review").assignee == REVIEWER
    only(project, "Review").approve(retain_assignee=True)
    assert only(project, "Second review").assignee == REVIEWER


def test_a_bundle_is_refused_whole_when_one_task_has_left_the_stage(site: Site) -> None:
    project = site.project()
    tasks = list(project.workflow.get_stage(name="Annotate").get_tasks())
    tasks[3].submit()
    with pytest.raises(InvalidArgumentsError, match="not in stage"):
        submit_together(project, tasks)
    assert list(site.where().values()).count("Annotate") == 5
    submit_together(project, tasks[:3] + tasks[4:])
    assert set(site.where().values()) == {"Review"}


def test_tasks_move_between_any_two_stages_in_bundles_of_one_origin_and_destination(site: Site) -> None:
    project = site.project()
    archive = project.workflow.get_stage(name="Archive").uuid
    review = project.workflow.get_stage(name="Review").uuid
    tasks = list(project.workflow.get_stage(name="Annotate").get_tasks())
    bundle = project.create_bundle()
    tasks[0].move(destination_stage_uuid=archive, bundle=bundle)
    tasks[1].move(destination_stage_uuid=review, bundle=bundle)
    with pytest.raises(BundledMoveWorkflowTasksPayloadError):
        bundle.execute()
    with project.create_bundle() as bundle:
        for task in tasks:
            task.move(destination_stage_uuid=archive, bundle=bundle)
    assert set(site.where().values()) == {"Archive"}
    with pytest.raises(InvalidArgumentsError):
        tasks[0].move(destination_stage_uuid=archive)


def test_a_stage_that_the_workflow_does_not_have_is_an_invalid_argument(site: Site) -> None:
    with pytest.raises(InvalidArgumentsError, match="no stage"):
        only(site.project(), "Annotate").move(destination_stage_uuid=UUID(int=1))


def test_rows_are_completed_and_reopened_with_their_labels_kept(site: Site) -> None:
    project = site.project()
    (row,) = project.list_label_rows_v2(data_hashes=[BENCHMARK_DATA[0]])
    row.initialise_labels()
    row.workflow_complete()
    assert site.where()[BENCHMARK_DATA[0]] == "Complete"
    (row,) = project.list_label_rows_v2(data_hashes=[BENCHMARK_DATA[0]])
    row.workflow_reopen()
    assert site.where()[BENCHMARK_DATA[0]] == "Annotate"
    (again,) = project.list_label_rows_v2(data_hashes=[BENCHMARK_DATA[0]])
    assert again.label_hash == row.label_hash
    assert only(project, "Annotate").status.value == "REOPENED"


def test_pages_hold_a_hundred_tasks_and_moving_them_while_reading_loses_none(start: Start) -> None:
    """Trap 8."""
    hashes = [f"c0000000-0000-4000-8000-{n:012d}" for n in range(250)]
    world = _with_data(hashes)
    site = start(world)
    stage = site.project().workflow.get_stage(name="Annotate", type_=AnnotationStage)
    site.control("DELETE", "requests")
    seen = []
    for task in stage.get_tasks():
        task.submit()
        seen.append(str(task.data_hash))
    assert sorted(seen) == sorted(hashes)
    counts = {entry["operation"]: entry["count"] for entry in site.control("GET", "requests")["counts"]}
    assert counts["GET projects/{project}/workflow/stages/{stage}/tasks"] == 3


def test_queues_are_in_order_of_priority_and_priorities_can_change_while_they_are_read(start: Start) -> None:
    hashes = [f"c0000000-0000-4000-8000-{n:012d}" for n in range(150)]
    site = start(_with_data(hashes))
    project = site.project()
    rows = {row.data_hash: row for row in project.list_label_rows_v2()}
    with project.create_bundle() as bundle:
        rows[hashes[149]].set_priority(0.9, bundle=bundle)
        rows[hashes[3]].set_priority(0.1, bundle=bundle)
    tasks = iter(project.workflow.get_stage(name="Annotate").get_tasks())
    seen = [str(next(tasks).data_hash) for _ in range(50)]
    rows[hashes[148]].set_priority(0.0)
    seen += [str(task.data_hash) for task in tasks]
    expected = [hashes[149], *hashes[:3], *hashes[4:148], hashes[3], hashes[148]]
    assert seen == expected


def _with_data(hashes: list[str]) -> dict[str, Any]:
    from .conftest import make_world

    world = make_world(workflow=REVIEWED, datasets=["Benchmark"])
    world["datasets"][0]["data"] = [{"hash": h, "title": h, "width": 8, "height": 8} for h in hashes]
    return world


def test_annotators_submit_what_is_theirs_or_nobodys_and_nothing_else(site: Site) -> None:
    only(site.project(), "Annotate").assign(OTHER)
    project = site.project(ANNOTATOR)
    assert "Benchmark 0.png" not in titles(project, "Annotate")
    task = only(site.project(), "Annotate")
    task._workflow_client = project.workflow.get_stage(name="Annotate")._workflow_client
    with pytest.raises(AuthorisationError, match="assigned to somebody else"):
        task.submit()
    only(project, "Annotate", BENCHMARK_DATA[1]).submit()
    with pytest.raises(AuthorisationError):
        only(project, "Review", BENCHMARK_DATA[1]).approve()
    with pytest.raises(AuthorisationError):
        only(project, "Annotate", BENCHMARK_DATA[2]).assign(OTHER)


@pytest.mark.parametrize("email", [ANNOTATOR, REVIEWER, VIEWER])
def test_only_managers_move_tasks_set_priorities_and_leave_agent_stages(start: Start, email: str) -> None:
    site = start()
    project = site.project(email)
    task = only(project, "Routing")
    with pytest.raises(AuthorisationError):
        task.proceed(pathway_name="Yes")
    with pytest.raises(AuthorisationError):
        task.move(destination_stage_uuid=project.workflow.get_stage(name="Complete").uuid)
    (row,) = project.list_label_rows_v2(data_hashes=[BENCHMARK_DATA[0]])
    with pytest.raises(AuthorisationError):
        row.set_priority(0.9)


def test_agent_tasks_leave_by_pathway_name_or_uuid_and_by_no_other(start: Start) -> None:
    site = start()
    project = site.project()
    stage = project.workflow.get_stage(name="Routing")
    for name in ("yes", "Complete"):
        with pytest.raises(InvalidArgumentsError, match="no pathway"):
            only(project, "Routing").proceed(pathway_name=name)
    only(project, "Routing").proceed(pathway_name="Yes")
    only(project, "Routing", BENCHMARK_DATA[1]).proceed(pathway_uuid=stage.pathways[1].uuid)
    assert [site.where()[data] for data in BENCHMARK_DATA] == ["Consensus", "Annotate", "Routing"]


def test_data_that_is_attached_later_gets_tasks_and_detached_data_loses_them(start: Start) -> None:
    world_site = start(datasets=["Benchmark"])
    world_site.control("POST", "world", {"users": []})
    project = world_site.project()
    assert set(world_site.where()) == set(BENCHMARK_DATA)
    project.remove_datasets([BENCHMARK])
    assert world_site.where() == {}
    project.add_datasets([BENCHMARK, PRODUCTION])
    assert set(world_site.where()) == {*BENCHMARK_DATA, *PRODUCTION_DATA}


def routed(*stages: dict[str, Any]) -> dict[str, Any]:
    return {"stages": [*stages, *CONSENSUS_WORKFLOW["stages"][4:]]}


def test_a_percentage_router_splits_by_share_and_always_in_the_same_way(start: Start) -> None:
    hashes = [f"c0000000-0000-4000-8000-{n:012d}" for n in range(400)]
    router = {
        "type": "percentage_router",
        "uuid": "e0000000-0000-4000-8000-000000000001",
        "title": "Sample",
        "routes": [{"percentage": 25, "to": "Review"}, {"percentage": 75, "to": "Annotate"}],
    }
    world = _with_data(hashes)
    world["projects"][0]["workflow"] = routed(router)
    one, two = start(world).where(), start(world).where()
    assert one == two
    assert 60 <= list(one.values()).count("Review") <= 140  # 100 expected; four standard deviations are 35
    assert list(one.values()).count("Review") + list(one.values()).count("Annotate") == 400


def test_a_user_router_looks_at_who_acted_last_and_is_not_listed_as_a_stage(start: Start) -> None:
    workflow = {
        "stages": [
            {"type": "annotation", "title": "Annotate", "next": "Who"},
            {
                "type": "user_router",
                "title": "Who",
                "routes": [{"users": [ANNOTATOR], "to": "Review"}],
                "default": "Complete",
            },
            {"type": "review", "title": "Review", "next": "Complete"},
            {"type": "complete"},
        ]
    }
    site = start(workflow=workflow)
    only(site.project(ANNOTATOR), "Annotate").submit()
    only(site.project(OTHER), "Annotate", BENCHMARK_DATA[1]).submit()
    assert [site.where()[data] for data in BENCHMARK_DATA[:2]] == ["Review", "Complete"]
    assert "Who" not in {stage.title for stage in site.project(OPERATOR).workflow.stages}


def test_a_skipped_task_stays_and_belongs_to_nobody(site: Site) -> None:
    task = only(site.project(), "Annotate")
    task.assign(ANNOTATOR)
    stage = site.project().workflow.get_stage(name="Annotate").uuid
    raw = RawClient(site.url, KEYS[ANNOTATOR].private)
    answer = raw.v2(
        "POST", f"projects/{PROJECT}/workflow/stages/{stage}/actions", [{"taskUuid": str(task.uuid), "action": "SKIP"}]
    )
    assert answer.status_code == 204
    skipped = only(site.project(), "Annotate")
    assert (skipped.assignee, skipped.status.value) == (None, "SKIPPED")
