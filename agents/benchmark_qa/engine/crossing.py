"""Objects drawn with another shape than the truth's, and therefore of another class: a box where a polygon belongs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark_qa.engine.assignment import SLACK, assign
from benchmark_qa.engine.matching import Matches, Sides, common_media
from benchmark_qa.engine.pairs import Indices, Numbers, Pairs, touching
from benchmark_qa.engine.result import Conflict
from benchmark_qa.engine.rules import Rules
from benchmark_qa.labels.annotations import Drawings
from benchmark_qa.labels.ontology import Shape

AREAS = frozenset(
    {
        Shape.BOUNDING_BOX,
        Shape.ROTATABLE_BOUNDING_BOX,
        Shape.POLYGON,
        Shape.BITMASK,
        Shape.CIRCLE,
        Shape.ELLIPSE,
        Shape.CUBOID_2D,
    }
)
"""Shapes that cover an area of the image, and can be compared with each other."""


@dataclass(frozen=True, slots=True)
class CrossPair:
    """A truth drawing and a label drawing of different shapes that cover the same place."""

    truth_shape: Shape
    truth: int
    """Position in the truth's drawings of that shape."""
    label_shape: Shape
    label: int
    true_class: int
    given_class: int
    conflict: Conflict


Crossing = tuple[CrossPair, ...]


def cross_shapes(matches: Sequence[Matches], sides: Sides, rules: Rules) -> Crossing:
    """One-to-one pairs of leftovers of different shapes, each at or above the truth's threshold."""
    found = []
    areas = [match for match in matches if match.truth.shape in AREAS]
    for first in areas:
        for second in areas:
            if first is not second:
                found += _pairs(first, second, sides, rules)
    return _one_to_one(found)


@dataclass(frozen=True, slots=True)
class _Found:
    truth: tuple[Shape, int]
    label: tuple[Shape, int]
    similarity: float
    pair: CrossPair


def _pairs(first: Matches, second: Matches, sides: Sides, rules: Rules) -> list[_Found]:
    """Truth leftovers of one shape against label leftovers of another."""
    rows = np.setdiff1d(first.missing, np.concatenate((first.mislabelled.pairs.truth, first.near.pairs.truth)))
    columns = np.setdiff1d(second.spurious, np.concatenate((second.mislabelled.pairs.label, second.near.pairs.label)))
    if not len(rows) or not len(columns):
        return []
    truth, label = first.truth.take(rows), second.label.take(columns)
    pairs, similarity = _overlaps(truth, label, sides)
    kept = np.flatnonzero(similarity >= first.thresholds[rows][pairs.truth] - SLACK)
    return [
        _found(
            truth,
            label,
            (int(pairs.truth[k]), int(pairs.label[k])),
            (rows, columns),
            float(similarity[k]),
            sides,
            rules,
        )
        for k in kept
    ]


def _overlaps(truth: Drawings, label: Drawings, sides: Sides) -> tuple[Pairs, Numbers]:
    from benchmark_qa.engine.similarity import areas  # noqa: PLC0415 - boxes need no shapely

    places = sides.places(truth, label)
    media = common_media(truth, label, places)
    first, second = areas.outlines(truth, media[0]), areas.outlines(label, media[1])
    pairs = touching(areas.extents(first), places[0], areas.extents(second), places[1])
    return pairs, areas.area_iou(first, second, pairs)


def _found(  # noqa: PLR0917 - one pair with everything it points to
    truth: Drawings,
    label: Drawings,
    pair: tuple[int, int],
    positions: tuple[Indices, Indices],
    similarity: float,
    sides: Sides,
    rules: Rules,
) -> _Found:
    row, column = int(positions[0][pair[0]]), int(positions[1][pair[1]])
    true, given = int(truth.feature[pair[0]]), int(label.feature[pair[1]])
    frame = int(truth.frame[pair[0]])
    conflict = Conflict(
        "mislabelled",
        rules.ontology.objects[true].name,
        frame,
        frame,
        sides.truth.spaces[truth.space[pair[0]]],
        sides.truth.instances[truth.instance[pair[0]]],
        sides.label.instances[label.instance[pair[1]]],
        similarity,
        rules.ontology.objects[given].name,
    )
    cross = CrossPair(truth.shape, row, label.shape, column, true, given, conflict)
    return _Found((truth.shape, row), (label.shape, column), similarity, cross)


def _one_to_one(found: Sequence[_Found]) -> Crossing:
    if not found:
        return ()
    rows = {key: i for i, key in enumerate(sorted({item.truth for item in found}))}
    columns = {key: i for i, key in enumerate(sorted({item.label for item in found}))}
    pairs = Pairs(
        np.array([rows[item.truth] for item in found], np.int64),
        np.array([columns[item.label] for item in found], np.int64),
    )
    similarity = np.array([item.similarity for item in found])
    chosen = assign(pairs, similarity, np.arange(len(rows)), np.arange(len(columns)))
    return tuple(found[index].pair for index in np.flatnonzero(chosen).tolist())
