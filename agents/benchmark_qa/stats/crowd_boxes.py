"""Boxes of the ground truth that the crowd contradicts: spurious, misplaced or missing ones.

Every annotator is a detector with a hit rate, counted against the truth of all other items and shrunk to the group.
Two hypotheses are compared at every place. *An object is here*: every annotator marks it with the own hit rate, or with
`HARD_HIT_RATE` for the share `HARD_SHARE` of objects that are hard to see. *Nothing is here*: marks are coincidences.

- A truth box that almost nobody matches is *spurious*.
- Boxes of several annotators that agree with each other, without a truth box, are an object *missing* from the truth.
- Both together, overlapping, are a *misplaced* truth box.

The prior and the threshold are those of `crowd_answers`. Measured on planted errors: docs/statistics/suspects.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from benchmark_qa.engine.pairs import SLACK, Pairs, best_pairs, box_iou, touching
from benchmark_qa.labels.annotations import Indices, Numbers
from benchmark_qa.stats.crowd_answers import MINIMUM_VOICES, PRIOR_ANSWERS, PRIOR_WRONG, SUSPECT_FROM

MATCH_FROM = 0.5
AGREE_FROM = 0.4
"""IoU from which two boxes agree; two loose boxes agree less with each other than with a tight one."""
HARD_SHARE = 0.1
HARD_HIT_RATE = 0.3
COINCIDENCE_WITH_TRUTH = 0.05
COINCIDENCE_WITH_OTHERS = 0.1
"""Rate of coincidental marks at a place that others mark; what misleads one annotator misleads others."""


class SuspectKind(StrEnum):
    """The kind of error that a truth box seems to have."""

    SPURIOUS = "spurious"
    MISPLACED = "misplaced"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, eq=False)
class BoxItem:
    """The boxes of one data unit, or of one frame or class of it.

    Boxes are (n, 4): left, top, width, height, all in one unit. An annotator who found nothing has an empty array;
    an annotator who is not in ``answers`` did not do the item.
    """

    key: str
    truth: Numbers
    answers: Mapping[str, Numbers]


@dataclass(frozen=True, slots=True, eq=False)
class SuspectBox:
    """One place of the truth to look at.

    ``truth_index`` is the row of the truth box (None if it is missing). ``crowd_box`` (4,) is the median of the boxes
    that the ``voices`` drew (None if the truth box is spurious). ``silent`` are the annotators without a box that
    fits the truth box (or, if it is missing, without one that fits the crowd's box).
    """

    key: str
    fault: SuspectKind
    wrong: float
    truth_index: int | None
    crowd_box: Numbers | None
    voices: tuple[str, ...]
    silent: tuple[str, ...]

    def __str__(self) -> str:
        done = len(self.voices) + len(self.silent)
        told = {
            SuspectKind.SPURIOUS: f"{len(self.silent)} of {done} annotators see nothing there",
            SuspectKind.MISSING: f"{len(self.voices)} of {done} annotators see an object that the truth has not",
            SuspectKind.MISPLACED: f"{len(self.voices)} annotators agree on another place",
        }[self.fault]
        return f"{self.key}: {self.fault} ({told}; {self.wrong:.0%} sure)"


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """All boxes of all items in flat arrays.

    An *answer* is one annotator's boxes for one item. Row i of ``answer_*`` holds its annotator and item;
    ``label_answer`` (n,) holds the answer of each label box. No array has the size people times items.
    """

    names: tuple[str, ...]
    truth: Numbers
    truth_item: Indices
    answer_item: Indices
    answer_annotator: Indices
    label: Numbers
    label_answer: Indices

    @property
    def label_item(self) -> Indices:
        """(n,) the item of each label box."""
        return self.answer_item[self.label_answer]

    @property
    def label_annotator(self) -> Indices:
        """(n,) the annotator of each label box."""
        return self.answer_annotator[self.label_answer]


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Places (p,) where an object may be; mark j means that the answer ``mark_answer[j]`` has a box there."""

    item: Indices
    mark_place: Indices
    mark_answer: Indices

    @property
    def marks(self) -> Indices:
        """(p,) number of answers that marked each place."""
        marks: Indices = np.bincount(self.mark_place, minlength=len(self.item))
        return marks

    def answers_at(self, place: int) -> Indices:
        """The answers that marked a place."""
        answers: Indices = self.mark_answer[self.mark_place == place]
        return answers


def suspect_boxes(items: Sequence[BoxItem]) -> tuple[SuspectBox, ...]:
    """The places of the ground truth that the crowd contradicts, the most certain first.

    Cost and memory grow with the number of overlapping boxes. Raises ValueError for boxes that are not finite (n, 4).
    """
    crowd = flatten(items)
    label, matched = _matches(crowd)
    truths = _Places(crowd.truth_item, matched, crowd.label_answer[label])
    rates = _hit_rates(crowd, truths)
    unmatched = np.ones(len(crowd.label), np.bool_)
    unmatched[label] = False
    clusters = list(_clusters(crowd, np.flatnonzero(unmatched)))
    found = _Places(
        item=np.array([crowd.label_item[members[0]] for members in clusters], dtype=np.int64),
        mark_place=np.repeat(np.arange(len(clusters)), [len(members) for members in clusters]),
        mark_answer=crowd.label_answer[np.array([box for members in clusters for box in members], dtype=np.int64)],
    )
    boxes = np.array([np.median(crowd.label[members], axis=0) for members in clusters]).reshape(-1, 4)
    listed = _Listing(
        items=items,
        crowd=crowd,
        answered=np.bincount(crowd.answer_item, minlength=len(items)),
        truths=truths,
        truth_real=_real(crowd, rates, truths, coincidence=COINCIDENCE_WITH_TRUTH, prior=1.0 - PRIOR_WRONG),
        found=found,
        found_real=_real(crowd, rates, found, coincidence=COINCIDENCE_WITH_OTHERS, prior=PRIOR_WRONG),
        boxes=boxes,
    )
    return tuple(sorted(listed.suspects(), key=lambda suspect: -suspect.wrong))


def flatten(items: Sequence[BoxItem]) -> Crowd:
    """All boxes of all items as arrays; annotators are numbered in the order of their names."""
    names = tuple(sorted({name for item in items for name in item.answers}))
    number = {name: index for index, name in enumerate(names)}
    truths = [_boxes(item.truth, item.key) for item in items]
    labels = [_boxes(boxes, item.key) for item in items for boxes in item.answers.values()]
    return Crowd(
        names=names,
        truth=np.concatenate([np.empty((0, 4)), *truths]),
        truth_item=np.repeat(np.arange(len(items)), [len(boxes) for boxes in truths]),
        answer_item=np.repeat(np.arange(len(items)), [len(item.answers) for item in items]),
        answer_annotator=np.array([number[name] for item in items for name in item.answers], dtype=np.int64),
        label=np.concatenate([np.empty((0, 4)), *labels]),
        label_answer=np.repeat(np.arange(len(labels)), [len(boxes) for boxes in labels]),
    )


def _boxes(boxes: Numbers, key: str) -> Numbers:
    array = np.asarray(boxes, dtype=float).reshape(-1, 4) if np.size(boxes) == 0 else np.asarray(boxes, float)
    if array.ndim != 2 or array.shape[1] != 4 or not np.isfinite(array).all():
        raise ValueError(f"{key}: boxes are finite numbers (n, 4), not {array.shape}")
    return array


def _matches(crowd: Crowd) -> tuple[Indices, Indices]:
    """Matches of label boxes and truth boxes, one-to-one for each annotator."""
    pairs = touching(crowd.truth, crowd.truth_item, crowd.label, crowd.label_item)
    overlap = box_iou(crowd.truth[pairs.truth], crowd.label[pairs.label])
    near = overlap >= MATCH_FROM - SLACK
    truth, label = pairs.truth[near], pairs.label[near]
    # A truth box takes part in the matching of every annotator, so it is repeated once per annotator.
    _, seen_by = np.unique(truth * len(crowd.names) + crowd.label_annotator[label], return_inverse=True)
    ranks = np.arange(max(len(truth), len(crowd.label)))
    chosen = best_pairs(Pairs(seen_by, label), overlap[near], ranks, ranks)
    return label[chosen], truth[chosen]


def _hit_rates(crowd: Crowd, truths: _Places) -> Numbers:
    """For each answer, its annotator's share of marked truth boxes over all *other* items."""
    who = crowd.answer_annotator
    hits = np.bincount(truths.mark_answer, minlength=len(who))
    in_item = np.bincount(crowd.truth_item, minlength=int(crowd.answer_item.max(initial=-1)) + 1)
    asked = in_item[crowd.answer_item]
    group = (hits.sum() + 1.0) / (asked.sum() + 2.0)
    all_hits, all_asked = np.bincount(who, weights=hits)[who], np.bincount(who, weights=asked)[who]
    rates: Numbers = (all_hits - hits + PRIOR_ANSWERS * group) / (all_asked - asked + PRIOR_ANSWERS)
    return rates


def _real(crowd: Crowd, rates: Numbers, places: _Places, *, coincidence: float, prior: float) -> Numbers:
    """The probability (p,) of an object at each place."""
    easy = np.log1p(-HARD_SHARE) + _log_likelihood(crowd, rates, places)
    hard = np.log(HARD_SHARE) + _log_likelihood(crowd, np.full(len(rates), HARD_HIT_RATE), places)
    nothing = _log_likelihood(crowd, np.full(len(rates), coincidence), places)
    odds_against = nothing + np.log1p(-prior) - np.logaddexp(easy, hard) - np.log(prior)
    real: Numbers = np.exp(-np.logaddexp(0.0, odds_against))
    return real


def _log_likelihood(crowd: Crowd, rates: Numbers, places: _Places) -> Numbers:
    """Log likelihood (p,) of the marks at each place, if every answer marks it at its rate.

    It is computed as if no answer marked the place, then corrected for the marks.
    """
    items = int(max(crowd.answer_item.max(initial=-1), places.item.max(initial=-1))) + 1
    silent = np.bincount(crowd.answer_item, weights=np.log1p(-rates), minlength=items)
    speaking = (np.log(rates) - np.log1p(-rates))[places.mark_answer]
    corrected = np.bincount(places.mark_place, speaking, len(places.item)).astype(float)
    likelihood: Numbers = silent[places.item] + corrected
    return likelihood


def _clusters(crowd: Crowd, left: Indices) -> Iterator[list[int]]:
    """Groups of unmatched boxes that agree with each other, at most one box per annotator in each.

    The box with the most support is the seed of a group. The group is removed, and the search is repeated until no
    boxes agree.
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
    """The seed with the best agreeing box of every other annotator, and their summed similarity."""
    best: dict[int, tuple[float, int]] = {}
    for box in sorted(alive & friends.keys()):
        best[int(annotator[box])] = max(best.get(int(annotator[box]), (0.0, -1)), (friends[box], box))
    return sum(similarity for similarity, _ in best.values()), [seed, *(box for _, box in best.values())]


@dataclass(frozen=True, slots=True, eq=False)
class _Listing:
    """The results before output; row i of ``boxes`` and ``found_real`` belongs to place i of ``found``."""

    items: Sequence[BoxItem]
    crowd: Crowd
    answered: Indices
    truths: _Places
    truth_real: Numbers
    found: _Places
    found_real: Numbers
    boxes: Numbers

    def suspects(self) -> Iterator[SuspectBox]:
        """Missing and misplaced boxes, then spurious ones that are not misplaced."""
        against = self.answered[self.truths.item] - self.truths.marks
        spurious = set(_suspicious(1.0 - self.truth_real, against))
        for row in _suspicious(self.found_real, self.found.marks):
            displaced = self._displaced(row)
            fault = SuspectKind.MISSING if displaced is None else SuspectKind.MISPLACED
            yield self._suspect(fault, self.found, row, truth=displaced, wrong=self.found_real[row])
            spurious.discard(-1 if displaced is None else displaced)
        for row in sorted(spurious):
            yield self._suspect(SuspectKind.SPURIOUS, self.truths, row, truth=row, wrong=1.0 - self.truth_real[row])

    def _suspect(self, fault: SuspectKind, places: _Places, row: int, *, truth: int | None, wrong: float) -> SuspectBox:
        item = int(places.item[row])
        voices = places.answers_at(row)
        answers = np.flatnonzero(self.crowd.answer_item == item)
        return SuspectBox(
            key=self.items[item].key,
            fault=fault,
            wrong=float(wrong),
            truth_index=None if truth is None else truth - int(np.searchsorted(self.crowd.truth_item, item)),
            crowd_box=None if fault is SuspectKind.SPURIOUS else self.boxes[row],
            voices=self._names(voices),
            silent=self._names(np.setdiff1d(answers, voices)),
        )

    def _displaced(self, row: int) -> int | None:
        """The truth box for this object: it overlaps the crowd's box; fewer and other annotators match it."""
        voices = self.found.answers_at(row)
        here = np.flatnonzero(self.truths.item == self.found.item[row])
        overlap = box_iou(self.crowd.truth[here], np.tile(self.boxes[row], (len(here), 1)))
        friends = [self.truths.answers_at(int(place)) for place in here]
        rival = np.array([len(own) < len(voices) and not np.isin(own, voices).any() for own in friends], np.bool_)
        overlap = np.where(rival, overlap, 0.0)
        return int(here[overlap.argmax()]) if len(here) and overlap.max() > 0.0 else None

    def _names(self, answers: Indices) -> tuple[str, ...]:
        return tuple(sorted(self.crowd.names[who] for who in self.crowd.answer_annotator[answers]))


def _suspicious(wrong: Numbers, against: Indices) -> list[int]:
    return [int(row) for row in np.flatnonzero((wrong >= SUSPECT_FROM) & (against >= MINIMUM_VOICES))]
