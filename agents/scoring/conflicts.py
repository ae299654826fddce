"""What went wrong with the objects, as a list that a person can act on; runs of frames are one entry."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.labels.annotations import Annotations, Drawings
from agents.labels.ontology import Ontology
from agents.scoring.matching import Matches, Scored, Sides
from agents.scoring.pairs import Indices, Numbers
from agents.scoring.result import Conflict, ConflictKind


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
    frames = truth.frame[pairs.truth]
    for rows in _runs(columns, frames):
        first = rows[0]
        yield Conflict(
            kind,
            ontology.objects[true[first]].name,
            int(frames[first]),
            int(frames[rows[-1]]),
            sides.truth.spaces[columns[4][first]],
            sides.truth.instances[columns[0][first]],
            sides.label.instances[columns[1][first]],
            float(scored.similarity[rows].min()),
            ontology.objects[given[first]].name if true[first] != given[first] else None,
        )


def _alone(  # noqa: PLR0917 - one side's table
    kind: ConflictKind, drawings: Drawings, chosen: Indices, best: Numbers, side: Annotations, ontology: Ontology
) -> Iterator[Conflict]:
    if not len(chosen):
        return
    instance, feature, space = drawings.instance[chosen], drawings.feature[chosen], drawings.space[chosen]
    frames = drawings.frame[chosen]
    for rows in _runs((instance, feature, space), frames):
        first = rows[0]
        name = side.instances[instance[first]]
        yield Conflict(
            kind,
            ontology.objects[feature[first]].name,
            int(frames[first]),
            int(frames[rows[-1]]),
            side.spaces[space[first]],
            name if kind == "missing" else None,
            name if kind == "spurious" else None,
            float(best[chosen[rows]].max()),
        )


def _runs(columns: tuple[NDArray[np.int32], ...], frames: Indices) -> list[Indices]:
    """Positions of rows that are equal in every column and stand in consecutive frames."""
    keys: list[NDArray[np.integer[Any]]] = [frames, *reversed(columns)]
    order = np.lexsort(keys)
    breaks = np.diff(frames[order]) != 1
    for column in columns:
        breaks |= np.diff(column[order]) != 0
    return np.split(order, np.flatnonzero(breaks) + 1)
