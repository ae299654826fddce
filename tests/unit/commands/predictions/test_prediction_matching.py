"""Which data unit and which class a prediction file means."""

from typing import Any

import pytest

from benchmark_qa.commands.predictions.detections import PredictionInputError
from benchmark_qa.commands.predictions.evaluation import evaluate_predictions
from benchmark_qa.commands.predictions.files import given_by_coco, given_by_table
from benchmark_qa.commands.predictions.label_rows import given_by_rows, truth_of_rows
from benchmark_qa.commands.predictions.truth import GivenPredictions, Truth
from tests.unit.rows import PEDESTRIAN, box_row, image_row

BOX = [10.0, 10.0, 50.0, 80.0]


def row(data_hash: str, title: str, url: str) -> dict[str, Any]:
    known = box_row(data_hash, [BOX])
    known["data_title"] = title
    known["data_units"][data_hash]["data_link"] = url
    return known


ROWS = [
    row("hash-a", "street/a.jpg", "https://bucket.example.com/2026/x1.jpg?signature=abc"),
    row("hash-b", "street/b.jpg", "gs://bucket/2026/x2.jpg"),
    row("hash-c", "other/a.jpg", "gs://bucket/2026/x3.jpg"),
]


def line(image: str, **more: Any) -> dict[str, Any]:
    return {"image": image, "class": "pedestrian", "confidence": 0.9, "x": 10, "y": 10, "w": 50, "h": 80} | more


def matched(*given: GivenPredictions) -> Any:
    return truth_of_rows(ROWS).detections(list(given))


@pytest.mark.parametrize(
    ("name", "data_hash"),
    [
        ("hash-a", "hash-a"),
        ("street/a.jpg", "hash-a"),
        ("https://bucket.example.com/2026/x1.jpg", "hash-a"),
        ("https://bucket.example.com/2026/x1.jpg?signature=of-another-day", "hash-a"),
        ("gs://bucket/2026/x2.jpg", "hash-b"),
        ("b.jpg", "hash-b"),
        ("/data/street/b.jpg", "hash-b"),
        ("C:\\data\\street\\b.jpg", "hash-b"),
        ("x3.jpg", "hash-c"),
    ],
)
def test_an_image_is_found_by_hash_title_url_or_the_name_of_its_file(name: str, data_hash: str) -> None:
    (detections,) = matched(given_by_table([line(name)]))
    (prediction,) = detections.predictions
    assert detections.sources[prediction["image_id"] - 1].data_hash == data_hash
    assert detections.unmatched == ()
    assert detections.predicted_images == 1


def test_names_of_several_data_units_or_of_none_are_not_guessed() -> None:
    lines = [line("a.jpg"), line("elsewhere.jpg"), line("hash-b"), line("val/b.jpg"), line("B.jpg")]
    (detections,) = matched(given_by_table(lines))
    assert detections.unmatched == ("a.jpg", "elsewhere.jpg", "val/b.jpg", "B.jpg")
    assert detections.ambiguous == ("a.jpg", "val/b.jpg", "B.jpg")
    assert len(detections.predictions) == 1


def test_a_class_is_found_by_its_feature_hash_or_its_name_and_a_new_one_has_no_truth() -> None:
    lines = [line("hash-a"), line("hash-b", **{"class": PEDESTRIAN}), line("hash-c", **{"class": "rider"})]
    (detections,) = matched(given_by_table(lines))
    assert detections.classes == ("pedestrian", "rider")
    person, rider = evaluate_predictions(detections).classes
    assert (person.true_positives, rider.false_positives, rider.ap) == (2, 1, None)
    assert rider.why == "no ground truth of this class"


def test_a_class_name_that_two_features_have_must_be_said_by_hash() -> None:
    second = box_row("hash-d", [BOX])
    second["data_units"]["hash-d"]["labels"]["objects"][0]["featureHash"] = "OtherXXX"
    truth = truth_of_rows([*ROWS, second])
    with pytest.raises(PredictionInputError, match="is the name of 2 classes: give its id"):
        truth.detections([given_by_table([line("hash-a")])])
    (detections,) = truth.detections([given_by_table([line("hash-a", **{"class": "OtherXXX"})])])
    assert detections.predictions[0]["category_id"] == 2


def test_models_of_three_layouts_stand_beside_the_same_truth() -> None:
    coco = {
        "images": [{"id": 7, "file_name": "street/a.jpg"}, {"id": 8, "file_name": "none.jpg"}],
        "categories": [{"id": 3, "name": "pedestrian"}],
        "annotations": [{"image_id": 7, "category_id": 3, "bbox": BOX, "score": 0.9}],
    }
    tables = matched(given_by_coco(coco), given_by_table([line("hash-a")]), given_by_rows([ROWS[0]]))
    assert tables[0].truth == tables[1].truth == tables[2].truth
    assert [evaluate_predictions(each).classes[0].true_positives for each in tables] == [1, 1, 1]
    assert tables[0].unmatched == ("none.jpg",)


def test_label_rows_of_a_copy_of_the_data_are_matched_by_title() -> None:
    (detections,) = matched(given_by_rows([row("hash-of-the-copy", "street/b.jpg", "")]))
    assert detections.unmatched == ()
    assert evaluate_predictions(detections).classes[0].true_positives == 1


def test_the_frame_of_a_video_and_the_image_of_a_group_are_found() -> None:
    box = {"objectHash": "o", "featureHash": PEDESTRIAN, "name": "pedestrian", "shape": "bounding_box"}
    box["boundingBox"] = {"x": 10 / 1280, "y": 10 / 720, "w": 50 / 1280, "h": 80 / 720}  # type: ignore[assignment]
    video = image_row("film")
    video["data_type"] = "video"
    video["data_units"]["film"]["labels"] = {"3": {"objects": [box]}, "7": {"objects": [box]}}
    group = image_row("group")
    group["data_type"] = "img_group"
    group["data_units"] = {
        name: {
            **image_row(name, objects=[box])["data_units"][name],
            "data_sequence": number,
            "data_title": f"{name}.png",
        }
        for number, name in enumerate(("first", "second"))
    }
    truth = truth_of_rows([video, group])
    lines = [line("film", frame=7), line("film", frame=9), line("second.png"), line("group"), line("film")]
    (detections,) = truth.detections([given_by_table(lines)])
    outcome = evaluate_predictions(detections).classes[0]
    assert (outcome.true_positives, outcome.false_positives, outcome.truths) == (2, 1, 4)
    assert detections.unmatched == ("group", "film")  # which of their frames is not said


def test_coco_results_find_images_of_label_rows_by_hash_and_refuse_unknown_class_numbers() -> None:
    (detections,) = matched(given_by_coco([{"image_id": "hash-a", "category_id": PEDESTRIAN, "bbox": BOX, "score": 1}]))
    assert evaluate_predictions(detections).classes[0].true_positives == 1
    with pytest.raises(PredictionInputError, match="class '1' is not among the classes of the truth"):
        matched(given_by_coco([{"image_id": "hash-a", "category_id": 1, "bbox": BOX, "score": 1}]))


def test_label_rows_find_the_images_of_a_coco_data_set_by_data_hash() -> None:
    truth = Truth.from_coco(
        {
            "images": [{"id": 1, "width": 1280, "height": 720, "data_hash": "hash-a", "file_name": "a.jpg"}],
            "categories": [{"id": 1, "name": PEDESTRIAN}],
            "annotations": [{"image_id": 1, "category_id": 1, "bbox": BOX}],
        }
    )
    (detections,) = truth.detections([given_by_rows([ROWS[0]])])
    assert evaluate_predictions(detections).classes[0].true_positives == 1


@pytest.mark.parametrize("name", ["train/film_0003.jpg", "film_0003.jpg", "2"])
@pytest.mark.parametrize("kind", ["pedestrian", PEDESTRIAN, "1"])
def test_files_and_classes_of_an_export_are_known_by_every_name_they_have_there(name: str, kind: str) -> None:
    """As `benchmark-qa export` writes COCO: two frames of one film, and a picture whose file is called as its title."""
    names = (
        ("film_0001", "film.mp4", "unit-f", 1),
        ("film_0003", "film.mp4", "unit-f", 3),
        ("a", "a.jpg", "unit-a", 0),
    )
    truth = Truth.from_coco(
        {
            "images": [
                {"id": number, "width": 1280, "height": 720, "file_name": f"train/{file}.jpg", "data_title": title}
                | {"data_hash": data_hash, "frame": frame}
                for number, (file, title, data_hash, frame) in enumerate(names, start=1)
            ],
            "categories": [{"id": 1, "name": "pedestrian", "feature_hash": PEDESTRIAN}],
            "annotations": [
                {"image_id": 2, "category_id": 1, "bbox": BOX},
                {"image_id": 3, "category_id": 1, "bbox": BOX},
            ],
        }
    )
    lines = [line(name, **{"class": kind}), line("a.jpg"), line("film.mp4", frame=3), line("film.mp4")]
    (detections,) = truth.detections([given_by_table(lines)])
    assert [item["image_id"] for item in detections.predictions] == [2, 3, 2]
    assert (detections.unmatched, detections.ambiguous) == (("film.mp4",), ())


def test_more_is_known_of_images_by_any_of_their_names() -> None:
    truth = truth_of_rows(ROWS).with_fields({"street/a.jpg": {"site": "north"}, "hash-b": {"site": "south"}})
    assert [fields.get("site") for fields in truth.fields] == ["north", "south", None]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"image": ""}, "predictions[0] has no image (a column image or data_hash or file_name"),
        ({"confidence": "high"}, "predictions[0].confidence is not a number: 'high'"),
        ({"w": "nan"}, "predictions[0].w is not a finite number"),
        ({"h": -1}, "predictions[0].bbox has a negative size"),
        ({"class": None}, "has no class (a column class or label or category or name; there are: image, "),
        ({"frame": "x"}, "predictions[0].frame is not a number: 'x'"),
    ],
)
def test_broken_tables_are_named(broken: dict[str, Any], message: str) -> None:
    with pytest.raises(PredictionInputError) as caught:
        matched(given_by_table([line("hash-a") | broken]))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "content", ["text", {"images": []}, [3], [{"image_id": 1}], [{"image_id": [], "category_id": 1}]]
)
def test_broken_results_are_named(content: Any) -> None:
    with pytest.raises(PredictionInputError, match="predictions"):
        given_by_coco(content)


@pytest.mark.parametrize("ids", [(1, 2), (2, 1), (10, 3)], ids=str)
def test_names_mean_their_images_in_any_order_of_the_ids_of_the_truth(ids: tuple[int, int]) -> None:
    boxes = {"a.jpg": [10.0, 10.0, 50.0, 80.0], "b.jpg": [200.0, 10.0, 50.0, 80.0]}
    own = dict(zip(boxes, ids, strict=True))
    document = {
        "images": [{"id": own[name], "file_name": name, "width": 640, "height": 480, "site": name} for name in boxes],
        "categories": [{"id": 1, "name": "pedestrian"}],
        "annotations": [
            {"id": at, "image_id": own[name], "category_id": 1, "bbox": box}
            for at, (name, box) in enumerate(boxes.items(), start=1)
        ],
    }
    lines = [line(name, x=box[0]) for name, box in boxes.items()]
    (detections,) = Truth.from_coco(document).detections([given_by_table(lines)])
    assert evaluate_predictions(detections).summary["AP"] == 1
    assert [source.title for source in detections.sources] == [known["site"] for known in detections.fields]


@pytest.mark.parametrize("name", ["pedestrian ", "\u00a0pedestrian", "pedes\u200btrian"], ids=ascii)
def test_class_names_that_look_alike_are_one_class(name: str) -> None:
    (detections,) = matched(given_by_table([line("hash-a", **{"class": name})]))
    assert detections.classes == ("pedestrian",)


def test_the_name_in_a_table_decides_where_an_id_stands_beside_it() -> None:
    lines = [{**line("unused"), "image": "", "image_id": "hash-b", "file_name": "street/a.jpg"}]
    (detections,) = matched(given_by_table(lines))
    (prediction,) = detections.predictions
    assert detections.sources[prediction["image_id"] - 1].data_hash == "hash-a"


def test_boxes_in_shares_of_the_image_are_told() -> None:
    (shares,) = matched(given_by_table([line("hash-a", x=0.1, y=0.1, w=0.5, h=0.5)]))
    assert "pixels, no shares" in " ".join(shares.notes)
    (pixels,) = matched(given_by_table([line("hash-a")]))
    assert "pixels" not in " ".join(pixels.notes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"iscrowd": "0"}, "has iscrowd '0', which is neither 0 nor 1"),
        ({"area": -1}, "area is negative"),
    ],
)
def test_values_of_the_truth_that_would_remove_an_object_are_refused(change: dict[str, Any], said: str) -> None:
    document = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "categories": [{"id": 1, "name": "pedestrian"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": BOX, **change}],
    }
    with pytest.raises(PredictionInputError, match=said):
        Truth.from_coco(document)
