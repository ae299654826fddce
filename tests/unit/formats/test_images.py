"""Label rows as images: members of data groups, streams, deleted objects, answers that hold for some frames."""

from typing import Any

import pytest
from encord.objects import Classification
from encord.objects.frames import Range

from benchmark_qa.formats.labelled_images import read_images
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.labels.ontology import Ontology
from tests.unit.sdk_rows import STRUCTURE, coordinates, editor, new_row

ONTOLOGY = Ontology.from_editor(editor())


def drawing(object_hash: str, **changes: Any) -> dict[str, Any]:
    box = {"x": 0.25, "y": 0.5, "w": 0.5, "h": 0.25}
    return {
        "objectHash": object_hash,
        "featureHash": "Obox____",
        "shape": "bounding_box",
        "boundingBox": box,
        **changes,
    }


def group_row() -> dict[str, Any]:
    row = new_row("image").to_encord_dict()
    row["data_type"] = "group"
    row["data_units"] = {"data": {"data_hash": "data", "data_title": "g", "data_type": "group", "labels": {}}}
    row["spaces"] = {
        "left": {"space_type": "image", "width": 100, "height": 80, "labels": {"0": {"objects": [drawing("one")]}}},
        "film": {
            "space_type": "video",
            "width": 200,
            "height": 40,
            "labels": {"7": {"objects": [drawing("one"), drawing("two")]}},
        },
    }
    return row


def test_members_of_a_data_group_are_images_of_their_own_size() -> None:
    images = read_images(group_row(), ONTOLOGY).images
    assert [(image.space, image.frame, image.width, len(image.objects)) for image in images] == [
        ("film", 7, 200, 2),
        ("left", 0, 100, 1),
    ]
    regions = [image.objects[0].region for image in images]
    assert [region.box for region in regions if region] == [(50, 20, 100, 10), (25, 40, 50, 20)]


def test_an_object_on_several_images_is_one_instance() -> None:
    assert len(read_images(group_row(), ONTOLOGY).instances) == 2


def test_deleted_objects_are_on_no_image() -> None:
    row = group_row()
    row["spaces"]["film"]["labels"]["7"]["objects"][1]["isDeleted"] = True
    film, _ = read_images(row, ONTOLOGY).images
    assert [item.object_hash for item in film.objects] == ["one"]


def test_the_size_of_the_data_unit_stands_in_where_the_row_tells_none() -> None:
    row = new_row("image").to_encord_dict()
    unit = row["data_units"]["data"]
    unit["labels"] = {"objects": [drawing("one")], "classifications": []}
    unit["width"] = unit["height"] = None
    assert read_images(row, ONTOLOGY).images[0].objects[0].region is None
    (image,) = read_images(row, ONTOLOGY, (400, 200)).images
    assert image.width == 400
    region = image.objects[0].region
    assert region
    assert region.box == (100, 100, 200, 50)


def test_answers_that_hold_for_some_frames_are_on_these_alone() -> None:
    row = new_row("video")
    made = STRUCTURE.get_child_by_title("box").create_instance()
    for frame in (1, 5):
        made.set_for_frames(coordinates()["box"], frames=frame)
    moves = made.ontology_item.attributes[3]
    made.set_answer([moves.options[0], moves.options[2]], moves, frames=5)
    row.add_object_instance(made)
    early, late = read_images(row.to_encord_dict(), ONTOLOGY).images
    assert (early.frame, late.frame) == (1, 5)
    assert early.objects[0].attributes == {}
    assert late.objects[0].attributes == {"moves": ["bad", "good"]}


def test_classifications_of_some_frames_are_on_these_alone() -> None:
    row = new_row("video")
    box = STRUCTURE.get_child_by_title("box").create_instance()
    for frame in (0, 3, 4, 8, 9):
        box.set_for_frames(coordinates()["box"], frames=frame)
    row.add_object_instance(box)
    for answer, where in (("fog", [(0, 3), (9, 9)]), ("rain", [(4, 8)])):
        remark = STRUCTURE.get_child_by_title("remark", type_=Classification).create_instance()
        remark.set_answer(answer)
        remark.set_for_frames([Range(start=first, end=last) for first, last in where])
        row.add_classification_instance(remark)
    said = {image.frame: image.classifications for image in read_images(row.to_encord_dict(), ONTOLOGY).images}
    fog, rain = {"remark": "fog"}, {"remark": "rain"}
    assert {frame: said[frame] for frame in (0, 3, 4, 8, 9)} == {0: fog, 3: fog, 4: rain, 8: rain, 9: fog}


def test_a_row_that_is_not_well_formed_is_refused_with_its_place() -> None:
    row = group_row()
    del row["spaces"]["film"]["labels"]["7"]["objects"][1]["boundingBox"]["w"]
    with pytest.raises(LabelReadError, match=r"spaces\[film\].labels\[7\]"):
        read_images(row, ONTOLOGY)


def test_sound_is_on_no_image_and_is_not_lost() -> None:
    row = new_row("audio")
    made = STRUCTURE.get_child_by_title("sound").create_instance()
    from encord.objects.coordinates import AudioCoordinates
    from encord.objects.frames import Range

    made.set_for_frames(AudioCoordinates(range=[Range(start=100, end=900)]))
    row.add_object_instance(made)
    labelled = read_images(row.to_encord_dict(), ONTOLOGY)
    assert labelled.images == ()
    (sound,) = labelled.elsewhere
    assert (sound.shape, sound.region) == ("audio", None)
