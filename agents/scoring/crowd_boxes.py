"""Which boxes of the ground truth the crowd contradicts: spurious, misplaced, or missing from the truth.

Every annotator is a detector with a hit rate, counted against the truth of all other items and shrunk to the group.
Two hypotheses compete at every place. *An object is here*: everybody marks it with his own hit rate, or, for the
share `HARD_SHARE` of objects that are hard to see, with `HARD_HIT_RATE`. *Nothing is here*: a mark is a coincidence.

- A truth box that nearly nobody matches is *spurious*.
- Boxes of several annotators that agree with each other where the truth has none are an object *missing* from it.
- The two together, overlapping, are a *misplaced* truth box.

The prior and the threshold are those of `crowd`; measured on planted errors: docs/statistics/suspects.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from agents.scoring.assignment import SLACK, assign
from agents.scoring.boxes import box_iou
from agents.scoring.crowd import MINIMUM_VOICES, PRIOR_ANSWERS, PRIOR_WRONG, SUSPECT_FROM
from agents.scoring.pairs import Pairs, touching

MATCH_FROM = 0.5
AGREE_FROM = 0.4
"""Two loose boxes about one object agree less with each other than each does with a tight one."""
HARD_SHARE = 0.1
HARD_HIT_RATE = 0.3
COINCIDENCE_WITH_TRUTH = 0.05
COINCIDENCE_WITH_OTHERS = 0.1
"""A shadow that one takes for a person, others take for one too."""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Fault(StrEnum):
    """What seems wrong with the truth."""

    SPURIOUS = "spurious"
    MISPLACED = "misplaced"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, eq=False)
class BoxItem:
    """One data unit (or one frame, or one class of it) as a store keeps it.

    Boxes are (n, 4): left, top, width, height, all in one unit. An annotator who found nothing has an empty array;
    one who is not in ``answers`` did not do the item.
    """

    key: str
    truth: Floats
    answers: Mapping[str, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class SuspectBox:
    """One place of the truth to look at.

    ``truth_index`` is the row of the truth box in question (None when missing), ``crowd_box`` (4,) the median of the
    boxes that the ``voices`` drew (None when spurious); ``silent`` are the annotators who drew nothing that fits
    the truth box (or, when missing, nothing that fits the crowd's).
    """

    key: str
    fault: Fault
    wrong: float
    truth_index: int | None
    crowd_box: Floats | None
    voices: tuple[str, ...]
    silent: tuple[str, ...]

    def __str__(self) -> str:
        done = len(self.voices) + len(self.silent)
        told = {
            Fault.SPURIOUS: f"{len(self.silent)} of {done} annotators see nothing there",
            Fault.MISSING: f"{len(self.voices)} of {done} annotators see an object that the truth has not",
            Fault.MISPLACED: f"{len(self.voices)} annotators agree on another place",
        }[self.fault]
        return f"{self.key}: {self.fault} ({told}; {self.wrong:.0%} sure)"


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """All boxes of all items in flat arrays; row i of ``label_*`` belongs to label box i."""

    names: tuple[str, ...]
    truth: Floats
    truth_item: Indices
    label: Floats
    label_item: Indices
    label_annotator: Indices
    present: Flags
    """(items, annotators)"""


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Places (p,), who marked each (p, annotators), and how probable it is that an object is there (p,)."""

    item: Indices
    marked: Flags
    real: Floats


def suspect_boxes(items: Sequence[BoxItem]) -> tuple[SuspectBox, ...]:
    """The places of the ground truth that the crowd contradicts, the most certain first.

    Cost grows with the number of boxes that overlap. Raises ValueError for boxes that are not finite (n, 4).
    """
    crowd = flatten(items)
    label, matched = _matches(crowd)
    marked = np.zeros((len(crowd.truth), len(crowd.names)), np.bool_)
    marked[matched, crowd.label_annotator[label]] = True
    rates = _hit_rates(crowd, marked)
    truths = _judge(
        crowd,
        rates,
        crowd.truth_item,
        marked,
        coincidence=COINCIDENCE_WITH_TRUTH,
        prior_real=1.0 - PRIOR_WRONG,
    )
    left = np.setdiff1d(np.arange(len(crowd.label)), label)
    clusters = list(_clusters(crowd, left))
    cluster_marked = np.zeros((len(clusters), len(crowd.names)), np.bool_)
    for row, members in enumerate(clusters):
        cluster_marked[row, crowd.label_annotator[members]] = True
    where = np.array([crowd.label_item[members[0]] for members in clusters], dtype=np.int64)
    found = _judge(crowd, rates, where, cluster_marked, coincidence=COINCIDENCE_WITH_OTHERS, prior_real=PRIOR_WRONG)
    boxes = np.array([np.median(crowd.label[members], axis=0) for members in clusters]).reshape(-1, 4)
    listed = _list(items, crowd, truths, found, boxes)
    return tuple(sorted(listed, key=lambda suspect: -suspect.wrong))


def flatten(items: Sequence[BoxItem]) -> Crowd:
    """All boxes of all items as arrays; annotators are numbered by name."""
    names = tuple(sorted({name for item in items for name in item.answers}))
    number = {name: index for index, name in enumerate(names)}
    present = np.zeros((len(items), len(names)), np.bool_)
    truths, labels, labelled, annotators = [], [], [], []
    for index, item in enumerate(items):
        truths.append(_boxes(item.truth, item.key))
        for name, boxes in item.answers.items():
            present[index, number[name]] = True
            labels.append(_boxes(boxes, item.key))
            labelled.append(index)
            annotators.append(number[name])
    sizes = [len(boxes) for boxes in labels]
    return Crowd(
        names=names,
        truth=np.concatenate([np.empty((0, 4)), *truths]),
        truth_item=np.repeat(np.arange(len(items)), [len(boxes) for boxes in truths]),
        label=np.concatenate([np.empty((0, 4)), *labels]),
        label_item=np.repeat(np.array(labelled, dtype=np.int64), sizes),
        label_annotator=np.repeat(np.array(annotators, dtype=np.int64), sizes),
        present=present,
    )


def _boxes(boxes: Floats, key: str) -> Floats:
    array = np.asarray(boxes, dtype=float).reshape(-1, 4) if np.size(boxes) == 0 else np.asarray(boxes, float)
    if array.ndim != 2 or array.shape[1] != 4 or not np.isfinite(array).all():
        raise ValueError(f"{key}: boxes are finite numbers (n, 4), not {array.shape}")
    return array


def _matches(crowd: Crowd) -> tuple[Indices, Indices]:
    """Which label box matches which truth box, one-to-one for each annotator."""
    pairs = touching(crowd.truth, crowd.truth_item, crowd.label, crowd.label_item)
    overlap = box_iou(crowd.truth[pairs.truth], crowd.label[pairs.label])
    near = overlap >= MATCH_FROM - SLACK
    truth, label = pairs.truth[near], pairs.label[near]
    seen_by = truth * len(crowd.names) + crowd.label_annotator[label]
    ranks = np.arange(max(len(crowd.truth) * len(crowd.names), len(crowd.label)))
    chosen = assign(Pairs(seen_by, label), overlap[near], ranks, ranks)
    return label[chosen], truth[chosen]


def _hit_rates(crowd: Crowd, marked: Flags) -> Floats:
    """(items, annotators): the share of the truth boxes of all *other* items that each annotator marked."""
    truths = np.bincount(crowd.truth_item, minlength=len(crowd.present))
    hits = np.zeros(crowd.present.shape)
    np.add.at(hits, crowd.truth_item, marked)
    asked = crowd.present * truths[:, None]
    group = (hits.sum() + 1.0) / (asked.sum() + 2.0)
    rates: Floats = (hits.sum(axis=0) - hits + PRIOR_ANSWERS * group) / (asked.sum(axis=0) - asked + PRIOR_ANSWERS)
    return rates


def _judge(
    crowd: Crowd, rates: Floats, item: Indices, marked: Flags, *, coincidence: float, prior_real: float
) -> _Places:
    present = crowd.present[item]
    easy = np.log1p(-HARD_SHARE) + _log_likelihood(present, marked, rates[item])
    hard = np.log(HARD_SHARE) + _log_likelihood(present, marked, np.float64(HARD_HIT_RATE))
    nothing = _log_likelihood(present, marked, np.float64(coincidence))
    odds_against = nothing + np.log1p(-prior_real) - np.logaddexp(easy, hard) - np.log(prior_real)
    return _Places(item, marked, np.exp(-np.logaddexp(0.0, odds_against)))


def _log_likelihood(present: Flags, marked: Flags, rate: Floats | np.float64) -> Floats:
    votes = np.where(marked, np.log(rate), np.log1p(-rate))
    likelihood: Floats = np.where(present, votes, 0.0).sum(axis=1)
    return likelihood


def _clusters(crowd: Crowd, left: Indices) -> Iterator[list[int]]:
    """Groups of boxes that match no truth and agree with each other, at most one box per annotator in each.

    The box with most support is the seed; its group leaves, and so on until nobody agrees with anybody.
    """
    boxes, item = crowd.label[left], crowd.label_item[left]
    pairs = touching(boxes, item, boxes, item)
    first, second = left[pairs.truth], left[pairs.label]
    overlap = box_iou(crowd.label[first], crowd.label[second])
    agree = (overlap >= AGREE_FROM) & (crowd.label_annotator[first] != crowd.label_annotator[second])
    friends: dict[int, dict[int, float]] = {}
    for one, other, similarity in zip(first[agree], second[agree], overlap[agree], strict=True):
        friends.setdefault(int(one), {})[int(other)] = float(similarity)
    for component in _components(friends):
        yield from _seeded_groups(component, friends, crowd.label_annotator)


def _components(friends: Mapping[int, Mapping[int, float]]) -> Iterator[set[int]]:
    unseen = set(friends)
    for start in sorted(friends):
        component, edge = set[int](), [start] if start in unseen else []
        while edge:
            box = edge.pop()
            if box in unseen:
                unseen.remove(box)
                component.add(box)
                edge.extend(friends[box])
        if component:
            yield component


def _seeded_groups(
    alive: set[int], friends: Mapping[int, Mapping[int, float]], annotator: Indices
) -> Iterator[list[int]]:
    while alive:
        groups = [_group(seed, friends[seed], alive, annotator) for seed in sorted(alive)]
        support, members = max(groups, key=lambda group: (len(group[1]), group[0]))
        if support == 0.0:
            return
        yield members
        alive = alive.difference(members)


def _group(seed: int, friends: Mapping[int, float], alive: set[int], annotator: Indices) -> tuple[float, list[int]]:
    """The seed with the best box of every other annotator who agrees with it, and their summed similarity."""
    best: dict[int, tuple[float, int]] = {}
    for box in sorted(alive & friends.keys()):
        best[int(annotator[box])] = max(best.get(int(annotator[box]), (0.0, -1)), (friends[box], box))
    return sum(similarity for similarity, _ in best.values()), [seed, *(box for _, box in best.values())]


def _list(
    items: Sequence[BoxItem], crowd: Crowd, truths: _Places, found: _Places, boxes: Floats
) -> Iterator[SuspectBox]:
    spurious = set(_suspicious(crowd, truths.item, 1.0 - truths.real, ~truths.marked))
    first_row = np.searchsorted(crowd.truth_item, np.arange(len(items)))
    for row in _suspicious(crowd, found.item, found.real, found.marked):
        item = int(found.item[row])
        displaced = _displaced(crowd, truths, found, row, boxes[row])
        spurious.discard(-1 if displaced is None else displaced)
        yield SuspectBox(
            key=items[item].key,
            fault=Fault.MISSING if displaced is None else Fault.MISPLACED,
            wrong=float(found.real[row]),
            truth_index=None if displaced is None else int(displaced - first_row[item]),
            crowd_box=boxes[row],
            voices=_named(crowd, found.marked[row]),
            silent=_named(crowd, crowd.present[item] & ~found.marked[row]),
        )
    for row in sorted(spurious):
        item = int(truths.item[row])
        yield SuspectBox(
            key=items[item].key,
            fault=Fault.SPURIOUS,
            wrong=float(1.0 - truths.real[row]),
            truth_index=int(row - first_row[item]),
            crowd_box=None,
            voices=_named(crowd, truths.marked[row]),
            silent=_named(crowd, crowd.present[item] & ~truths.marked[row]),
        )


def _suspicious(crowd: Crowd, item: Indices, wrong: Floats, against: Flags) -> list[int]:
    voices = (against & crowd.present[item]).sum(axis=1)
    return [int(row) for row in np.flatnonzero((wrong >= SUSPECT_FROM) & (voices >= MINIMUM_VOICES))]


def _displaced(crowd: Crowd, truths: _Places, found: _Places, row: int, box: Floats) -> int | None:
    """The truth box that overlaps the crowd's box and has fewer, other friends: it seems meant for this object."""
    here = np.flatnonzero(truths.item == found.item[row])
    overlap = box_iou(crowd.truth[here], np.tile(box, (len(here), 1)))
    shared = (truths.marked[here] & found.marked[row]).any(axis=1)
    fewer = truths.marked[here].sum(axis=1) < found.marked[row].sum()
    overlap = np.where(fewer & ~shared, overlap, 0.0)
    return int(here[overlap.argmax()]) if len(here) and overlap.max() > 0.0 else None


def _named(crowd: Crowd, who: Flags) -> tuple[str, ...]:
    return tuple(crowd.names[index] for index in np.flatnonzero(who))
