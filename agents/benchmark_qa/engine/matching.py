"""Match drawings of the labels with drawings of the ground truth."""

from dataclasses import dataclass

import numpy as np

from benchmark_qa.engine.config import ScoringRules
from benchmark_qa.engine.pairs import MOST_CONNECTED, MOST_PAIRS_OF_A_ROW, SLACK, Flags, Pairs, best_pairs, touching
from benchmark_qa.engine.similarity.measure import Measure, Media, measure
from benchmark_qa.labels.annotations import Annotations, Drawings, Indices, Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Pairs (k,) with their similarity (k,)."""

    pairs: Pairs
    similarity: Numbers

    def __len__(self) -> int:
        return len(self.pairs)

    def where(self, chosen: Flags) -> "Scored":
        """The pairs for which `chosen` (k,) is true."""
        return Scored(self.pairs.where(chosen), self.similarity[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """The matches of one shape.

    Indices point into the two `Drawings`; every drawing is in at most one pair.
    """

    truth: Drawings
    label: Drawings
    media: Media
    candidates: Scored
    """All overlapping pairs of the same frame and class."""
    matched: Scored
    localisation: Numbers
    """Similarity of the matched pairs, rescaled to [0.5, 1] where the threshold is below 0.5."""
    mislabelled: Scored
    near: Scored
    """Unmatched pairs of the same class that overlap by less than the threshold."""
    missing: Indices
    """Every truth drawing without a match, including mislabelled and near ones."""
    spurious: Indices
    """Every label drawing without a match, including mislabelled and near ones."""
    thresholds: Numbers
    """The match threshold of every truth drawing."""

    @property
    def moves(self) -> bool:
        """Whether any object of this shape is drawn on more than one frame."""
        return any(len(side) > len(np.unique(side.instance)) for side in (self.truth, self.label))

    def best(self) -> tuple[Numbers, Numbers]:
        """The greatest similarity of each drawing to any drawing of its class: truth, then labels."""
        pairs = self.candidates.pairs
        best = np.zeros(len(self.truth)), np.zeros(len(self.label))
        np.maximum.at(best[0], pairs.truth, self.candidates.similarity)
        np.maximum.at(best[1], pairs.label, self.candidates.similarity)
        return best


@dataclass(frozen=True, slots=True)
class ComparedSides:
    """The two label rows that are compared."""

    truth: Annotations
    label: Annotations

    def places(self, truth: Drawings, label: Drawings) -> tuple[Indices, Indices]:
        """One number per (space, frame), for every drawing; both sides share the numbers."""
        names = {name: i for i, name in enumerate(dict.fromkeys((*self.truth.spaces, *self.label.spaces)))}
        frames, dense = np.unique(np.concatenate((truth.frame, label.frame)), return_inverse=True)
        spaces = [
            np.array([names[name] for name in side.spaces], np.int64)[drawings.space]
            for side, drawings in ((self.truth, truth), (self.label, label))
        ]
        place = np.concatenate(spaces) * len(frames) + dense
        return place[: len(truth)], place[len(truth) :]

    def order(self, truth: Drawings, label: Drawings) -> tuple[Indices, Indices]:
        """A rank for every drawing that depends on object hashes only."""
        return self.truth.rank[truth.instance], self.label.rank[label.instance]


def match_shape(truth: Drawings, label: Drawings, sides: ComparedSides, rules: ScoringRules) -> Matches:
    """Match the drawings of one shape per frame and class; all frames at once."""
    return _Matcher(truth, label, sides, rules).run()


def common_media(truth: Drawings, label: Drawings, places: tuple[Indices, Indices]) -> Media:
    """Width and height of each drawing's frame: the truth's, otherwise the labels', otherwise 1 x 1."""
    some = truth.media[:1] if len(truth) else label.media[:1]
    if (truth.media == some).all() and (label.media == some).all():
        return truth.media, label.media  # one size everywhere: a video, or a single image
    size = np.full((max(places[0].max(initial=-1), places[1].max(initial=-1)) + 1, 2), np.nan)
    for drawings, place in ((label, places[1]), (truth, places[0])):
        known = ~np.isnan(drawings.media).any(axis=1)
        size[place[known]] = drawings.media[known]
    size = np.nan_to_num(size, nan=1.0)
    return size[places[0]], size[places[1]]


class _Matcher:
    def __init__(self, truth: Drawings, label: Drawings, sides: ComparedSides, rules: ScoringRules) -> None:
        self.truth, self.label, self.sides, self.rules = truth, label, sides, rules
        self.places = sides.places(truth, label)
        self.order = sides.order(truth, label)
        self.media = common_media(truth, label, self.places)
        self.measure: Measure = measure(truth, label, self.media, rules)
        self.thresholds = rules.thresholds(truth, self.measure.areas)

    def run(self) -> Matches:
        candidates = self._candidates()
        matched = self._assign(candidates.where(self._above(candidates)))
        free = _without(len(self.truth), matched.pairs.truth), _without(len(self.label), matched.pairs.label)
        mislabelled = self._mislabelled(free)
        left_t = free[0] & _without(len(self.truth), mislabelled.pairs.truth)
        left_l = free[1] & _without(len(self.label), mislabelled.pairs.label)
        pairs = candidates.pairs
        return Matches(
            truth=self.truth,
            label=self.label,
            media=self.media,
            candidates=candidates,
            matched=matched,
            localisation=_localisation(matched.similarity, self.thresholds[matched.pairs.truth]),
            mislabelled=mislabelled,
            near=self._assign(candidates.where(left_t[pairs.truth] & left_l[pairs.label])),
            missing=np.flatnonzero(free[0]),
            spurious=np.flatnonzero(free[1]),
            thresholds=self.thresholds,
        )

    def _candidates(self) -> Scored:
        """Overlapping pairs of the same frame and class."""
        classes = len(self.rules.ontology.objects)
        found = self.measure
        pairs = touching(
            found.truth_extents,
            self.places[0] * classes + self.truth.feature,
            found.label_extents,
            self.places[1] * classes + self.label.feature,
            most=MOST_PAIRS_OF_A_ROW,
        )
        similarity = found.similarity(pairs)
        return Scored(pairs, similarity).where(similarity > 0)

    def _mislabelled(self, free: tuple[Flags, Flags]) -> Scored:
        """Unmatched pairs at or above the threshold whose classes differ."""
        rows, columns = np.flatnonzero(free[0]), np.flatnonzero(free[1])
        if len(self.rules.ontology.objects) < 2 or not len(rows) or not len(columns):
            return Scored(Pairs.none(), np.empty(0))
        found = self.measure
        local = touching(
            found.truth_extents[rows],
            self.places[0][rows],
            found.label_extents[columns],
            self.places[1][columns],
            most=MOST_PAIRS_OF_A_ROW,
        )
        pairs = Pairs(rows[local.truth], columns[local.label])
        pairs = pairs.where(self.truth.feature[pairs.truth] != self.label.feature[pairs.label])
        scored = Scored(pairs, found.similarity(pairs))
        return self._assign(scored.where(self._above(scored)))

    def _above(self, scored: Scored) -> Flags:
        return np.asarray(scored.similarity >= self.thresholds[scored.pairs.truth] - SLACK)

    def _assign(self, scored: Scored) -> Scored:
        has_questions = any(item.questions for item in self.rules.ontology.objects)
        preference = (lambda chosen: self._alike(scored.pairs, chosen)) if has_questions else None
        chosen = best_pairs(
            scored.pairs, scored.similarity, *self.order, preference=preference, most_connected=MOST_CONNECTED
        )
        return scored.where(chosen)

    def _alike(self, pairs: Pairs, chosen: Indices) -> Numbers:
        """Share of attributes that two objects have in common; decides between boxes of equal similarity."""
        truth = self.truth.instance[pairs.truth[chosen]].tolist()
        label = self.label.instance[pairs.label[chosen]].tolist()
        return np.array([self._alike_pair(*pair) for pair in zip(truth, label, strict=True)])

    def _alike_pair(self, truth: int, label: int) -> float:
        first, second = (
            {
                *side.attributes.get(instance, {}).items(),
                *((d.question, d.answer, d.spans) for d in side.dynamic_attributes.get(instance, ())),
            }
            for side, instance in ((self.sides.truth, truth), (self.sides.label, label))
        )
        return len(first & second) / max(len(first | second), 1)


def _without(count: int, taken: Indices) -> Flags:
    free = np.ones(count, np.bool_)
    free[taken] = False
    return free


def _localisation(similarity: Numbers, threshold: Numbers) -> Numbers:
    """Similarity of matches, rescaled to at least 0.5, so that dropping a match never raises the score."""
    rescaled = 0.5 + 0.5 * (similarity - threshold) / np.where(threshold < 1, 1 - threshold, 1.0)
    return np.where(threshold < 0.5, np.clip(rescaled, 0.5, 1.0), similarity)
