"""Checks of projects: what they are, who is in them, what is in them, what was done in them."""

from datetime import datetime

import pytest
from encord import Project
from encord.exceptions import AuthorisationError, InvalidArgumentsError
from encord.issues.issue_client import IssueFrameRange
from encord.orm.active import ActiveProjectMode
from encord.orm.analytics import TaskActionType
from encord.orm.label_log import Action
from encord.orm.project import (
    BenchmarkQaWorkflowSettings,
    CopyDatasetAction,
    CopyDatasetOptions,
    CopyLabelsOptions,
    ProjectStatus,
    ProjectType,
)
from encord.project_ontology.classification_type import ClassificationType
from encord.project_ontology.object_type import ObjectShape
from encord.utilities.coco.datastructure import FrameIndex
from encord.utilities.project_user import ProjectUserRole

from tests.integration.emulator import media_files
from tests.integration.emulator.conftest import OPERATOR

from .ground import ANNA, OTTO, Ground
from .registry import check


@check(
    "Project",
    "project_hash",
    "title",
    "description",
    "created_at",
    "creator_email",
    "last_edited_at",
    "ontology",
    "ontology_hash",
    "ontology_structure",
    "project_type",
    "user_role",
    "source_projects",
    "status",
    "workflow",
    "set_status",
    "refetch_data",
    "get_project",
    "datasets",
    "label_rows",
    "list_datasets",
)
@check("Workflow", "get_stage")
def a_project_tells_what_it_is(ground: Ground) -> None:
    """Everything that was given, and what follows from it, is read by another client; so is a new status."""
    title, described, source = ground.name("project"), ground.ontology(), ground.project()
    project = ground.me.get_project(
        ground.me.create_project(
            title,
            [ground.dataset(1).dataset_hash],
            "what for",
            described.ontology_hash,
            BenchmarkQaWorkflowSettings(source_projects=[source.project_hash]),
        )
    )
    row = ground.row(project, drawn=True)
    project.set_status(ProjectStatus.PAUSED)
    found = ground.reread(project)
    assert (found.project_hash, found.title, found.description) == (project.project_hash, title, "what for")
    assert (found.creator_email, found.user_role) == (OPERATOR, ProjectUserRole.ADMIN)
    assert (found.project_type, found.status) == (ProjectType.WORKFLOW, ProjectStatus.PAUSED)
    assert found.source_projects == [source.project_hash]
    assert found.ontology["objects"][0]["name"] == found.ontology_structure.objects[0].name == "Car"
    assert found.last_edited_at >= found.created_at
    assert [stage.title for stage in found.workflow.stages] == ["Annotate", "Review", "Complete"]
    assert found.workflow.get_stage(name="Review").uuid == found.workflow.stages[1].uuid
    (dataset,) = found.list_datasets()
    assert [known["title"] for known in found.datasets] == [dataset.title]
    assert [known["label_hash"] for known in found.label_rows] == [row.label_hash]
    assert found.get_project().ontology_hash == found.ontology_hash == project.ontology_hash
    project.refetch_data()
    assert project.status == ProjectStatus.PAUSED
    with pytest.raises(InvalidArgumentsError):
        project.set_status(ProjectStatus.UNKNOWN)


@check("Project", "add_datasets", "remove_datasets")
def datasets_are_attached_and_detached(ground: Ground) -> None:
    """A dataset is attached, its data units get tasks and rows, and is detached again; another client sees both."""
    project, dataset = ground.project(1), ground.dataset(2)
    assert project.add_datasets([dataset.dataset_hash])
    found = ground.reread(project)
    assert len(found.list_label_rows_v2()) == 3
    assert len(list(found.workflow.get_stage(name="Annotate").get_tasks(dataset_hash=dataset.dataset_hash))) == 2
    with pytest.raises(InvalidArgumentsError):
        project.add_datasets([dataset.dataset_hash])
    assert project.remove_datasets([dataset.dataset_hash])
    assert len(ground.reread(project).list_label_rows_v2()) == 1


@check("Project", "add_users", "list_users", "remove_users", "add_group", "list_groups", "remove_group")
def a_project_is_shared(ground: Ground) -> None:
    """Somebody sees a project while they, or their group, are in it, in the role they were given."""
    project = ground.project()
    with pytest.raises(AuthorisationError):
        ground.anna.get_project(project.project_hash)
    (added,) = project.add_users([ANNA], ProjectUserRole.ANNOTATOR)
    assert (added.user_email, added.user_role) == (ANNA, ProjectUserRole.ANNOTATOR)
    assert ground.anna.get_project(project.project_hash).user_role == ProjectUserRole.ANNOTATOR
    assert {user.user_email for user in ground.reread(project).list_users()} == {OPERATOR, ANNA}
    (again,) = project.add_users([ANNA], ProjectUserRole.REVIEWER)
    assert again.user_role == ProjectUserRole.ANNOTATOR  # a role that somebody has stays, the SDK says
    assert ground.anna.get_project(project.project_hash).user_role == ProjectUserRole.ANNOTATOR
    with pytest.raises(AuthorisationError):
        ground.anna.get_project(project.project_hash).add_users([OTTO], ProjectUserRole.ADMIN)
    project.remove_users([ANNA])
    with pytest.raises(AuthorisationError):
        ground.anna.get_project(project.project_hash)
    group = ground.me.create_group(ground.name("group"))
    group.add_users([ANNA])
    project.add_group(group.group_hash, ProjectUserRole.REVIEWER)
    assert [g.group_hash for g in ground.reread(project).list_groups()] == [group.group_hash]
    assert ground.anna.get_project(project.project_hash).user_role == ProjectUserRole.REVIEWER
    project.remove_group(group.group_hash)
    with pytest.raises(AuthorisationError):
        ground.anna.get_project(project.project_hash)


@check("Project", "add_organisation_tag", "get_organisation_tags", "get_tags", "remove_organisation_tag")
def a_project_carries_tags(ground: Ground) -> None:
    """A tag is put on a project, which another client finds by it, and taken off again."""
    project, tag = ground.project(), ground.me.create_organisation_tag(ground.name("tag"))
    project.add_organisation_tag(tag)
    assert ground.reread(project).get_organisation_tags() == [tag]
    assert ground.reread(project).get_tags() == [tag]
    assert [p.project_hash for p in ground.again.list_projects(tags_anyof=[tag])] == [project.project_hash]
    project.remove_organisation_tag(tag_uuid=tag.uuid)
    assert ground.reread(project).get_organisation_tags() == []


@check("Project", "copy_project")
def a_project_is_copied(ground: Ground) -> None:
    """Copies have what was asked for: people, the same datasets or clones, labels; and a workflow of their own."""
    project = ground.project(images=2)
    project.add_users([ANNA], ProjectUserRole.ANNOTATOR)
    ground.row(project, drawn=True)
    titles = {row.data_title for row in project.list_label_rows_v2()}
    full = ground.again.get_project(
        project.copy_project(
            copy_datasets=True, copy_collaborators=True, copy_labels=CopyLabelsOptions(), new_title="a full copy"
        )
    )
    assert (full.title, full.ontology_hash) == ("a full copy", project.ontology_hash)
    assert {user.user_email for user in full.list_users()} == {OPERATOR, ANNA}
    assert _boxes(full) == 1
    assert [s.title for s in full.workflow.stages] == [s.title for s in project.workflow.stages]
    assert not {s.uuid for s in full.workflow.stages} & {s.uuid for s in project.workflow.stages}
    clone = ground.again.get_project(
        project.copy_project(
            copy_datasets=CopyDatasetOptions(action=CopyDatasetAction.CLONE, dataset_title="cloned"),
            copy_labels=CopyLabelsOptions(),
        )
    )
    assert [dataset.title for dataset in clone.list_datasets()] == ["cloned"]
    rows = clone.list_label_rows_v2()
    assert {row.data_title for row in rows} == titles
    assert not {row.data_hash for row in rows} & {row.data_hash for row in project.list_label_rows_v2()}
    assert _boxes(clone) == 1
    bare = ground.again.get_project(project.copy_project())
    assert bare.list_label_rows_v2() == []


def _boxes(project: Project) -> int:
    total = 0
    for row in project.list_label_rows_v2():
        row.initialise_labels()
        total += len(row.get_object_instances())
    return total


@check("Project", "add_object", "add_classification", "get_project_ontology", "refetch_ontology")
def the_ontology_grows_in_the_old_way(ground: Ground) -> None:
    """Objects and classifications are added through a project; another client finds them in its ontology."""
    project = ground.project()
    assert project.add_object("Bicycle", ObjectShape.POLYGON)
    stale = ground.reread(project)
    assert project.add_classification("Weather", ClassificationType.RADIO, required=False, options=["sun", "rain"])
    assert {thing.name for thing in project.get_project_ontology().ontology_objects} == {"Car", "Bicycle"}
    found = ground.reread(project)
    assert {thing.name for thing in found.ontology_structure.objects} == {"Car", "Bicycle"}
    assert stale.ontology_structure.classifications == []
    stale.refetch_ontology()
    assert [c.title for c in stale.ontology_structure.classifications] == ["Weather"]
    assert [c.title for c in found.ontology_structure.classifications] == ["Weather"]


@check("Project", "get_data", "object_interpolation")
def data_is_located_and_frames_are_filled(ground: Ground) -> None:
    """A video's and an image's links are read; a box half way between two key frames lies half way between them."""
    dataset, folder = ground.dataset(), ground.folder()
    video, image = dataset.link_items([folder.upload_video(media_files.mp4(ground.file("mp4"))), ground.image(folder)])
    project = ground.project(0)
    project.add_datasets([dataset.dataset_hash])
    film, nothing = project.get_data(video.uid, get_signed_url=True)
    assert (film["data_hash"], film["title"], nothing) == (video.uid, video.title, None)
    nothing, pictures = project.get_data(image.uid)
    assert (nothing, [picture["title"] for picture in pictures]) == (None, [image.title])
    frames = {
        frame: {"objects": [{"objectHash": "o", "featureHash": "f", "boundingBox": {"x": x, "y": 0, "w": 1, "h": 1}}]}
        for frame, x in (("0", 0.0), ("4", 0.8))
    }
    filled = project.object_interpolation(frames, ["o"])
    assert sorted(filled) == ["0", "1", "2", "3", "4"]
    assert filled["2"]["objects"][0]["boundingBox"]["x"] == pytest.approx(0.4)


@check("Project", "create_bundle", "list_label_rows_v2", "list_label_rows", "create_label_row", "get_label_row")
@check("Project", "get_label_rows", "save_label_row")
def label_rows_are_listed_and_worked_on_in_bundles(ground: Ground) -> None:
    """Rows are listed with filters, opened and saved in bundles and in the old way; another client reads the labels."""
    project = ground.project(images=3)
    rows = project.list_label_rows_v2()
    with project.create_bundle() as bundle:
        for row in rows:
            row.initialise_labels(bundle=bundle)
    for row in rows[:2]:
        ground.draw(row)
    with project.create_bundle(bundle_size=2) as bundle:
        for row in rows:
            row.save(bundle=bundle)
    again = ground.reread(project)
    listed = again.list_label_rows_v2(data_title_like=rows[0].data_title, include_client_metadata=True)
    assert [row.label_hash for row in listed] == [rows[0].label_hash]
    assert len(again.list_label_rows_v2(edited_after=ground.lately, workflow_graph_node_title_eq="Annotate")) == 3
    assert {m.label_hash for m in again.list_label_rows()} == {row.label_hash for row in rows}
    old = again.get_label_row(rows[0].label_hash)
    (unit,) = old["data_units"].values()
    assert len(unit["labels"]["objects"]) == 1
    unit["labels"]["objects"] = []
    old["object_answers"] = {}
    assert again.save_label_row(old["label_hash"], old)
    assert ground.same_row(project, rows[0]).get_object_instances() == []
    assert [found["label_hash"] for found in again.get_label_rows([rows[1].label_hash])] == [rows[1].label_hash]
    fresh = ground.project(1)
    unopened = fresh.list_label_rows_v2()[0]
    made = fresh.create_label_row(unopened.data_hash)
    assert ground.same_row(fresh, unopened).label_hash == made["label_hash"]
    next(iter(fresh.workflow.get_stage(name="Annotate").get_tasks())).submit()
    (submitted,) = fresh.list_label_rows()
    ground.same_row(fresh, unopened)
    (read,) = fresh.list_label_rows()
    assert (submitted.label_status.value, read.label_status.value) == ("REVIEW_IN_PROGRESS", "LABEL_IN_PROGRESS")


@check("Project", "copy_labels_to_branch", "list_branches", "get_label_classifications")
def labels_are_copied_to_a_branch(ground: Ground) -> None:
    """Labels are copied to a branch, which is then listed; their classifications are read back in bulk."""
    project = ground.project(images=2)
    project.add_classification("Weather", ClassificationType.TEXT, required=False)
    project = ground.reread(project)
    row = ground.row(project, drawn=True)
    weather = project.ontology_structure.classifications[0].create_instance()
    weather.set_answer("windy")
    weather.set_for_frames(0)
    row.add_classification_instance(weather)
    row.save()
    assert project.copy_labels_to_branch("proposal") == 1
    again = ground.reread(project)
    assert set(again.list_branches()) == {"main", "proposal"}
    (copied,) = [r for r in again.list_label_rows_v2(branch_name="proposal") if r.label_hash is not None]
    copied.initialise_labels()
    assert len(copied.get_object_instances()) == 1
    assert project.copy_labels_to_branch("proposal") == 0
    (found,) = again.get_label_classifications([row.label_hash])
    (answer,) = found.classification_answers.values()
    assert answer.classifications[0].answers == "windy"


@check("Project", "export_coco_labels", "import_coco_labels")
def labels_travel_as_coco(ground: Ground) -> None:
    """Labels are exported as COCO and imported into another project; another client reads the same box there."""
    source, target = ground.project(1), ground.project(1)
    ground.row(source, drawn=True)
    exported = source.export_coco_labels()
    (annotation,) = exported["annotations"]
    (image,) = exported["images"]
    row = ground.row(target)
    car = target.ontology_structure.objects[0].feature_node_hash
    target.import_coco_labels(
        exported,
        {annotation["category_id"]: car},
        {image["id"]: FrameIndex(data_hash=row.data_hash, frame=0)},
    )
    (box,) = ground.same_row(target, row).get_object_instances()
    assert box.get_annotation(0).coordinates.width == pytest.approx(0.3, abs=0.02)


@check("Project", "add_issue_tags", "get_issue_tags")
@check(
    "TaskIssues",
    "add_file_issue",
    "add_frame_issue",
    "add_coordinate_issue",
    "add_scene_coordinate_issue",
    "add_annotation_issue",
    "list",
    "delete",
)
@check("AnnotationTask", "issues")
def issues_are_raised_and_settled(ground: Ground) -> None:
    """Issues at every anchor are raised, listed by another client with their comments and tags, and deleted."""
    project = ground.project()
    box = ground.row(project, drawn=True).get_object_instances()[0].object_hash
    project.add_issue_tags(["blurred", "late"])
    assert [tag.name for tag in ground.reread(project).get_issue_tags()] == ["blurred", "late"]
    (task,) = project.workflow.get_stage(name="Annotate").get_tasks()
    task.issues.add_file_issue("a file", ["blurred"])
    task.issues.add_frame_issue(0, "a frame", [])
    task.issues.add_coordinate_issue(0, 0.1, 0.2, "a place", ["late", "blurred"])
    task.issues.add_scene_coordinate_issue(0, 1, 2, 3, "a place in space", [])
    task.issues.add_annotation_issue(box, "a label", [], [IssueFrameRange(start=0, end=0)])
    (other,) = ground.reread(project).workflow.get_stage(name="Annotate").get_tasks()
    found = list(other.issues.list())
    assert [issue.comments[0].content for issue in found] == [
        "a file",
        "a frame",
        "a place",
        "a place in space",
        "a label",
    ]
    assert {issue.comments[0].author_email for issue in found} == {OPERATOR}
    assert [tag.name for tag in found[2].tags] == ["late", "blurred"]
    assert (found[2].coordinate.x, found[3].coordinate.z, found[4].annotation_id) == (0.1, 3, box)
    with pytest.raises(InvalidArgumentsError):
        task.issues.add_file_issue("tagged wrongly", ["no such tag"])
    other.issues.delete(found[:4])
    assert [issue.uuid for issue in task.issues.list()] == [found[4].uuid]


@check("Project", "get_task_actions", "list_time_spent", "list_collaborator_timers")
@check("Project", "get_editor_logs", "get_label_logs")
def what_people_do_is_counted_and_logged(ground: Ground) -> None:
    """Somebody is assigned a task, labels for ninety seconds and submits; actions, time and logs say so."""
    project = ground.project()
    project.add_users([ANNA], ProjectUserRole.ANNOTATOR)
    (task,) = project.workflow.get_stage(name="Annotate").get_tasks()
    task.assign(ANNA)
    theirs = ground.anna.get_project(project.project_hash)
    row = theirs.list_label_rows_v2()[0]
    row.initialise_labels()
    box = ground.draw(row)
    ground.advance(90)
    row.save()
    next(iter(theirs.workflow.get_stage(name="Annotate").get_tasks())).submit()
    again, until = ground.reread(project), ground.later
    actions = list(again.get_task_actions(after=ground.lately, before=until))
    assert [(a.actor_email, a.action_type) for a in actions] == [
        (OPERATOR, TaskActionType.ASSIGN),
        (ANNA, TaskActionType.SUBMIT),
    ]
    mine = again.get_task_actions(
        after=ground.lately, before=until, actor_email=ANNA, action_type=TaskActionType.ASSIGN
    )
    assert list(mine) == []
    spent = list(again.list_time_spent(start=ground.lately, end=until, user_email=ANNA))
    assert 89 <= sum(entry.time_spent_seconds for entry in spent) <= 120
    assert {entry.workflow_stage.title for entry in spent} == {"Annotate"}
    (timer,) = again.list_collaborator_timers(after=ground.lately, before=until)
    assert (timer.user_email, timer.time_seconds >= 89) == (ANNA, True)
    logs = list(again.get_editor_logs(ground.lately, until, actor_user_email=ANNA))
    assert [log.action for log in logs] == ["add_object", "submit_task"]
    assert (logs[0].object_hash, logs[0].label_name, logs[0].object_shape) == (box.object_hash, "Car", "bounding_box")
    old = again.get_label_logs(user_email=ANNA, data_hash=row.data_hash, after=ground.lately, before=until)
    assert [(log.action, log.identifier) for log in old] == [
        (Action.ADD, box.object_hash),
        (Action.SUBMIT_TASK, None),
    ]
    assert isinstance(old[0].created_at, datetime)


@check("Project", "active_import", "active_sync")
def a_project_is_imported_into_active(ground: Ground) -> None:
    """Active is synced only after an import, and only for modes that exist; the emulator's state says how often."""
    project = ground.project()
    with pytest.raises(InvalidArgumentsError):
        project.active_sync()
    project.active_import(ActiveProjectMode.LABEL, video_sampling_rate=0.5)
    ground.reread(project).active_sync()
    # Nothing of the SDK reads what Active has been told.
    assert ground.site.running.emulator.platform.projects[project.project_hash].active == {
        "mode": "label",
        "sampling_rate": 0.5,
        "syncs": 1,
    }
