"""Compare attributes of matched objects: static ones once, dynamic ones frame by frame."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.engine.answers import AnswersScored, compare_answers, count_answers
from benchmark_qa.engine.config import ScoringRules
from benchmark_qa.engine.errors import TooMuchWorkError
from benchmark_qa.engine.matching import ComparedSides, Matches
from benchmark_qa.engine.pairs import Pairs
from benchmark_qa.engine.result import AnswerScore, Conflict, joined_conflicts
from benchmark_qa.engine.similarity.points import visibility_agreement
from benchmark_qa.labels.annotations import VISIBILITIES, Annotations, Answer, Answers, Indices, Skeletons
from benchmark_qa.labels.answers import asked_answers
from benchmark_qa.labels.ontology import ObjectClass, Ontology

VISIBILITY = "visibility"


def score_attributes(
    matches: Sequence[Matches], sides: ComparedSides, rules: ScoringRules
) -> Mapping[int, AnswersScored]:
    """Score and conflicts of the attributes, by index into `Ontology.objects`.

    Answers of missing truth objects count as expected and not given.
    """
    scores: defaultdict[int, AnswerScore] = defaultdict(AnswerScore)
    conflicts: defaultdict[int, list[Conflict]] = defaultdict(list)
    for match in matches:
        for feature, result in _Comparer(match, sides, rules).results():
            scores[feature] += result.score
            conflicts[feature].extend(result.conflicts)
    return {feature: AnswersScored(scores[feature], tuple(conflicts[feature])) for feature in sorted(scores)}


@dataclass(frozen=True, slots=True)
class _Comparer:
    """Compares the attributes of the matches of one shape."""

    match: Matches
    sides: ComparedSides
    rules: ScoringRules

    def results(self) -> Iterator[tuple[int, AnswersScored]]:
        asking = [bool(item.questions) for item in self.rules.ontology.objects]
        if any(asking):
            yield from self._matched(np.array(asking))
            yield from self._missing(np.array(asking))
        if isinstance(self.match.truth.geometry, Skeletons):
            yield from self._visibilities()

    def _matched(self, asking: NDArray[np.bool_]) -> Iterator[tuple[int, AnswersScored]]:
        match, pairs = self.match, self.match.matched.pairs
        pairs = pairs.where(asking[match.truth.feature[pairs.truth]])
        first, second = match.truth.instance[pairs.truth], match.label.instance[pairs.label]
        space, frame = match.truth.space[pairs.truth], match.truth.frame[pairs.truth]
        for rows in _groups(first, second, space):
            feature = int(match.truth.feature[pairs.truth[rows[0]]])
            yield (
                feature,
                self._pair(feature, int(first[rows[0]]), int(second[rows[0]]), frame[rows], int(space[rows[0]])),
            )

    def _pair(self, feature: int, truth: int, label: int, frames: Indices, space: int) -> AnswersScored:
        """Score and conflicts of one truth object and one label object, over the frames where they match."""
        asked, name = self.rules.ontology.objects[feature], self.sides.truth.spaces[space]
        hashes = self.sides.truth.instances[truth], self.sides.label.instances[label]
        total = AnswerScore()
        conflicts: list[Conflict] = []
        pieces = _pieces(frames, name, (self.sides.truth, truth), (self.sides.label, label))
        starts = [int(piece[0]) for piece in pieces]
        ontology = self.rules.ontology
        left_side = answers_along(self.sides.truth, truth, name, starts, ontology)
        right_side = answers_along(self.sides.label, label, name, starts, ontology)
        for piece, left, right in zip(pieces, left_side, right_side, strict=True):
            score, wrong = compare_answers(asked.questions, left, right, self.rules, count=len(piece))
            total += score
            for difference in wrong:
                conflicts += (
                    difference.tell(
                        Conflict(
                            "wrong_attribute", asked.name, start, end, name, *hashes, other=difference.question.name
                        )
                    )
                    for start, end in _runs_of(piece)
                )
        return AnswersScored(total, tuple(joined_conflicts(conflicts)))

    def _missing(self, asking: NDArray[np.bool_]) -> Iterator[tuple[int, AnswersScored]]:
        truth = self.match.truth
        missing = self.match.missing[asking[truth.feature[self.match.missing]]]
        instances = truth.instance[missing]
        for rows in _groups(instances, truth.space[missing]):
            row = missing[rows[0]]
            feature, instance = int(truth.feature[row]), int(truth.instance[row])
            name = self.sides.truth.spaces[truth.space[row]]
            asked = self.rules.ontology.objects[feature]
            pieces = _pieces(truth.frame[missing[rows]], name, (self.sides.truth, instance))
            starts = [int(piece[0]) for piece in pieces]
            answers = answers_along(self.sides.truth, instance, name, starts, self.rules.ontology)
            expected = sum(
                len(piece) * count_answers(asked.questions, given, self.rules)
                for piece, given in zip(pieces, answers, strict=True)
            )
            yield feature, AnswersScored(AnswerScore(expected=expected), ())

    def _visibilities(self) -> Iterator[tuple[int, AnswersScored]]:
        """Score and conflicts of point visibility, by class.

        Where the truth hides any point of a class, every skeleton of the class counts as one answer.
        Where the truth shows every point, a hidden point in the labels counts as a spurious answer.
        """
        truth, label = self.match.truth, self.match.label
        if not (truth.geometry.visibility.any() or label.geometry.visibility.any()):
            return
        pairs = self.match.matched.pairs
        agreed = visibility_agreement(truth.geometry, label.geometry, pairs)
        for feature in np.unique(truth.feature).tolist():
            own = np.flatnonzero(truth.feature[pairs.truth] == feature)
            wrong = own[agreed[own] < 1]
            drawn = np.flatnonzero(truth.feature == feature)
            if truth.geometry.take(drawn).visibility.any():
                right = float(agreed[own].sum())
                score = AnswerScore(right, len(own), len(drawn), credit=right)
            else:
                score = AnswerScore(float(agreed[wrong].sum()), len(wrong), spurious=len(wrong))
            conflicts = self._visibility_conflicts(self.rules.ontology.objects[feature], pairs, wrong)
            yield feature, AnswersScored(score, tuple(joined_conflicts(conflicts)))

    def _visibility_conflicts(self, asked: ObjectClass, pairs: Pairs, wrong: Indices) -> Iterator[Conflict]:
        truth, label = self.match.truth, self.match.label
        for index in wrong:
            row, column = pairs.truth[index], pairs.label[index]
            frame = int(truth.frame[row])
            expected, given = _different(_visibility(truth.geometry, row), _visibility(label.geometry, column))
            yield Conflict(
                "wrong_attribute",
                asked.name,
                frame,
                frame,
                self.sides.truth.spaces[truth.space[row]],
                self.sides.truth.instances[truth.instance[row]],
                self.sides.label.instances[label.instance[column]],
                other=VISIBILITY,
                expected=expected,
                given=given,
            )


def _visibility(skeletons: Skeletons, row: int) -> dict[str, str]:
    """The visibility of each point of one skeleton, by the point's name."""
    own = slice(skeletons.offsets[row], skeletons.offsets[row + 1])
    return {
        skeletons.titles[node]: VISIBILITIES[visibility]
        for node, visibility in zip(skeletons.node[own].tolist(), skeletons.visibility[own].tolist(), strict=True)
    }


def _different(expected: Mapping[str, str], given: Mapping[str, str]) -> tuple[str, str | None]:
    """The points whose visibility differs, in words: as expected, and as given."""
    names = [name for name, visibility in expected.items() if given.get(name) != visibility]
    said = [f"{name} {given[name]}" for name in names if name in given]
    return ", ".join(f"{name} {expected[name]}" for name in names), ", ".join(said) or None


assert VISIBILITIES[0] == "visible"  # noqa: S101 - `visibility.any()` asks for anything else


MOST_STEPS = 20_000_000
"""Most dynamic answers of one object, summed over its pieces; processing them takes a few seconds."""


def answers_along(
    annotations: Annotations, instance: int, space: str, frames: Sequence[int], ontology: Ontology
) -> Iterator[Answers]:
    """The answers about an object on each of the ascending `frames` of one space.

    Several checklist entries on one frame are combined. Nested answers whose option is not chosen are left out.

    Raises:
        TooMuchWorkError: more than `MOST_STEPS` answers have to be processed.
    """
    static = annotations.attributes.get(instance, {})
    own = [
        (start, end, item.question, item.answer)
        for item in annotations.dynamic_attributes.get(instance, ())
        if item.space in (None, space)
        for start, end in item.spans
    ]
    if not own:
        # `static` may hold answers under an option that is chosen in another space only.
        plain = asked_answers(static, ontology)
        yield from (plain for _ in frames)
        return
    begins, ends = sorted(own, key=itemgetter(0)), sorted(own, key=itemgetter(1))
    active: Counter[tuple[str, Answer]] = Counter()
    begun, ended, steps = 0, 0, 0
    for frame in frames:
        while begun < len(begins) and begins[begun][0] <= frame:
            active[begins[begun][2:]] += 1
            begun += 1
        while ended < begun and ends[ended][1] < frame:
            active[ends[ended][2:]] -= 1
            if not active[ends[ended][2:]]:
                del active[ends[ended][2:]]
            ended += 1
        steps += len(active)
        if steps > MOST_STEPS:
            raise TooMuchWorkError(f"an object has {len(own):,} dynamic answers, too many of them on the same frames")
        yield asked_answers(_together(static, active), ontology)


def _together(static: Answers, active: Iterable[tuple[str, Answer]]) -> dict[str, Answer]:
    answers: dict[str, Answer] = dict(static)
    for question, answer in active:
        before = answers.get(question)
        both = isinstance(before, frozenset) and isinstance(answer, frozenset)
        answers[question] = before | answer if both else answer  # type: ignore[operator]
    return answers


def _runs_of(frames: Indices) -> Iterator[tuple[int, int]]:
    """First and last number of each run of consecutive numbers; `frames` must ascend."""
    cuts = np.flatnonzero(np.diff(frames) > 1) + 1
    for run in np.split(frames, cuts):
        yield int(run[0]), int(run[-1])


def _groups(*columns: NDArray[np.signedinteger[Any]]) -> list[Indices]:
    """Positions of the rows, grouped by equal values in every column."""
    order = np.lexsort(columns[::-1])
    if not len(order):
        return []
    changed = np.zeros(len(order) - 1, np.bool_)
    for column in columns:
        changed |= np.diff(column[order]) != 0
    return np.split(order, np.flatnonzero(changed) + 1)


def _pieces(frames: Indices, space: str, *objects: tuple[Annotations, int]) -> list[Indices]:
    """The sorted frames, cut wherever a dynamic answer about one of the objects begins or ends."""
    ordered = np.sort(frames)
    edges = {
        edge
        for annotations, instance in objects
        for item in annotations.dynamic_attributes.get(instance, ())
        if item.space in (None, space)
        for start, end in item.spans
        for edge in (start, end + 1)
    }
    if not edges:
        return [ordered]
    return [piece for piece in np.split(ordered, np.searchsorted(ordered, sorted(edges))) if len(piece)]
