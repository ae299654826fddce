"""What must hold for any labels, by many random ones."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark_qa.engine.config import ScoringConfig, ScoringRules
from benchmark_qa.engine.pairs import Pairs
from benchmark_qa.engine.result import TaskScore
from benchmark_qa.engine.similarity.measure import measure
from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.annotations import Annotations
from benchmark_qa.labels.ontology import Shape
from benchmark_qa.labels.reader import read_label_row
from tests.unit import sdk_rows
from tests.unit.engine.test_properties import ONTOLOGY
from tests.unit.rows import image_row

NO_IDENTITY = ScoringConfig(identity=False)


share = st.floats(0.0, 0.9, allow_subnormal=False)


length = st.floats(0.01, 0.5)


angle = st.floats(-360, 360)


corners = st.lists(st.tuples(share, share), min_size=3, max_size=9, unique=True)


def _polygon(points: list[tuple[float, float]]) -> dict[str, Any]:
    middle = np.mean(points, axis=0)
    points = sorted(points, key=lambda p: np.arctan2(p[1] - middle[1], p[0] - middle[0]))
    return {"polygons": [[[float(n) for p in points for n in p]]]}


def _mask(seed: int) -> dict[str, Any]:
    pixels = np.random.default_rng(seed).random((48, 64)) < 0.5
    return {"bitmask": sdk_rows.BitmaskCoordinates(pixels).to_dict()}


def _named(points: list[tuple[float, float]]) -> dict[str, Any]:
    return {str(i): {"x": x, "y": y, "name": f"point {i}"} for i, (x, y) in enumerate(points)}


def _table(key: str, names: tuple[str, ...], *columns: Any) -> Any:
    return st.tuples(*columns).map(lambda row: {key: dict(zip(names, row, strict=True))})


def _flat_cuboid(row: tuple[float, ...]) -> dict[str, Any]:
    x, y, w, h, dx, dy = row
    front = [x, y, x + w, y, x + w, y + h, x, y + h]
    return {"cuboid_2d": {"front": front, "offset": {"x": dx, "y": dy}}}


XYWH = ("x", "y", "w", "h")


GEOMETRIES = {
    "bounding_box": _table("boundingBox", XYWH, share, share, length, length),
    "rotatable_bounding_box": _table("rotatableBoundingBox", (*XYWH, "theta"), share, share, length, length, angle),
    "circle": _table("circle", ("x", "y", "r"), share, share, length),
    "ellipse": _table("ellipse", ("x", "y", "rx", "ry", "theta"), share, share, length, length, angle),
    "polygon": st.builds(_polygon, corners),
    "polyline": st.builds(lambda points: {"polyline": _named(points)}, corners),
    "point": st.builds(lambda x, y: {"point": {"0": {"x": x, "y": y}}}, share, share),
    "skeleton": st.builds(lambda points: {"skeleton": _named(points)}, corners),
    "bitmask": st.builds(_mask, st.integers(0, 10_000)),
    "cuboid": _table(
        "cuboid", ("position", "orientation", "size"), *(st.tuples(n, n, n) for n in (share, angle, length))
    ),
    "cuboid_2d": st.tuples(share, share, length, length, share, share).map(_flat_cuboid),
}


SYMMETRIC = sorted(GEOMETRIES.keys() - {"skeleton"})  # OKS takes the truth's size: not symmetric by definition


def similarity(shape: str, first: dict[str, Any], second: dict[str, Any]) -> float:
    sides = [annotations([(shape, geometry)]).drawings[Shape(shape)] for geometry in (first, second)]
    found = measure(sides[0], sides[1], (sides[0].media, sides[1].media), ScoringRules(ScoringConfig(), ONTOLOGY))
    return float(found.similarity(Pairs(np.zeros(1, np.int64), np.zeros(1, np.int64)))[0])


def row_of(drawn: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    names = {shape: name for name, shape in reversed(sdk_rows.SHAPES.items())}
    objects = [
        {"objectHash": f"{i:08d}", "featureHash": sdk_rows.feature(names[shape]), "shape": shape, **geometry}
        for i, (shape, geometry) in enumerate(drawn)
    ]
    return image_row("data", width=64, height=48, objects=objects)


def annotations(drawn: list[tuple[str, dict[str, Any]]]) -> Annotations:
    return read_label_row(row_of(drawn), ONTOLOGY)


@pytest.mark.parametrize("shape", sorted(GEOMETRIES))
def test_similarity_is_one_with_itself_and_stays_within_bounds(shape: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(GEOMETRIES[shape], GEOMETRIES[shape])
    def holds(first: dict[str, Any], second: dict[str, Any]) -> None:
        assert similarity(shape, first, first) == pytest.approx(1.0, abs=1e-9)
        assert 0.0 <= similarity(shape, first, second) <= 1.0

    holds()


@pytest.mark.parametrize("shape", SYMMETRIC)
def test_similarity_is_symmetric(shape: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(GEOMETRIES[shape], GEOMETRIES[shape])
    def holds(first: dict[str, Any], second: dict[str, Any]) -> None:
        assert similarity(shape, first, second) == pytest.approx(similarity(shape, second, first), abs=1e-6)

    holds()


boxes = st.lists(
    st.tuples(st.sampled_from(["box", "other box"]), st.tuples(share, share, length, length)), min_size=0, max_size=7
)


Boxes = list[tuple[str, tuple[float, float, float, float]]]


def boxed(drawn: Boxes, *, frame: int = 0, reverse: bool = False) -> Annotations:
    objects = [
        {
            "objectHash": f"{i:08d}",
            "featureHash": sdk_rows.feature(name),
            "shape": "bounding_box",
            "boundingBox": dict(zip("xywh", numbers, strict=True)),
        }
        for i, (name, numbers) in enumerate(drawn)
    ]
    row = image_row("data", width=640, height=480, objects=objects[::-1] if reverse else objects)
    row["data_units"]["data"]["data_sequence"] = frame
    return read_label_row(row, ONTOLOGY)


def score(truth: Annotations, labels: Annotations) -> TaskScore:
    return score_task(truth, labels, ONTOLOGY, NO_IDENTITY)


@settings(max_examples=100, deadline=None)
@given(boxes, boxes)
def test_a_score_does_not_depend_on_order_or_frame_numbers_and_swapping_sides_swaps_errors(
    truth: Boxes, labels: Boxes
) -> None:
    plain = score(boxed(truth), boxed(labels))
    assert score(boxed(truth, reverse=True), boxed(labels, reverse=True)) == plain
    renumbered = score(boxed(truth, frame=77), boxed(labels, frame=77))
    assert (renumbered.objects, renumbered.score) == (plain.objects, plain.score)
    swapped = score(boxed(labels), boxed(truth)).objects
    assert swapped.true_positives == plain.objects.true_positives
    assert swapped.false_positives == plain.objects.false_negatives
    assert swapped.similarity_sum == pytest.approx(plain.objects.similarity_sum, abs=1e-9)
    assert plain.score is not None
    assert 0.0 <= plain.score <= 1.0
    assert score(boxed(truth), boxed(truth)).score == 1.0


@settings(max_examples=100, deadline=None)
@given(boxes, boxes, st.data())
def test_no_step_down_a_ladder_of_damage_raises_the_score(truth: Boxes, labels: Boxes, data: st.DataObject) -> None:
    """Steps: drop a match, add a box where nothing is, give a match another class, shift a match."""
    before = score(boxed(truth), boxed(labels))
    after = [boxed([*labels, (name, (5.0 + i, 5.0, 0.1, 0.1))]) for i, name in enumerate(("box", "other box"))]
    matched = _matched(truth, labels)
    if matched:
        index = data.draw(st.sampled_from(matched))
        after.append(boxed(labels[:index] + labels[index + 1 :]))
    for damaged in after:
        worse = score(boxed(truth), damaged)
        assert before.score is not None
        assert worse.score is not None
        assert worse.score <= before.score + 1e-9


def _matched(truth: Boxes, labels: Boxes) -> list[int]:
    """Labels whose removal costs a match."""
    whole = score(boxed(truth), boxed(labels)).objects.true_positives
    return [
        i
        for i in range(len(labels))
        if score(boxed(truth), boxed(labels[:i] + labels[i + 1 :])).objects.true_positives < whole
    ]


described = st.lists(
    st.tuples(
        st.integers(0, 5), st.floats(-0.04, 0.04), st.sampled_from(["", "a", "b"]), st.sampled_from([None, 1.0, 2.0])
    ),
    max_size=7,
)


Described = list[tuple[int, float, str, float | None]]


def described_row(drawn: Described) -> Annotations:
    """Boxes at one of six places, shifted a little, with a note and a size where they are given."""
    objects, answers = [], {}
    for index, (place, shift, note, size) in enumerate(drawn):
        name = f"{index:08d}"
        box = {"x": 0.15 * place + shift, "y": 0.1, "w": 0.1, "h": 0.1}
        feature = sdk_rows.feature("box")
        objects.append({"objectHash": name, "featureHash": feature, "shape": "bounding_box", "boundingBox": box})
        given = [("Nbox____", note or None), ("Zbox____", size)]
        listed = [{"featureHash": key, "answers": value} for key, value in given if value is not None]
        answers[name] = {"objectHash": name, "classifications": listed}
    return read_label_row(image_row("data", objects=objects, object_answers=answers), ONTOLOGY)


# Of two true objects on one another the partners may change when a label goes, to a better fit: so one a place.
apart = described.map(lambda drawn: list({place: (place, *rest) for place, *rest in drawn}.values()))


@settings(max_examples=150, deadline=None)
@given(apart, described)
def test_leaving_out_a_match_never_pays_however_badly_it_is_placed_or_described(
    truth: Described, labels: Described
) -> None:
    sides = described_row(truth), described_row(labels)
    for rules in (NO_IDENTITY, ScoringConfig(identity=False, iou_threshold=0.2)):
        before = score_task(sides[0], sides[1], ONTOLOGY, rules)
        for index in range(len(labels)):
            after = score_task(sides[0], described_row(labels[:index] + labels[index + 1 :]), ONTOLOGY, rules)
            if after.objects.true_positives < before.objects.true_positives:
                assert before.score is not None
                assert after.score is not None
                assert after.score <= before.score + 1e-9


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.integers(0, 10_000))
def test_a_faultless_row_loses_with_every_further_step_of_the_same_damage(count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    truth: Boxes = [("box", (0.12 * i, float(random.uniform(0, 0.8)), 0.1, 0.1)) for i in range(count)]

    def ladder(damage: Any) -> list[float]:
        rungs, labels = [], list(truth)
        for i in range(count):
            labels = damage(labels, i)
            value = score(boxed(truth), boxed(labels)).score
            assert value is not None
            rungs.append(value)
        return [1.0, *rungs]

    def shift(labels: Boxes, i: int) -> Boxes:
        name, (x, y, w, h) = labels[i]
        return [*labels[:i], (name, (x + 0.02, y, w, h)), *labels[i + 1 :]]

    for damage in (
        shift,
        lambda labels, i: labels[1:],
        lambda labels, i: [*labels, ("box", (0.96, 0.1 * i, 0.03, 0.05))],
        lambda labels, i: [*labels[:i], ("other box", labels[i][1]), *labels[i + 1 :]],
    ):
        rungs = ladder(damage)
        assert all(later < earlier for earlier, later in pairwise(rungs))
