"""Collections, presets, issues, analytics and the organisation, where it is easy to get wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from encord import EncordUserClient, Project
from encord.exceptions import AuthorisationError, InvalidArgumentsError, ResourceExistsError, ResourceNotFoundError
from encord.objects import LabelRowV2
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.orm.analytics import TaskActionType
from encord.storage import StorageFolder

from .conftest import ANNOTATORS, OPERATOR, PRODUCTION, VIEWER, Site, Start, make_world

ANNA, OTTO = ANNOTATORS[:2]
BUCKET = "cc000000-0000-4000-8000-000000000000"
WORKFLOW = {
    "stages": [
        {"type": "annotation", "title": "Annotate", "next": "Review"},
        {"type": "review", "title": "Review", "next": "Complete", "reject": "Annotate"},
        {"type": "complete", "title": "Complete"},
    ]
}


@pytest.fixture
def site(start: Start) -> Site:
    world = make_world(workflow=WORKFLOW)
    world["users"][0]["organisation_admin"] = True
    return start({**world, "integrations": [{"uuid": BUCKET, "title": "Bucket"}]})


@pytest.fixture
def client(site: Site) -> EncordUserClient:
    return site.client()


@pytest.fixture
def folder(client: EncordUserClient) -> StorageFolder:
    made = client.create_storage_folder("Folder")
    files = [{"objectUrl": f"s3://b/{n:04d}.png", "clientMetadata": {"even": n % 2 == 0}} for n in range(250)]
    made.add_private_data_to_folder_get_result(made.add_private_data_to_folder_start(BUCKET, {"images": files}))
    return made


def since() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


def until() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


def test_a_collection_comes_in_pages_in_the_order_it_was_filled(
    client: EncordUserClient, folder: StorageFolder
) -> None:
    collection = client.create_collection(folder.uuid, "All")
    titles = [f"{n:04d}.png" for n in reversed(range(250))]
    by_title = collection.add_items_by_title(titles)
    assert (by_title.items_added, collection.add_items_by_title(titles).items_added) == (250, 0)
    for size in (None, 7, 250):
        assert len(list(collection.list_items(page_size=size))) == 250
    with pytest.raises(InvalidArgumentsError):
        list(collection.list_items(page_size=0))


def test_a_preset_includes_and_excludes(client: EncordUserClient, folder: StorageFolder) -> None:
    def selected(*filters: dict[str, Any]) -> int:
        preset = client.create_preset("Preset", {"global_filters": {"filters": list(filters)}})
        collection = client.create_collection(folder.uuid, "By preset")
        collection.add_preset_items(preset)
        return len(list(collection.list_items()))

    even = {"key": "even", "values": [True]}
    assert selected(even) == 125
    assert selected({**even, "include": False}, {"key": "data_title", "values": ["0001.png", "0002.png"]}) == 1
    assert selected({"key": "data_type", "values": ["video"]}) == 0
    assert selected({"nobody": "knows"}) == 250


def test_what_is_deleted_from_storage_is_gone_from_collections(client: EncordUserClient, folder: StorageFolder) -> None:
    collection = client.create_collection(folder.uuid, "Few")
    items = list(folder.list_items(search="000"))
    collection.add_items([item.uuid for item in items])
    items[0].delete()
    assert [item.uuid for item in collection.list_items()] == [item.uuid for item in items[1:]]


def test_a_preset_is_its_owners_alone(site: Site, client: EncordUserClient) -> None:
    preset = client.create_preset("Mine", {"global_filters": {"filters": []}})
    assert list(site.client(ANNA).list_presets()) == []
    with pytest.raises(AuthorisationError):
        site.client(ANNA).get_filter_preset(preset.uuid)
    with pytest.raises(ResourceNotFoundError):
        site.client(ANNA).delete_preset(preset.uuid)


def test_a_removed_member_sees_nothing_any_more(site: Site, client: EncordUserClient) -> None:
    project = site.project()
    (task, *_) = project.workflow.get_stage(name="Annotate").get_tasks()
    task.assign(ANNA)
    theirs = site.project(ANNA)
    client.remove_organisation_user(ANNA)
    with pytest.raises(AuthorisationError):
        theirs.list_label_rows_v2()
    (task, *_) = project.workflow.get_stage(name="Annotate").get_tasks()
    assert task.assignee is None
    with pytest.raises(ResourceNotFoundError):
        client.remove_organisation_user(ANNA)
    with pytest.raises(ResourceExistsError):
        client.add_organisation_user(OTTO, role_mnemonic_name="MEMBER", member_type="internal")


def test_names_of_groups_and_tags_are_given_once(client: EncordUserClient) -> None:
    client.create_group("Group")
    client.create_organisation_tag("Tag")
    with pytest.raises(ResourceExistsError):
        client.create_group("Group")
    with pytest.raises(ResourceExistsError):
        client.create_organisation_tag("Tag")
    with pytest.raises(InvalidArgumentsError):
        client.create_group("Other").add_users(["nobody@example.com"])


def work(project: Project, row: LabelRowV2) -> None:
    """Draws a box, moves it, and takes it away again, with a save after each."""
    box = row.ontology_structure.get_child_by_title("Pedestrian").create_instance()
    box.set_for_frames(BoundingBoxCoordinates(height=0.1, width=0.1, top_left_x=0.1, top_left_y=0.1))
    row.add_object_instance(box)
    row.save()
    moved = BoundingBoxCoordinates(height=0.1, width=0.1, top_left_x=0.5, top_left_y=0.1)
    box.set_for_frames(moved, overwrite=True)
    row.save()
    row.save()
    row.remove_object(box)
    row.save()


def test_logs_tell_what_changed_and_are_silent_about_what_did_not(site: Site) -> None:
    theirs = site.project(ANNA)
    (row, other, *_) = theirs.list_label_rows_v2()
    row.initialise_labels()
    work(theirs, row)
    (task,) = theirs.workflow.get_stage(name="Annotate").get_tasks(data_hash=row.data_hash)
    task.submit()
    project = site.project()
    logs = list(project.get_editor_logs(since(), until()))
    assert [log.action for log in logs] == ["add_object", "edit_object", "delete_object", "submit_task"]
    assert {(log.actor_user_email, str(log.data_unit_id)) for log in logs} == {(ANNA, row.data_hash)}
    assert [log.action for log in project.get_editor_logs(since(), until(), action="edit_object")] == ["edit_object"]
    assert list(project.get_editor_logs(since(), until(), data_unit_id=other.data_hash)) == []  # type: ignore[arg-type]
    assert list(project.get_editor_logs(since() - timedelta(hours=1), since())) == []
    assert len(project.get_label_logs(user_email=ANNA)) == 4
    with pytest.raises(AuthorisationError):
        theirs.get_label_logs()


def test_time_counts_from_opening_and_only_until_the_last_thing_done(site: Site) -> None:
    theirs, project = site.project(ANNA), site.project()
    row = theirs.list_label_rows_v2()[0]
    site.control("POST", "clock", {"advance_seconds": 1000})
    row.initialise_labels()
    site.control("POST", "clock", {"advance_seconds": 60})
    row.save()
    site.control("POST", "clock", {"advance_seconds": 30})
    (task,) = theirs.workflow.get_stage(name="Annotate").get_tasks(data_hash=row.data_hash)
    task.submit()
    site.control("POST", "clock", {"advance_seconds": 1000})
    (timer,) = project.list_collaborator_timers(since(), until(), group_by_data_unit=False)
    assert (timer.user_email, round(timer.time_seconds, -1)) == (ANNA, 90)
    stage = project.workflow.get_stage(name="Review")
    assert list(project.list_time_spent(since(), until(), workflow_stage_uuid=stage.uuid)) == []
    with pytest.raises(AuthorisationError):
        list(theirs.list_time_spent(since(), until()))


def test_every_kind_of_action_on_a_task_is_told(site: Site) -> None:
    project = site.project()
    annotate, review, complete = project.workflow.stages
    (task, *_) = annotate.get_tasks(dataset_hash=PRODUCTION)
    task.assign(OTTO)
    task.release()
    task.submit()
    (reviewed,) = review.get_tasks()
    reviewed.reject()
    (again,) = annotate.get_tasks(data_hash=task.data_hash)
    again.submit()
    (reviewed,) = review.get_tasks()
    reviewed.approve()
    (done,) = complete.get_tasks()
    done.move(destination_stage_uuid=annotate.uuid)
    told = list(project.get_task_actions(after=since(), before=until(), data_unit_uuid=task.data_hash))
    assert [(action.action_type.value, action.workflow_stage_uuid) for action in told] == [
        ("assign", annotate.uuid),
        ("release", annotate.uuid),
        ("submit", annotate.uuid),
        ("reject", review.uuid),
        ("submit", annotate.uuid),
        ("approve", review.uuid),
        ("move", complete.uuid),
    ]
    assert {action.actor_email for action in told} == {OPERATOR}
    wanted = [TaskActionType.APPROVE, TaskActionType.MOVE]
    assert len(list(project.get_task_actions(after=since(), before=until(), action_type=wanted))) == 2


def test_issues_are_raised_by_whoever_is_in_the_project_and_read_by_the_others(site: Site) -> None:
    viewer = site.project(VIEWER)
    (task, *_) = viewer.workflow.get_stage(name="Annotate").get_tasks()
    task.issues.add_frame_issue(0, "too dark", [])
    (theirs,) = site.project().workflow.get_stage(name="Annotate").get_tasks(data_hash=task.data_hash)
    (issue,) = theirs.issues.list()
    assert (issue.comments[0].author_email, issue.comments[0].content) == (VIEWER, "too dark")
    theirs.issues.delete([issue])
    with pytest.raises(InvalidArgumentsError):
        theirs.issues.delete([issue])
    with pytest.raises(AuthorisationError):
        viewer.add_issue_tags(["mine"])
