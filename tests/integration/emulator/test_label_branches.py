"""Branches, bundles of rows, partial reading, validity, and label reviews, with the real SDK."""

import copy
from typing import Any

import pytest
from encord.exceptions import AuthorisationError, CorruptedLabelError, FeatureDoesNotExistError, InvalidArgumentsError
from encord.objects import LabelRowV2
from encord.objects.coordinates import BoundingBoxCoordinates, PointCoordinate
from encord.workflow.stages.review import LabelReviewStatus, ReviewStage

from .conftest import (
    ANNOTATORS,
    BENCHMARK_DATA,
    ONTOLOGY,
    OPERATOR,
    PRODUCTION_DATA,
    PROJECT,
    REVIEWER,
    VIEWER,
    Site,
    Start,
    make_world,
)

BOX = BoundingBoxCoordinates(height=0.1, width=0.2, top_left_x=0.3, top_left_y=0.4)
EDITOR: dict[str, Any] = {
    "objects": [
        {
            **ONTOLOGY["objects"][0],
            "attributes": [
                {
                    "id": "1.1",
                    "name": "Pose",
                    "type": "text",
                    "required": True,
                    "dynamic": False,
                    "featureNodeHash": "pose0001",
                }
            ],
        },
        {"id": "2", "name": "Spot", "color": "#00FF00", "shape": "point", "featureNodeHash": "spot0001"},
        {
            "id": "3",
            "name": "Old",
            "color": "#0000FF",
            "shape": "point",
            "featureNodeHash": "old00001",
            "archived": True,
        },
    ],
    "classifications": [
        {
            "id": "4",
            "featureNodeHash": "note0001",
            "attributes": [
                {"id": "4.1", "name": "Note", "type": "text", "required": False, "featureNodeHash": "note0002"}
            ],
        }
    ],
}


@pytest.fixture
def site(start: Start) -> Site:
    world = make_world(workflow=None)
    world["ontologies"][0]["editor"] = EDITOR
    return start(world)


def rows(site: Site, **filters: Any) -> list[LabelRowV2]:
    return site.project().list_label_rows_v2(**filters)


def add(row: LabelRowV2, name: str, *, answered: bool = True) -> None:
    feature = row.ontology_structure.get_child_by_title(name)
    found = feature.create_instance()
    found.set_for_frames(BOX if name == "Pedestrian" else PointCoordinate(x=0.5, y=0.5))
    if name == "Pedestrian" and answered:
        found.set_answer("standing", feature.attributes[0])
    row.add_object_instance(found)


def opened(site: Site, data_hash: str = BENCHMARK_DATA[0], **arguments: Any) -> LabelRowV2:
    (row,) = rows(site, data_hashes=[data_hash])
    row.initialise_labels(**arguments)
    return row


def names(row: LabelRowV2) -> list[str]:
    return sorted(o.object_name for o in row.get_object_instances())


def test_bundles_open_and_save_many_rows_with_one_request_each(site: Site) -> None:
    project = site.project()
    found = project.list_label_rows_v2()
    site.control("DELETE", "requests")
    with project.create_bundle() as bundle:
        for row in found:
            row.initialise_labels(bundle=bundle)
    for row in found:
        add(row, "Pedestrian")
    with project.create_bundle() as bundle:
        for row in found:
            row.save(bundle=bundle)
    counts = {entry["operation"]: entry["count"] for entry in site.control("GET", "requests")["counts"]}
    assert counts == {"legacy labelrow.PUT": 1, "legacy labelrow.POST": 1}
    assert [names(opened(site, data)) for data in (*BENCHMARK_DATA, *PRODUCTION_DATA)] == [["Pedestrian"]] * 6


def test_a_bundle_of_saves_with_one_bad_row_saves_nothing(site: Site) -> None:
    one, two = rows(site, data_hashes=BENCHMARK_DATA[:2])
    for row in (one, two):
        row.initialise_labels()
    add(one, "Pedestrian")
    add(two, "Pedestrian", answered=False)
    bundle = site.project().create_bundle()
    one.save(bundle=bundle, validate_before_saving=True)
    two.save(bundle=bundle, validate_before_saving=True)
    with pytest.raises(CorruptedLabelError, match="Pose"):
        bundle.execute()
    assert names(opened(site)) == []


def test_reading_is_narrowed_to_features_and_leaves_archived_ones_out(site: Site) -> None:
    row = opened(site)
    for name in ("Pedestrian", "Spot", "Old"):
        add(row, name)
    note = row.ontology_structure.classifications[0].create_instance()
    note.set_answer("seen")
    note.set_for_frames(0)
    row.add_classification_instance(note)
    row.save()
    assert names(opened(site)) == ["Pedestrian", "Spot"]
    assert names(opened(site, include_archived=True)) == ["Old", "Pedestrian", "Spot"]
    narrow = opened(site, include_object_feature_hashes={"spot0001"}, include_classification_feature_hashes=set())
    assert names(narrow) == ["Spot"]
    assert narrow.get_classification_instances() == []
    (entry,) = site.project().get_label_classifications([row.label_hash])
    assert [a.classifications[0].answers for a in entry.classification_answers.values()] == ["seen"]


def test_labels_that_miss_a_required_answer_are_stored_but_invalid(site: Site) -> None:
    row = opened(site)
    add(row, "Pedestrian", answered=False)
    with pytest.raises(CorruptedLabelError, match="Pose"):
        row.save(validate_before_saving=True)
    row.save()
    (again,) = rows(site, data_hashes=[BENCHMARK_DATA[0]])
    assert not again.is_valid
    (error,) = again.get_validation_errors() or []
    assert "Pose" in error
    again.initialise_labels()
    for pedestrian in again.get_object_instances():
        pedestrian.set_answer("walking", pedestrian.ontology_item.attributes[0])
    again.save()
    assert rows(site, data_hashes=[BENCHMARK_DATA[0]])[0].is_valid


def test_features_of_another_ontology_are_refused(site: Site) -> None:
    row = opened(site)
    add(row, "Spot")
    label = row.to_encord_dict()
    label["data_units"][BENCHMARK_DATA[0]]["labels"]["objects"][0]["featureHash"] = "strange1"
    with pytest.raises(FeatureDoesNotExistError):
        site.project().save_label_row(row.label_hash, label)


def test_any_row_can_be_opened_on_a_branch_of_any_name(site: Site) -> None:
    (row,) = rows(site, data_hashes=[BENCHMARK_DATA[0]], branch_name="pre-labels.v1")
    assert (row.branch_name, row.label_hash) == ("pre-labels.v1", None)
    row.initialise_labels()
    add(row, "Spot")
    row.save()
    assert names(opened(site)) == []
    assert list(site.project().list_branches()) == ["main", "pre-labels.v1"]
    (wrong,) = rows(site, data_hashes=[BENCHMARK_DATA[0]], branch_name="no spaces")
    with pytest.raises(InvalidArgumentsError, match="branch name"):
        wrong.initialise_labels()


def test_copying_to_a_branch_skips_what_is_there_unless_told_to_overwrite(site: Site) -> None:
    row = opened(site)
    add(row, "Spot")
    row.save()
    project = site.project()
    assert project.copy_labels_to_branch("snapshot") == 1
    add(row, "Pedestrian")
    row.save()
    assert project.copy_labels_to_branch("snapshot") == 0
    (snapshot,) = rows(site, data_hashes=[BENCHMARK_DATA[0]], branch_name="snapshot")
    snapshot.initialise_labels()
    assert names(snapshot) == ["Spot"]
    assert snapshot.label_hash != row.label_hash
    assert project.copy_labels_to_branch("snapshot", overwrite=True) == 1
    (snapshot,) = rows(site, data_hashes=[BENCHMARK_DATA[0]], branch_name="snapshot")
    snapshot.initialise_labels()
    assert names(snapshot) == ["Pedestrian", "Spot"]


def test_listing_filters_by_title_hash_stage_and_date(site: Site) -> None:
    row = opened(site)
    assert [r.data_hash for r in rows(site, label_hashes=[row.label_hash])] == [BENCHMARK_DATA[0]]
    assert len(rows(site, data_title_eq="Benchmark 1.png")) == 1
    assert len(rows(site, data_title_like="%duction_2%")) == 1
    assert len(rows(site, workflow_graph_node_title_eq="Annotate")) == 6
    assert rows(site, workflow_graph_node_title_like="Rev%") == []
    (listed,) = rows(site, label_hashes=[row.label_hash])
    assert [r.data_hash for r in rows(site, edited_after=listed.last_edited_at)] == [BENCHMARK_DATA[0]]
    (with_metadata,) = rows(site, data_hashes=[BENCHMARK_DATA[0]], include_client_metadata=True)
    assert with_metadata.client_metadata == {}
    assert str(with_metadata.backing_item_uuid) == str(with_metadata.get_storage_item().uuid)


@pytest.mark.parametrize("marks", [True, False])
def test_reading_marks_a_row_as_in_progress_or_not_as_the_switch_says(start: Start, marks: bool) -> None:
    """Trap 1."""
    site = start(workflow=None, switches={"reading_marks_in_progress": marks})
    opened(site)
    (task,) = site.project().workflow.get_stage(name="Annotate").get_tasks(data_hash=BENCHMARK_DATA[0])
    task.submit()
    before = status_of(site)
    opened(site)
    assert before == "REVIEW_IN_PROGRESS"
    assert status_of(site) == ("LABEL_IN_PROGRESS" if marks else "REVIEW_IN_PROGRESS")


def status_of(site: Site) -> str:
    """The label status on the wire: the SDK hides it from workflow projects."""
    labels = site.control("GET", "world")["labels"]
    return next(row["label_status"] for row in labels if row["data_hash"] == BENCHMARK_DATA[0])


@pytest.mark.parametrize("email", [VIEWER, REVIEWER, ANNOTATORS[0]])
def test_only_whose_turn_it_is_may_write(site: Site, email: str) -> None:
    (task,) = site.project().workflow.get_stage(name="Annotate").get_tasks(data_hash=BENCHMARK_DATA[0])
    task.assign(ANNOTATORS[1])
    row = opened(site)
    (theirs,) = site.project(email).list_label_rows_v2(data_hashes=[BENCHMARK_DATA[0]])
    theirs.initialise_labels()
    with pytest.raises(AuthorisationError):
        theirs.save()
    row.save()


def review_stage(site: Site, email: str = OPERATOR) -> ReviewStage:
    return site.project(email).workflow.get_stage(name="Review", type_=ReviewStage)


def test_every_label_is_reviewed_by_itself_and_comes_back_resolved(site: Site) -> None:
    row = opened(site)
    add(row, "Spot")
    add(row, "Pedestrian")
    row.save()
    annotate = site.project().workflow.get_stage(name="Annotate")
    next(iter(annotate.get_tasks(data_hash=BENCHMARK_DATA[0]))).submit()
    (task,) = review_stage(site, REVIEWER).get_tasks()
    one, two = task.get_label_reviews()
    assert {one.label_id, two.label_id} == {o.object_hash for o in row.get_object_instances()}
    assert (one.label_type, one.status) == ("Object", LabelReviewStatus.NEW)
    one.approve()
    two.reject(comment="not there", issue_tags=["spurious"])
    assert [r.status for r in task.get_label_reviews()] == [LabelReviewStatus.APPROVED, LabelReviewStatus.REJECTED]
    task.reject()
    next(iter(annotate.get_tasks(data_hash=BENCHMARK_DATA[0]))).submit()
    (task,) = review_stage(site, REVIEWER).get_tasks()
    assert [r.status for r in task.get_label_reviews()] == [LabelReviewStatus.APPROVED, LabelReviewStatus.RESOLVED]
    reviews = list(task.get_label_reviews())
    reviews[0].reopen()
    task.approve()
    where = site.where()
    assert where[BENCHMARK_DATA[0]] == "Complete"


def test_a_world_that_was_dumped_starts_again_where_it_was(start: Start, site: Site) -> None:
    row = opened(site)
    add(row, "Spot")
    row.save()
    (task,) = site.project().workflow.get_stage(name="Annotate").get_tasks(data_hash=BENCHMARK_DATA[0])
    task.submit(assignee=REVIEWER)
    world = site.control("GET", "world")
    again = start(copy.deepcopy(world))
    assert again.control("GET", "world") == world
    assert names(opened(again)) == ["Spot"]
    (task,) = review_stage(again, REVIEWER).get_tasks()
    assert task.assignee == REVIEWER
    assert again.project().project_hash == PROJECT
