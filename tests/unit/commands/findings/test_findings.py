"""Contradicting near-duplicates, classes by class, rare classes, and the choice that follows."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from benchmark_qa.commands.findings.by_class import find_contradictions, rare_classes
from benchmark_qa.commands.findings.choose_command import OFFERED, NoDataHashesError, choose_data_units
from benchmark_qa.commands.findings.findings import find
from benchmark_qa.commands.predictions.detections import Detections
from benchmark_qa.formats.chosen_items import ChosenItems
from tests.unit.commands.findings.simulation import case

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROJECT = "11111111-1111-4111-8111-111111111111"
CLASSES = ("person", "bicycle", "boat")


def labelled(images: list[list[tuple[int, list[float]]]], **parts: Any) -> Detections:
    """Images of 100 x 100 pixels, each with boxes of a class."""
    sizes = parts.get("sizes", [(100, 100)] * len(images))
    return Detections.from_coco(
        {
            "images": [
                {"id": n, "width": w, "height": h, "data_hash": f"unit{n}", "file_name": f"{n}.jpg"}
                for n, (w, h) in enumerate(sizes)
            ],
            "categories": [{"id": n, "name": name} for n, name in enumerate(CLASSES)],
            "annotations": [
                {"image_id": n, "category_id": kind, "bbox": box}
                for n, boxes in enumerate(images)
                for kind, box in boxes
            ],
        },
        parts.get("predictions", []),
    )


PERSON, BICYCLE = (0, [10.0, 10.0, 20.0, 40.0]), (1, [50.0, 50.0, 30.0, 30.0])


def groups(*members: list[int]) -> list[Any]:
    return [np.array(each, dtype=np.intp) for each in members]


def test_a_box_that_one_of_two_near_duplicates_lacks_is_a_contradiction() -> None:
    detections = labelled([[PERSON, BICYCLE], [PERSON], [BICYCLE], [PERSON]])
    (found,) = find_contradictions(detections, groups([0, 1]))
    assert (found.worst, found.only_in_first, found.only_in_second) == ((0, 1), ("bicycle",), ())
    assert found.agreement == pytest.approx(2 / 3)
    assert find_contradictions(detections, groups([1, 3])) == []


def test_another_class_and_another_place_are_contradictions_and_the_greatest_comes_first() -> None:
    other_class, elsewhere = (1, PERSON[1]), (0, [70.0, 10.0, 20.0, 40.0])
    detections = labelled([[PERSON], [other_class], [PERSON, BICYCLE], [elsewhere, BICYCLE]])
    first, second = find_contradictions(detections, groups([2, 3], [0, 1]))
    assert (first.worst, first.agreement) == ((0, 1), 0)
    assert (second.worst, second.agreement) == ((2, 3), 0.5)
    assert (second.only_in_first, second.only_in_second) == (("person",), ("person",))


def test_the_same_picture_in_another_size_does_not_contradict_itself() -> None:
    large = (0, [20.0, 20.0, 40.0, 80.0])
    detections = labelled([[PERSON], [large]], sizes=[(100, 100), (200, 200)])
    assert find_contradictions(detections, groups([0, 1])) == []


def test_empty_near_duplicates_agree_and_an_empty_one_contradicts_a_full_one() -> None:
    detections = labelled([[], [], [PERSON]])
    assert find_contradictions(detections, groups([0, 1])) == []
    (found,) = find_contradictions(detections, groups([0, 1, 2]))
    assert (found.agreement, found.images) == (0, (0, 1, 2))


def test_classes_in_few_data_units_are_rare_and_those_without_any_come_first() -> None:
    predictions = [
        {"image_id": 2, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 0.9},
        {"image_id": 0, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 0.9},
        {"image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 0.1},
    ]
    detections = labelled([[PERSON, BICYCLE, BICYCLE], [PERSON], [PERSON]], predictions=predictions)
    boat, bicycle = rare_classes(detections, enough=2)
    assert (boat.name, boat.objects, boat.data_units, boat.strength) == ("boat", 0, 0, 1.0)
    assert (bicycle.objects, bicycle.data_units, bicycle.images, bicycle.predicted) == (2, 1, (0,), (2,))
    assert [one.name for one in rare_classes(detections, enough=4)] == ["boat", "bicycle", "person"]


def test_missing_and_spurious_are_those_of_the_evaluation(pedestrians: dict[str, Any]) -> None:
    one = case(pedestrians, 0)
    findings = find(one.detections, has_predictions=True)
    assert findings.classes is not None
    outcome = {each.name: (each.missed, each.spurious, each.objects) for each in findings.classes}
    assert outcome.keys() == {"short", "tall"}
    assert sum(objects for _, _, objects in outcome.values()) == len(one.detections.truth["annotations"])
    assert findings.missed is not None
    assert sum(missed for _, missed in findings.missed.values()) == sum(missed for missed, _, _ in outcome.values())
    json.dumps(findings.to_dict(), allow_nan=False)


def test_without_predictions_only_the_labels_themselves_are_looked_at() -> None:
    findings = find(labelled([[PERSON], [BICYCLE]]), has_predictions=False, near_duplicates=groups([0, 1]))
    assert (findings.label_errors, findings.slices, findings.classes, findings.missed) == (None, None, None, None)
    assert findings.contradictions is not None
    assert len(findings.contradictions) == 1
    assert [one.name for one in findings.rare_classes] == ["boat", "bicycle", "person"]


def chosen(pedestrians: dict[str, Any], **options: Any) -> ChosenItems:
    one = case(pedestrians, 0)
    findings = find(one.detections, has_predictions=True, enough_examples=300)
    return choose_data_units(one.detections, findings, project_hash=PROJECT, name="round 2", made_at=NOON, **options)


def test_a_choice_has_the_strongest_data_units_first_and_can_be_read_back(pedestrians: dict[str, Any]) -> None:
    items = chosen(pedestrians).items
    strengths = [item.strength for item in items]
    assert strengths == sorted(strengths, reverse=True)
    assert min(strengths) >= 0.5
    assert {reason.kind for item in items for reason in item.reasons} == {"likely_label_error"}
    assert len({item.data_hash for item in items}) == len(items)
    choice = chosen(pedestrians, most=5)
    assert [item.data_hash for item in choice.items] == [item.data_hash for item in items[:5]]
    assert ChosenItems.model_validate_json(choice.model_dump_json()) == choice


def test_a_reason_points_at_the_object_and_says_neither_the_answer_nor_the_place(pedestrians: dict[str, Any]) -> None:
    one = case(pedestrians, 0)
    hashes = {item["object_hash"]: item for item in one.detections.truth["annotations"]}
    reasons = [reason for item in chosen(pedestrians).items for reason in item.reasons]
    assert len(reasons) > 15
    for reason in reasons:
        fault, _, words = reason.text.partition(": ")
        assert (reason.object_hash is None) == (fault == "missing box")
        assert reason.label_hash is not None
        assert words.startswith(("short", "tall"))
        if reason.object_hash:  # the class it names is the one that stands there, not what it should be
            given = hashes[reason.object_hash]["category_id"]
            assert words.startswith(one.detections.classes[given - 1])


def test_every_reason_that_is_offered_can_be_chosen_by(pedestrians: dict[str, Any]) -> None:
    one = case(pedestrians, 0)
    bad = {n for n in range(469) if n % 5 == 0}
    random = np.random.default_rng(2)
    kept = [item for item in one.detections.predictions if item["image_id"] - 1 not in bad or random.random() > 0.5]
    fields = tuple({"site": "north" if n in bad else "south"} for n in range(469))
    detections = Detections(**{**vars(one.detections), "predictions": kept, "fields": fields})
    findings = find(detections, has_predictions=True, enough_examples=300, near_duplicates=groups([0, 1, 2, 3, 4]))
    for kind in OFFERED:
        choice = choose_data_units(detections, findings, project_hash=PROJECT, name="x", made_at=NOON, kinds=[kind])
        assert choice.items, kind
        assert {reason.kind for item in choice.items for reason in item.reasons} == {kind}
    in_slice = choose_data_units(
        detections, findings, project_hash=PROJECT, name="x", made_at=NOON, kinds=["failure_slice"]
    )
    assert {int(item.data_hash.removeprefix("unit")) for item in in_slice.items} <= bad
    assert "site = north" in in_slice.items[0].reasons[0].text


def test_labels_without_data_hashes_cannot_be_chosen_from() -> None:
    truth = {"images": [{"id": 1}], "categories": [{"id": 1, "name": "person"}], "annotations": []}
    lonely = [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 0.9}]
    detections = Detections.from_coco(truth, lonely)
    findings = find(detections, has_predictions=True)
    with pytest.raises(NoDataHashesError, match="name no data hashes"):
        choose_data_units(detections, findings, project_hash=PROJECT, name="x", made_at=NOON)
