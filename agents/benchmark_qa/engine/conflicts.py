"""What went wrong with the objects, as a list that a person can act on; runs of frames are one entry."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.engine.matching import Matches, Scored, Sides
from benchmark_qa.engine.pairs import Indices, Numbers
from benchmark_qa.engine.result import Conflict, ConflictKind
from benchmark_qa.labels.annotations import Annotations, Drawings
from benchmark_qa.labels.ontology import Ontology


def object_conflicts(
    match: Matches, sides: Sides, ontology: Ontology, told_truth: Indices, told_label: Indices
) -> Iterator[Conflict]:
    """The conflicts of one shape; drawings of which a conflict has told already are left out."""
    yield from _pairs("mislabelled", match, match.mislabelled, sides, ontology)
    yield from _pairs("low_overlap", match, match.near, sides, ontology)
    best_truth, best_label = match.best()
    told = np.concatenate((match.mislabelled.pairs.truth, match.near.pairs.truth, told_truth))
    yield from _alone("missing", match.truth, np.setdiff1d(match.missing, told), best_truth, sides.truth, ontology)
    told = np.concatenate((match.mislabelled.pairs.label, match.near.pairs.label, told_label))
    yield from _alone("spurious", match.label, np.setdiff1d(match.spurious, told), best_label, sides.label, ontology)


def _pairs(kind: ConflictKind, match: Matches, scored: Scored, sides: Sides, ontology: Ontology) -> Iterator[Conflict]:
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
    """Rows that are equal in every column and stand in consecutive frames, run by run."""

    order: Indices
    """The rows, sorted so that each run stands together."""
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
