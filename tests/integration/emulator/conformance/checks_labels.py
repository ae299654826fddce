"""Checks of label rows. Every shape on every kind of data has tests of its own: `test_label_rows.py`."""

from datetime import datetime
from uuid import UUID

import pytest
from encord import Project
from encord.constants.enums import DataType
from encord.exceptions import LabelRowError, WrongProjectTypeError
from encord.objects import Classification, LabelRowV2, OntologyStructure, RadioAttribute, Shape
from encord.objects.attributes import TextAttribute
from encord.objects.classification import OntologyClassificationLevel
from encord.objects.frames import Range
from encord.objects.metadata import DICOMSeriesMetadata, DICOMSliceMetadata
from encord.orm.storage import CustomerProvidedImageMetadata
from encord.utilities.project_user import ProjectUserRole

from tests.integration.emulator import media_files
from tests.integration.emulator.conftest import OPERATOR

from .ground import ANNA, BOX, Ground
from .registry import absent, check


def project_of_everything(ground: Ground) -> Project:
    """An image, an image group of three, a film, a sound and a data group; a box, a global question and a remark."""
    structure = OntologyStructure()
    structure.add_object("Car", Shape.BOUNDING_BOX)
    structure.add_classification().add_attribute(TextAttribute, "Remark")
    usable = structure.add_classification(level=OntologyClassificationLevel.GLOBAL).add_attribute(
        RadioAttribute, "Usable"
    )
    usable.add_option("yes")
    ontology = ground.me.create_ontology(ground.name("everything"), "", structure)
    folder, dataset = ground.folder(), ground.dataset()
    image = folder.upload_image(ground.png(), title="image", client_metadata={"camera": 3})
    group = folder.create_image_group([media_files.png(ground.file("png"), shade) for shade in (1, 2, 3)], "group")
    film = folder.upload_video(media_files.mp4(ground.file("mp4")), title="film")
    sound = folder.upload_audio(media_files.wav(ground.file("wav")), title="sound")
    several = folder.create_data_group([image, film])
    dataset.link_items([image, group, film, sound, several])
    title = ground.name("project of everything")
    project_hash = ground.me.create_project(title, [dataset.dataset_hash], ontology_hash=ontology.ontology_hash)
    return ground.me.get_project(project_hash)


def rows_by_type(project: Project) -> dict[DataType, LabelRowV2]:
    listed = project.list_label_rows_v2(include_client_metadata=True, include_images_data=True)
    return {row.data_type: row for row in listed}


@check(
    "LabelRowV2",
    "annotation_task_status",
    "assigned_user_email",
    "audio_bit_depth",
    "audio_codec",
    "audio_num_channels",
    "audio_sample_rate",
    "backing_item_uuid",
    "branch_name",
    "client_metadata",
    "created_at",
    "data_hash",
    "data_link",
    "data_title",
    "data_type",
    "dataset_hash",
    "dataset_title",
    "duration",
    "file_type",
    "fps",
    "height",
    "is_labelling_initialised",
    "label_hash",
    "label_status",
    "last_actioned_by_user_email",
    "last_edited_at",
    "number_of_frames",
    "ontology_structure",
    "priority",
    "task_uuid",
    "width",
    "workflow_graph_node",
)
def a_label_row_tells_what_it_is_about(ground: Ground) -> None:
    """The facts of files, tasks and people, set through other calls, are read from the listing of another client."""
    project = project_of_everything(ground)
    project.add_users([ANNA], ProjectUserRole.ANNOTATOR)
    fresh = rows_by_type(ground.reread(project))
    image, film, sound = (fresh[kind] for kind in (DataType.IMAGE, DataType.VIDEO, DataType.AUDIO))
    (dataset,) = project.list_datasets()
    assert (image.data_title, image.dataset_title, image.dataset_hash) == (
        "image",
        dataset.title,
        str(dataset.dataset_hash),
    )
    assert (image.width, image.height, image.file_type, image.client_metadata) == (64, 48, "image/png", {"camera": 3})
    assert (image.branch_name, image.label_hash) == ("main", None)
    for of_before_workflows in ("label_status", "annotation_task_status"):
        with pytest.raises(WrongProjectTypeError):  # The SDK itself refuses where there is a workflow.
            getattr(image, of_before_workflows)
    assert (image.is_labelling_initialised, image.priority) == (False, 0.5)
    assert image.ontology_structure.objects[0].name == "Car"
    assert (film.number_of_frames, film.fps, film.duration) == (10, 5, 2)
    assert str(film.data_link).startswith("http")
    assert (sound.audio_sample_rate, sound.audio_bit_depth, sound.audio_num_channels) == (8000, 16, 2)
    assert sound.audio_codec == "pcm_s16le"
    stage = project.workflow.get_stage(name="Annotate")
    (task,) = stage.get_tasks(data_hash=image.data_hash)
    assert (image.task_uuid, image.workflow_graph_node.title) == (task.uuid, "Annotate")
    assert ground.item(image.backing_item_uuid).name == "image"
    task.assign(ANNA)
    image.initialise_labels()
    assert image.is_labelling_initialised
    ground.draw(image)
    image.save()
    (theirs,) = ground.anna.get_project(project.project_hash).list_label_rows_v2(data_hashes=[image.data_hash])
    assert theirs.assigned_user_email == ANNA
    assert UUID(str(theirs.label_hash)) == UUID(str(image.label_hash))
    assert theirs.last_edited_at >= theirs.created_at
    task.submit()
    again = rows_by_type(ground.reread(project))[DataType.IMAGE]
    assert again.last_actioned_by_user_email == OPERATOR


@check(
    "LabelRowV2",
    "initialise_labels",
    "save",
    "add_object_instance",
    "get_object_instances",
    "remove_object",
    "add_classification_instance",
    "get_classification_instances",
    "remove_classification",
    "to_encord_dict",
    "from_labels_dict",
)
def labels_are_saved_changed_and_removed(ground: Ground) -> None:
    """Objects and classifications are saved, removed, put back from a dictionary; another client reads each state."""
    project = project_of_everything(ground)
    row = rows_by_type(project)[DataType.VIDEO]
    row.initialise_labels()
    structure = project.ontology_structure
    car = structure.get_child_by_title("Car").create_instance()
    car.set_for_frames(BOX, frames=Range(2, 5), confidence=0.5)
    row.add_object_instance(car)
    remark = structure.get_child_by_title("Remark", Classification).create_instance()
    remark.set_answer("bright")
    remark.set_for_frames(Range(0, 3))
    row.add_classification_instance(remark)
    usable = structure.get_child_by_title("Usable", Classification).create_instance()
    usable.set_answer(usable.ontology_item.attributes[0].options[0])
    usable.set_for_frames(0)
    row.add_classification_instance(usable)
    row.save()
    saved = row.to_encord_dict()
    found = ground.same_row(project, row)
    (box,) = found.get_object_instances()
    assert [view.frame for view in box.get_annotations()] == [2, 3, 4, 5]
    assert (box.get_annotation(3).confidence, box.get_annotation(3).created_by) == (0.5, OPERATOR)
    answers = {instance.classification_name: instance for instance in found.get_classification_instances()}
    assert answers["Remark"].get_answer() == "bright"
    assert answers["Usable"].is_global()
    found.remove_object(box)
    found.remove_classification(answers["Remark"])
    found.save()
    empty = ground.same_row(project, row)
    assert empty.get_object_instances() == []
    assert [c.classification_name for c in empty.get_classification_instances()] == ["Usable"]
    empty.from_labels_dict(saved)
    empty.save()
    assert len(ground.same_row(project, row).get_object_instances()) == 1


@check("LabelRowV2", "get_frame_view", "get_frame_views", "get_frame_metadata", "get_frames_metadata")
@check("LabelRowV2", "get_frame_number", "get_image_hash")
@check(
    "LabelRowV2.FrameView",
    "add_object_instance",
    "add_classification_instance",
    "get_object_instances",
    "get_classification_instances",
    "data_link",
    "file_type",
    "frame",
    "height",
    "width",
    "image_hash",
    "image_title",
)
@check("LabelRowV2.FrameViewMetadata", "file_type", "frame_number", "height", "image_hash", "title", "width")
def frames_are_looked_at_one_by_one(ground: Ground) -> None:
    """Labels are added on frames of an image group; another client finds them there, and the frames' facts."""
    project = project_of_everything(ground)
    row = rows_by_type(project)[DataType.IMG_GROUP]
    row.initialise_labels()
    structure = project.ontology_structure
    view = row.get_frame_view(1)
    view.add_object_instance(structure.get_child_by_title("Car").create_instance(), BOX)
    remark = structure.get_child_by_title("Remark", Classification).create_instance()
    remark.set_answer("second")
    view.add_classification_instance(remark)
    row.save()
    found = rows_by_type(ground.reread(project))[DataType.IMG_GROUP]
    found.initialise_labels()
    counts = [(len(v.get_object_instances()), len(v.get_classification_instances())) for v in found.get_frame_views()]
    assert counts == [(0, 0), (1, 1), (0, 0)]
    second, about = found.get_frame_view(1), found.get_frame_metadata(1)
    children = list(ground.item(found.backing_item_uuid).get_child_items())
    assert UUID(second.image_hash) == UUID(about.image_hash) == UUID(found.get_image_hash(1)) == children[1].uuid
    assert found.get_frame_number(second.image_hash) == second.frame == about.frame_number == 1
    assert (second.image_title, about.title) == (children[1].name, children[1].name)
    assert (second.width, second.height, about.width, about.height) == (64, 48, 64, 48)
    assert (second.file_type, about.file_type) == ("image/png", "image/png")
    assert str(second.data_link).startswith("http")
    assert [m.frame_number for m in found.get_frames_metadata()] == [0, 1, 2]


@check("LabelRowV2", "metadata")
@check("LabelRowV2.FrameView", "metadata")
def slices_of_a_series_are_described(ground: Ground) -> None:
    """A series is made of files; another client reads the study's identifiers, and every slice's."""
    folder, dataset = ground.folder(), ground.dataset()
    dataset.link_items([folder.create_dicom_series([media_files.dicom(ground.file("dcm"))])])
    project = ground.project(0)
    project.add_datasets([dataset.dataset_hash])
    (row,) = ground.reread(project).list_label_rows_v2()
    row.initialise_labels()
    (file,) = ground.item(row.backing_item_uuid).get_child_items()
    assert isinstance(row.metadata, DICOMSeriesMetadata)
    assert (row.metadata.study_uid, row.metadata.series_uid) == (file.dicom_study_uid, file.dicom_series_uid)
    about = row.get_frame_view(0).metadata
    assert isinstance(about, DICOMSliceMetadata)
    assert about.dicom_instance_uid == file.dicom_instance_uid


@check("LabelRowV2", "get_space", "get_spaces")
def members_of_a_data_group_are_labelled(ground: Ground) -> None:
    """A box is drawn on the video of a data group; another client finds it there, and nothing on the image."""
    project = project_of_everything(ground)
    row = rows_by_type(project)[DataType.GROUP]
    row.initialise_labels()
    film = row.get_space(layout_key="1", type_="video")
    car = project.ontology_structure.get_child_by_title("Car").create_instance()
    film.put_object_instance(car, frames=[3], coordinates=BOX)
    row.save()
    found = ground.same_row(project, row)
    assert len(found.get_spaces()) == 2
    (annotation,) = found.get_space(layout_key="1", type_="video").get_annotations(type_="object")
    assert (annotation.frame, annotation.coordinates) == (3, BOX)
    assert list(found.get_space(layout_key="0", type_="image").get_annotations(type_="object")) == []


@check("LabelRowV2", "get_storage_item", "initialise_storage_item")
def a_label_row_leads_to_its_item(ground: Ground) -> None:
    """The items behind rows are fetched one by one and in a bundle, with URLs that serve."""
    import requests

    project = project_of_everything(ground)
    image = rows_by_type(project)[DataType.IMAGE]
    item = image.get_storage_item(get_signed_urls=True)
    assert requests.get(item.get_signed_url(), timeout=5).content.startswith(b"\x89PNG")
    rows = list(rows_by_type(ground.reread(project)).values())
    with project.create_bundle() as bundle:
        for row in rows:
            row.initialise_storage_item(bundle=bundle)
    ground.site.control("DELETE", "requests")
    assert [row.get_storage_item().uuid for row in rows] == [row.backing_item_uuid for row in rows]
    # Nothing had to be asked for again.
    assert ground.site.control("GET", "requests")["counts"] == []


@check("LabelRowV2", "from_media_metadata", "attach_to_project", "is_detached")
def a_row_made_without_a_project_is_attached(ground: Ground) -> None:
    """Labels drawn on a detached row are saved after attaching it; another client reads them."""
    project = ground.project()
    target = project.list_label_rows_v2()[0]
    about = CustomerProvidedImageMetadata(mime_type="image/png", file_size=1, height=48, width=64)
    row = LabelRowV2.from_media_metadata(ground.me.get_ontology(project.ontology_hash), about)
    ground.draw(row)
    with pytest.raises(LabelRowError):
        row.save()
    assert row.is_detached
    row.attach_to_project(project, target.data_hash)
    assert not row.is_detached
    row.save()
    assert len(ground.same_row(project, target).get_object_instances()) == 1


@check("LabelRowV2", "get_validation_errors", "is_valid")
def invalid_labels_are_told_apart(ground: Ground) -> None:
    """Without an answer to a required question a row is saved and invalid, and the question is named."""
    structure = OntologyStructure()
    structure.add_object("Car", Shape.BOUNDING_BOX)
    structure.add_classification().add_attribute(TextAttribute, "Why", required=True)
    ontology = ground.me.create_ontology(ground.name("strict"), "", structure)
    dataset = ground.dataset(1)
    title = ground.name("strict project")
    project = ground.me.get_project(
        ground.me.create_project(title, [dataset.dataset_hash], ontology_hash=ontology.ontology_hash)
    )
    row = ground.row(project, drawn=True)
    found = ground.same_row(project, row)
    assert not found.is_valid
    (error,) = found.get_validation_errors()
    assert "Why" in error
    why = project.ontology_structure.classifications[0].create_instance()
    why.set_answer("because")
    why.set_for_frames(0)
    found.add_classification_instance(why)
    found.save()
    again = ground.same_row(project, row)
    assert (again.is_valid, again.get_validation_errors()) == (True, None)


@check("LabelRowV2", "set_priority", "workflow_complete", "workflow_reopen")
def a_label_row_is_hurried_completed_and_reopened(ground: Ground) -> None:
    """Priority is set (in a bundle too), the task is completed and reopened; another client finds it there."""
    project = ground.project(images=2)
    first, second = project.list_label_rows_v2()
    first.initialise_labels()
    first.set_priority(0.9)
    with project.create_bundle() as bundle:
        second.set_priority(0.1, bundle=bundle)
    assert [row.priority for row in ground.reread(project).list_label_rows_v2()] == [0.9, 0.1]
    first.workflow_complete()
    done = ground.reread(project).workflow.get_stage(name="Complete")
    assert [task.data_hash for task in done.get_tasks()] == [UUID(first.data_hash)]
    first.workflow_reopen()
    assert ground.same_row(project, first).workflow_graph_node.title == "Annotate"
    assert isinstance(first.created_at, datetime)


absent("the SDK's own bookkeeping: it asks the platform nothing", "LabelRowV2.add_to_single_frame_to_hashes_map")
absent("shadow data is not emulated: always false", "LabelRowV2.is_shadow_data")
absent("continuous scenes (MCAP) are not emulated: always false", "LabelRowV2.is_event_based")
absent("parts of a data group have no rows of their own: always None", "LabelRowV2.group_hash")
