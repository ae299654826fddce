"""The conflicts of objects; consecutive frames of the same conflict become one entry."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.engine.config import ScoringRules
from benchmark_qa.engine.matching import ComparedSides, Matches, Scored, common_media
from benchmark_qa.engine.pairs import MOST_CONNECTED, MOST_PAIRS_OF_A_ROW, SLACK, Pairs, best_pairs, touching
from benchmark_qa.engine.result import Conflict, ConflictKind
from benchmark_qa.labels.annotations import Annotations, Drawings, Indices, Numbers
from benchmark_qa.labels.ontology import AREA_SHAPES, Ontology, Shape


def object_conflicts(
    match: Matches, sides: ComparedSides, ontology: Ontology, told_truth: Indices, told_label: Indices
) -> Iterator[Conflict]:
    """The conflicts of one shape.

    The drawings `told_truth` and `told_label` are left out, because they already have a conflict.
    """
    yield from _pairs("mislabelled", match, match.mislabelled, sides, ontology)
    yield from _pairs("low_overlap", match, match.near, sides, ontology)
    best_truth, best_label = match.best()
    told = np.concatenate((match.mislabelled.pairs.truth, match.near.pairs.truth, told_truth))
    yield from _alone("missing", match.truth, np.setdiff1d(match.missing, told), best_truth, sides.truth, ontology)
    told = np.concatenate((match.mislabelled.pairs.label, match.near.pairs.label, told_label))
    yield from _alone("spurious", match.label, np.setdiff1d(match.spurious, told), best_label, sides.label, ontology)


def _pairs(
    kind: ConflictKind, match: Matches, scored: Scored, sides: ComparedSides, ontology: Ontology
) -> Iterator[Conflict]:
    if not len(scored):
        return
    truth, label, pairs = match.truth, match.label, scored.pairs
    true, given = truth.feature[pairs.truth], label.feature[pairs.label]
    columns = (truth.instance[pairs.truth], label.instance[pairs.label], true, given, truth.space[pairs.truth])
    runs = _Runs.of(columns, truth.frame[pairs.truth])
    names = [item.name for item in ontology.objects]
    least = np.minimum.reduceat(scored.similarity[runs.order], runs.first).tolist()
    table = (column[runs.order][runs.first].tolist() for column in columns)
    for row, column, right, wrong, space, start, end, value in zip(*table, runs.start, runs.end, least, strict=True):
        yield Conflict(
            kind,
            names[right],
            start,
            end,
            sides.truth.spaces[space],
            sides.truth.instances[row],
            sides.label.instances[column],
            value,
            names[wrong] if right != wrong else None,
        )


def _alone(  # noqa: PLR0917 - one side's table
    kind: ConflictKind, drawings: Drawings, chosen: Indices, best: Numbers, side: Annotations, ontology: Ontology
) -> Iterator[Conflict]:
    if not len(chosen):
        return
    columns = (drawings.instance[chosen], drawings.feature[chosen], drawings.space[chosen])
    runs = _Runs.of(columns, drawings.frame[chosen])
    names = [item.name for item in ontology.objects]
    most = np.maximum.reduceat(best[chosen][runs.order], runs.first).tolist()
    table = (column[runs.order][runs.first].tolist() for column in columns)
    for instance, feature, space, start, end, value in zip(*table, runs.start, runs.end, most, strict=True):
        own = side.instances[instance]
        truth, label = (own, None) if kind == "missing" else (None, own)
        yield Conflict(kind, names[feature], start, end, side.spaces[space], truth, label, value)


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of rows that are equal in every column and lie on consecutive frames."""

    order: Indices
    """The rows, sorted so that the rows of a run are adjacent."""
    first: Indices
    """Where each run begins in `order`."""
    start: list[int]
    end: list[int]

    @classmethod
    def of(cls, columns: tuple[NDArray[np.int32], ...], frames: Indices) -> "_Runs":
        keys: list[NDArray[np.integer[Any]]] = [frames, *reversed(columns)]
        order = np.lexsort(keys)
        breaks = np.diff(frames[order]) != 1
        for column in columns:
            breaks |= np.diff(column[order]) != 0
        first = np.concatenate((np.zeros(1, np.int64), np.flatnonzero(breaks) + 1))
        last = np.append(first[1:], len(order)) - 1
        return cls(order, first, frames[order][first].tolist(), frames[order][last].tolist())


@dataclass(frozen=True, slots=True)
class CrossPair:
    """A truth drawing and a label drawing of different shapes that cover the same place."""

    truth_shape: Shape
    truth: int
    """Position in the truth's drawings of `truth_shape`."""
    label_shape: Shape
    label: int
    true_class: int
    given_class: int
    conflict: Conflict


Crossing = tuple[CrossPair, ...]


def cross_shapes(matches: Sequence[Matches], sides: ComparedSides, rules: ScoringRules) -> Crossing:
    """One-to-one pairs of unmatched drawings of different shapes, each at or above the truth's threshold."""
    found = []
    areas = [match for match in matches if match.truth.shape in AREA_SHAPES]
    for first in areas:
        for second in areas:
            if first is not second:
                found += _crossing_pairs(first, second, sides, rules)
    return _one_to_one(found)


@dataclass(frozen=True, slots=True)
class _Found:
    truth: tuple[Shape, int]
    label: tuple[Shape, int]
    similarity: float
    pair: CrossPair


def _crossing_pairs(first: Matches, second: Matches, sides: ComparedSides, rules: ScoringRules) -> list[_Found]:
    """Pairs of unmatched truth drawings of one shape and unmatched label drawings of another."""
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


def _overlaps(truth: Drawings, label: Drawings, sides: ComparedSides) -> tuple[Pairs, Numbers]:
    from benchmark_qa.engine.similarity import areas  # noqa: PLC0415 - boxes need no shapely
    from benchmark_qa.labels.outlines import outlines  # noqa: PLC0415

    places = sides.places(truth, label)
    media = common_media(truth, label, places)
    first, second = outlines(truth, media[0]), outlines(label, media[1])
    pairs = touching(areas.extents(first), places[0], areas.extents(second), places[1], most=MOST_PAIRS_OF_A_ROW)
    return pairs, areas.area_iou(first, second, pairs)


def _found(  # noqa: PLR0917 - one pair with everything it points to
    truth: Drawings,
    label: Drawings,
    pair: tuple[int, int],
    positions: tuple[Indices, Indices],
    similarity: float,
    sides: ComparedSides,
    rules: ScoringRules,
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
    order = np.arange(len(rows)), np.arange(len(columns))
    chosen = best_pairs(pairs, similarity, *order, most_connected=MOST_CONNECTED)
    return tuple(found[index].pair for index in np.flatnonzero(chosen).tolist())
