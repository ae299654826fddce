"""Label rows with confidences judged as a model's predictions, against the same things said in COCO's layout."""

from typing import Any

import numpy as np
import pytest
from encord.objects.bitmask import BitmaskCoordinates
from encord.objects.coordinates import RotatableBoundingBoxCoordinates
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from benchmark_qa.commands.predictions.detections import Detections, PredictionInputError
from benchmark_qa.commands.predictions.evaluation import evaluate_predictions
from benchmark_qa.commands.predictions.files import given_by_table
from benchmark_qa.commands.predictions.label_rows import (
    detections_from_label_rows,
    detections_of_models,
    given_by_rows,
    truth_of_rows,
)
from tests.unit.rows import PEDESTRIAN, box_row, image_row

WIDTH, HEIGHT = 60, 40
SQUARE = [10 / WIDTH, 10 / HEIGHT, 30 / WIDTH, 10 / HEIGHT, 30 / WIDTH, 30 / HEIGHT, 10 / WIDTH, 30 / HEIGHT]
HOLE = [15 / WIDTH, 15 / HEIGHT, 25 / WIDTH, 15 / HEIGHT, 25 / WIDTH, 25 / HEIGHT, 15 / WIDTH, 25 / HEIGHT]


def drawn(shape: str, **geometry: Any) -> dict[str, Any]:
    return {"objectHash": "object00", "featureHash": "Feature1", "name": "cell", "shape": shape, **geometry}


def row(*objects: dict[str, Any], data_hash: str = "image") -> dict[str, Any]:
    return image_row(data_hash, width=WIDTH, height=HEIGHT, objects=list(objects))


def judge(truth: dict[str, Any], predicted: dict[str, Any]) -> Detections:
    return detections_from_label_rows([row(truth)], [row(predicted)])


def with_confidence(label_row: dict[str, Any], confidences: list[float]) -> dict[str, Any]:
    for unit in label_row["data_units"].values():
        for item, confidence in zip(unit["labels"]["objects"], confidences, strict=True):
            item["confidence"] = confidence
    return label_row


def test_the_pedestrian_crowd_scores_the_same_from_label_rows_and_from_coco(pedestrians: dict[str, Any]) -> None:
    random = np.random.default_rng(4)
    rows_of_truth, rows_of_model, coco_results = [], [], []
    for image in pedestrians["images"]:
        boxes = next(iter(image["annotations"].values()))
        confidences = random.random(len(boxes)).tolist()
        rows_of_truth.append(box_row(image["id"], image["ground_truth"]))
        rows_of_model.append(with_confidence(box_row(image["id"], boxes), confidences))
        coco_results += [
            {"image_id": image["id"], "category_id": 1, "bbox": box, "score": score}
            for box, score in zip(boxes, confidences, strict=True)
        ]
    coco_truth = {
        "images": [{key: image[key] for key in ("id", "width", "height")} for image in pedestrians["images"]],
        "categories": [{"id": 1, "name": "pedestrian"}],
        "annotations": [
            {"image_id": image["id"], "category_id": 1, "bbox": box}
            for image in pedestrians["images"]
            for box in image["ground_truth"]
        ],
    }
    from_rows = evaluate_predictions(detections_from_label_rows(rows_of_truth, rows_of_model))
    from_coco = evaluate_predictions(Detections.from_coco(coco_truth, coco_results))
    assert from_rows.images == from_coco.images == 469
    assert from_rows.summary == pytest.approx(from_coco.summary, abs=1e-12)
    assert from_rows.classes[0].f1 == from_coco.classes[0].f1
    assert from_rows.classes[0].name == "pedestrian"
    assert from_rows.confusion.cells == from_coco.confusion.cells


def ring_of_square() -> NDArray[np.bool_]:
    """The square from 10 to 30 with a hole from 15 to 25, as pixels."""
    pixels = np.zeros((HEIGHT, WIDTH), dtype=bool)
    pixels[10:30, 10:30] = True
    pixels[15:25, 15:25] = False
    return pixels


def bitmask(pixels: NDArray[np.bool_]) -> dict[str, Any]:
    """As the SDK writes it."""
    return drawn("bitmask", bitmask=BitmaskCoordinates(pixels).to_dict())


def test_a_bitmask_of_the_sdk_becomes_cocos_mask() -> None:
    pixels = ring_of_square()
    pixels[2:5, 50] = True
    detections = judge(bitmask(pixels), bitmask(pixels))
    (annotation,) = detections.truth["annotations"]
    np.testing.assert_array_equal(coco_mask.decode(annotation["segmentation"]).astype(bool), pixels)
    assert annotation["area"] == pixels.sum()
    assert annotation["bbox"] == [10, 2, 41, 28]
    assert evaluate_predictions(detections, region="segm").summary["AP"] == pytest.approx(1)


def test_a_polygon_with_a_hole_is_the_area_without_it() -> None:
    detections = judge(drawn("polygon", polygons=[[SQUARE, HOLE]]), bitmask(ring_of_square()))
    (annotation,) = detections.truth["annotations"]
    np.testing.assert_array_equal(coco_mask.decode(annotation["segmentation"]).astype(bool), ring_of_square())
    assert evaluate_predictions(detections, region="segm").summary["AP"] == pytest.approx(1)


def test_the_older_layout_of_polygons_is_read_too() -> None:
    points = [{"x": x, "y": y} for x, y in zip(SQUARE[0::2], SQUARE[1::2], strict=True)]
    by_number = {str(number): point for number, point in enumerate(points)}
    detections = judge(drawn("polygon", polygon=by_number), drawn("polygon", polygon=points))
    (annotation,) = detections.truth["annotations"]
    assert annotation["bbox"] == pytest.approx([10, 10, 20, 20])
    assert annotation["area"] == pytest.approx(400)
    for region in ("bbox", "segm"):
        assert evaluate_predictions(detections, region=region).summary["AP"] == pytest.approx(1)  # type: ignore[arg-type]


def test_a_box_turned_by_a_quarter_covers_the_upright_one() -> None:
    turned = RotatableBoundingBoxCoordinates(
        width=20 / WIDTH, height=10 / HEIGHT, top_left_x=10 / WIDTH, top_left_y=15 / HEIGHT, theta=90
    )
    upright = {"x": 15 / WIDTH, "y": 10 / HEIGHT, "w": 10 / WIDTH, "h": 20 / HEIGHT}
    detections = judge(
        drawn("bounding_box", boundingBox=upright),
        drawn("rotatable_bounding_box", rotatableBoundingBox=turned.to_dict()),
    )
    assert evaluate_predictions(detections).summary["AP"] == pytest.approx(1)


def test_frames_of_a_video_are_images_of_their_own() -> None:
    box = drawn("bounding_box", boundingBox={"x": 0.1, "y": 0.1, "w": 0.5, "h": 0.5})
    video = image_row("video", width=WIDTH, height=HEIGHT)
    video["data_type"] = "video"
    unit = video["data_units"]["video"]
    truth = {**video, "data_units": {"video": {**unit, "labels": {"3": {"objects": [box]}, "7": {"objects": [box]}}}}}
    model = {**video, "data_units": {"video": {**unit, "labels": {"3": {"objects": [box]}, "8": {"objects": [box]}}}}}
    score = evaluate_predictions(detections_from_label_rows([truth], [model]))
    (figures,) = score.classes
    assert (figures.true_positives, figures.false_positives, figures.false_negatives) == (1, 1, 1)
    assert score.images == 3


def test_spaces_of_a_data_group_are_images_of_their_own() -> None:
    box = drawn("bounding_box", boundingBox={"x": 0.1, "y": 0.1, "w": 0.5, "h": 0.5})
    space = {"space_type": "image", "width": WIDTH, "height": HEIGHT, "labels": {"0": {"objects": [box]}}}
    group = {"data_hash": "group", "data_type": "group", "data_units": {}}
    truth = {**group, "spaces": {"left": space, "right": space}}
    score = evaluate_predictions(detections_from_label_rows([truth], [{**group, "spaces": {"left": space}}]))
    assert (score.images, score.truths, score.classes[0].true_positives) == (2, 2, 1)


def test_a_prediction_without_confidence_has_one() -> None:
    box = drawn("bounding_box", boundingBox={"x": 0.1, "y": 0.1, "w": 0.5, "h": 0.5})
    (prediction,) = judge(box, box).predictions
    assert prediction["score"] == 1.0


def test_data_units_without_truth_and_shapes_without_area_are_told() -> None:
    box = drawn("bounding_box", boundingBox={"x": 0.1, "y": 0.1, "w": 0.5, "h": 0.5})
    point = drawn("point", point={"0": {"x": 0.5, "y": 0.5}})
    detections = detections_from_label_rows([row(box, point)], [row(box, point), row(box, data_hash="other")])
    assert detections.unmatched == ("other",)
    assert detections.not_compared == {"point": 2}
    score = evaluate_predictions(detections)
    assert (score.unmatched_images, score.not_compared, score.predictions) == (1, {"point": 2}, 1)


def test_two_models_of_label_rows_share_images_and_classes_so_that_they_compare() -> None:
    box = drawn("bounding_box", boundingBox={"x": 0.1, "y": 0.1, "w": 0.5, "h": 0.5})
    other = {**box, "featureHash": "Feature2", "name": "debris"}
    first, second = detections_of_models([row(box)], [[row(box)], [row(box, other, drawn("point"))]])
    assert first.truth == second.truth
    assert first.classes == ("cell", "debris")
    assert (first.not_compared, second.not_compared) == ({}, {"point": 1})
    assert first.fields == ({"dataset_title": "dataset", "data_type": "image"},)


BOX = {"x": 0.1, "y": 0.1, "w": 0.5, "h": 0.5}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ([3], "truth[0] is not a label row"),
        ([row(), row()], "truth[1] is a second label row of data unit image"),
        ([{**row(), "data_units": [1]}], "truth image, label row has no data_units"),
        ([{**row(), "data_type": "dream"}], "data_type 'dream' is not known"),
        ([row({"objectHash": "x"})], "data_units[image].labels holds an object without a shape"),
        ([row({"shape": "bounding_box", "boundingBox": BOX})], "bounding_box 0 has no featureHash"),
        ([row(drawn("bounding_box"))], "truth image, data_units[image].labels, bounding_box 0 has no boundingBox"),
        ([row(drawn("bounding_box", boundingBox={**BOX, "w": float("nan")}))], "holds a number that is not finite"),
        ([row(drawn("bounding_box", boundingBox={**BOX, "w": -0.5}))], "has a negative size"),
        ([row(drawn("polygon", polygons=[[[0.1, 0.2]]]))], "has a ring of fewer than three points"),
        ([row(drawn("polygon"))], "polygon 0 has no well-formed polygon"),
        ([row(drawn("bitmask", bitmask={"rleString": "01", "height": 4, "width": 4}))], "is of another size"),
        ([row(drawn("bounding_box", boundingBox=BOX, confidence="high"))], "confidence is not a finite number"),
    ],
)
def test_broken_label_rows_are_named(broken: list[Any], message: str) -> None:
    with pytest.raises(PredictionInputError) as caught:
        detections_from_label_rows(broken, [])
    assert message in str(caught.value)


def test_a_row_without_media_size_is_named() -> None:
    unsized = row(drawn("bounding_box", boundingBox=BOX))
    unsized["data_units"]["image"]["width"] = None
    with pytest.raises(PredictionInputError, match="has no width and height in pixels"):
        detections_from_label_rows([unsized], [])


def test_classes_are_told_apart_by_feature_not_by_name() -> None:
    truth = box_row("image", [[0, 0, 100, 100]])
    model = box_row("image", [[0, 0, 100, 100]])
    model["data_units"]["image"]["labels"]["objects"][0]["featureHash"] = "OtherXXX"
    score = evaluate_predictions(detections_from_label_rows([truth], [model]))
    assert [figures.name for figures in score.classes] == ["pedestrian", "pedestrian"]
    assert score.confusion.cells == ((0, 1, 0), (0, 0, 0), (0, 0, 0))
    assert truth["data_units"]["image"]["labels"]["objects"][0]["featureHash"] == PEDESTRIAN


@pytest.mark.parametrize("cut", [[0.0, 10.0, 40.0, 80.0], [-60.0, 10.0, 100.0, 80.0]])
def test_beyond_the_edge_of_an_image_there_is_nothing_to_be_right_about(cut: list[float]) -> None:
    truth = truth_of_rows([box_row("hash-a", [[-30.0, 10.0, 70.0, 80.0]])])
    line = dict(zip("xywh", cut, strict=True)) | {"image": "hash-a", "class": "pedestrian", "confidence": 0.9}
    (table,) = truth.detections([given_by_table([line])])
    (rows,) = truth.detections([given_by_rows([box_row("hash-a", [cut])])])
    assert [evaluate_predictions(each).summary["AP"] for each in (table, rows)] == [1, 1]


def test_a_box_outside_its_image_stays_where_it_is() -> None:
    outside = [5000.0, 10.0, 70.0, 80.0]
    truth = truth_of_rows([box_row("hash-a", [outside])])
    assert truth.document["annotations"][0]["bbox"] == pytest.approx(outside)
