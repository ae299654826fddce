"""Which drawing of the labels is which object of the ground truth."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.labels.annotations import Annotations, Drawings
from agents.labels.ontology import Ontology, Shape
from agents.scoring.assignment import SLACK, assign
from agents.scoring.boxes import Indices, Numbers, Pairs, box_iou, touching
from agents.scoring.config import ScoringConfig, thresholds

Similarity = Callable[[Numbers, Numbers], Numbers]
"""Geometry of the first and of the second drawing of each pair (k, ...), (k, ...) to similarity (k,)."""

SIMILARITIES: Mapping[Shape, Similarity] = {Shape.BOUNDING_BOX: box_iou}


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """The outcome for one shape. Indices point into the two `Drawings`; every drawing is in at most one pair."""

    truth: Drawings
    label: Drawings
    matched: Pairs
    similarity: Numbers
    """Of the matched pairs."""
    localisation: Numbers
    """Similarity of the matched pairs, lifted to [0.5, 1] where the threshold is below 0.5."""
    mislabelled: Pairs
    mislabelled_similarity: Numbers
    near: Pairs
    """Leftovers of the same class that overlap, but less than the threshold asks."""
    near_similarity: Numbers
    missing: Indices
    """Every truth drawing without a match, mislabelled and near ones included."""
    spurious: Indices
    """Every label drawing without a match, mislabelled and near ones included."""
    best_truth: Numbers
    """The greatest similarity of each truth drawing to any label drawing of its class."""
    best_label: Numbers


def match_shape(truth: Drawings, label: Drawings, sides: "Sides", config: ScoringConfig) -> Matches:
    """Match the drawings of one shape, frame by frame and class by class, all frames at once."""
    place_t, place_l = sides.places(truth, label)
    classes = len(sides.ontology.objects)
    order_t, order_l = sides.order(truth, label)
    limit = thresholds(config.iou_threshold, _areas(truth)) - SLACK
    similar = SIMILARITIES[truth.shape]

    pairs = touching(
        truth.geometry, place_t * classes + truth.feature, label.geometry, place_l * classes + label.feature
    )
    similarity = similar(truth.geometry[pairs.truth], label.geometry[pairs.label])
    above = similarity >= limit[pairs.truth]
    matched, matched_similarity = _assigned(pairs, similarity, above, order_t, order_l)
    free_t = _without(len(truth), matched.truth)
    free_l = _without(len(label), matched.label)

    mislabelled, mislabelled_similarity = _mislabelled(
        (truth, place_t, free_t, order_t), (label, place_l, free_l, order_l), limit, similar
    )
    still_t, still_l = free_t.copy(), free_l.copy()
    still_t[mislabelled.truth] = False
    still_l[mislabelled.label] = False
    close = (similarity > 0) & still_t[pairs.truth] & still_l[pairs.label]
    near, near_similarity = _assigned(pairs, similarity, close, order_t, order_l)
    return Matches(
        truth=truth,
        label=label,
        matched=matched,
        similarity=matched_similarity,
        localisation=_localisation(matched_similarity, limit[matched.truth] + SLACK),
        mislabelled=mislabelled,
        mislabelled_similarity=mislabelled_similarity,
        near=near,
        near_similarity=near_similarity,
        missing=np.flatnonzero(free_t),
        spurious=np.flatnonzero(free_l),
        best_truth=_greatest(len(truth), pairs.truth, similarity),
        best_label=_greatest(len(label), pairs.label, similarity),
    )


@dataclass(frozen=True, slots=True)
class Sides:
    """The two label rows that are compared."""

    truth: Annotations
    label: Annotations
    ontology: Ontology

    def places(self, truth: Drawings, label: Drawings) -> tuple[Indices, Indices]:
        """One number per (space, frame), the same on both sides."""
        names = {name: i for i, name in enumerate(dict.fromkeys((*self.truth.spaces, *self.label.spaces)))}
        keys = []
        for annotations, drawings in ((self.truth, truth), (self.label, label)):
            space = np.array([names[name] for name in annotations.spaces], np.int64)
            keys.append(np.stack((space[drawings.space], drawings.frame)))
        _, dense = np.unique(np.concatenate(keys, axis=1), axis=1, return_inverse=True)
        return dense[: len(truth)], dense[len(truth) :]

    def order(self, truth: Drawings, label: Drawings) -> tuple[Indices, Indices]:
        """A rank for every drawing that follows from object hashes alone."""
        return (
            self.truth.rank[truth.instance] * len(truth) + np.arange(len(truth)),
            self.label.rank[label.instance] * len(label) + np.arange(len(label)),
        )


def _areas(drawings: Drawings) -> Numbers:
    """Area of each box in pixels squared; in fractions where the row does not tell the media's size."""
    media = np.nan_to_num(drawings.media, nan=1.0)
    return np.asarray((drawings.geometry[:, 2:4] * media).prod(axis=1))


def _assigned(
    pairs: Pairs, similarity: Numbers, eligible: NDArray[np.bool_], order_t: Indices, order_l: Indices
) -> tuple[Pairs, Numbers]:
    some = Pairs(pairs.truth[eligible], pairs.label[eligible])
    chosen = assign(some, similarity[eligible], order_t, order_l)
    return Pairs(some.truth[chosen], some.label[chosen]), similarity[eligible][chosen]


def _mislabelled(
    truth: tuple[Drawings, Indices, NDArray[np.bool_], Indices],
    label: tuple[Drawings, Indices, NDArray[np.bool_], Indices],
    limit: Numbers,
    similar: Similarity,
) -> tuple[Pairs, Numbers]:
    """Leftovers that overlap enough but carry another class."""
    drawn_t, place_t, free_t, order_t = truth
    drawn_l, place_l, free_l, order_l = label
    rows, columns = np.flatnonzero(free_t), np.flatnonzero(free_l)
    local = touching(drawn_t.geometry[rows], place_t[rows], drawn_l.geometry[columns], place_l[columns])
    pairs = Pairs(rows[local.truth], columns[local.label])
    similarity = similar(drawn_t.geometry[pairs.truth], drawn_l.geometry[pairs.label])
    other = drawn_t.feature[pairs.truth] != drawn_l.feature[pairs.label]
    return _assigned(pairs, similarity, other & (similarity >= limit[pairs.truth]), order_t, order_l)


def _without(count: int, taken: Indices) -> NDArray[np.bool_]:
    free = np.ones(count, np.bool_)
    free[taken] = False
    return free


def _greatest(count: int, index: Indices, similarity: Numbers) -> Numbers:
    best = np.zeros(count)
    np.maximum.at(best, index, similarity)
    return best


def _localisation(similarity: Numbers, threshold: Numbers) -> Numbers:
    """Similarity, rescaled so that a match is always worth at least one half: else dropping it could pay."""
    low = threshold < 0.5
    rescaled = 0.5 + 0.5 * (similarity - threshold) / np.where(threshold < 1, 1 - threshold, 1.0)
    return np.where(low, np.clip(rescaled, 0.5, 1.0), similarity)
