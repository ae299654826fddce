"""Attributes of matched objects: static ones, and dynamic ones frame by frame."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.engine.answers import Answered, compare_answers, count_answers
from benchmark_qa.engine.matching import Matches, Sides
from benchmark_qa.engine.pairs import Indices, Pairs
from benchmark_qa.engine.result import AnswerScore, Conflict
from benchmark_qa.engine.rules import Rules
from benchmark_qa.engine.similarity.points import visibility_agreement
from benchmark_qa.labels.annotations import VISIBILITIES, Annotations, Answer, Answers, Skeletons
from benchmark_qa.labels.ontology import ObjectClass

VISIBILITY = "visibility"


def score_attributes(matches: Sequence[Matches], sides: Sides, rules: Rules) -> Mapping[int, Answered]:
    """Compare the attributes of every matched pair, by index into `Ontology.objects`.

    Answers of truth objects that nobody found count as expected and not given.
    """
    scores: defaultdict[int, AnswerScore] = defaultdict(AnswerScore)
    conflicts: defaultdict[int, list[Conflict]] = defaultdict(list)
    for match in matches:
        for feature, result in _Comparer(match, sides, rules).results():
            scores[feature] += result.score
            conflicts[feature].extend(result.conflicts)
    return {feature: Answered(scores[feature], tuple(conflicts[feature])) for feature in sorted(scores)}


@dataclass(frozen=True, slots=True)
class _Comparer:
    """The attributes of one shape."""

    match: Matches
    sides: Sides
    rules: Rules

    def results(self) -> Iterator[tuple[int, Answered]]:
        asking = [bool(item.questions) for item in self.rules.ontology.objects]
        if any(asking):
            yield from self._matched(np.array(asking))
            yield from self._missing(np.array(asking))
        if isinstance(self.match.truth.geometry, Skeletons):
            yield from self._visibilities()

    def _matched(self, asking: NDArray[np.bool_]) -> Iterator[tuple[int, Answered]]:
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

    def _pair(self, feature: int, truth: int, label: int, frames: Indices, space: int) -> Answered:
        """The attributes of one object over the frames in which it is matched with one label object."""
        asked, name = self.rules.ontology.objects[feature], self.sides.truth.spaces[space]
        total = AnswerScore()
        wrong: dict[str, tuple[int, int]] = {}
        for piece in _pieces(frames, name, (self.sides.truth, truth), (self.sides.label, label)):
            left = answers_at(self.sides.truth, truth, name, int(piece[0]))
            right = answers_at(self.sides.label, label, name, int(piece[0]))
            score, questions = compare_answers(asked.questions, left, right, self.rules, count=len(piece))
            total += score
            for question in questions:
                start = wrong.get(question.name, (int(piece[0]), 0))[0]
                wrong[question.name] = (start, int(piece[-1]))
        hashes = self.sides.truth.instances[truth], self.sides.label.instances[label]
        return Answered(
            total,
            tuple(
                Conflict("wrong_attribute", asked.name, start, end, name, *hashes, other=question)
                for question, (start, end) in wrong.items()
            ),
        )

    def _missing(self, asking: NDArray[np.bool_]) -> Iterator[tuple[int, Answered]]:
        truth = self.match.truth
        missing = self.match.missing[asking[truth.feature[self.match.missing]]]
        instances = truth.instance[missing]
        for rows in _groups(instances, truth.space[missing]):
            row = missing[rows[0]]
            feature, instance = int(truth.feature[row]), int(truth.instance[row])
            name = self.sides.truth.spaces[truth.space[row]]
            asked = self.rules.ontology.objects[feature]
            expected = sum(
                len(piece)
                * count_answers(
                    asked.questions, answers_at(self.sides.truth, instance, name, int(piece[0])), self.rules
                )
                for piece in _pieces(truth.frame[missing[rows]], name, (self.sides.truth, instance))
            )
            yield feature, Answered(AnswerScore(expected=expected), ())

    def _visibilities(self) -> Iterator[tuple[int, Answered]]:
        """Whether points of skeletons are visible: one answer per skeleton of the classes where the truth hides any.

        Where the truth shows every point, hiding one is an answer that nobody asked for.
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
            yield feature, Answered(score, tuple(conflicts))

    def _visibility_conflicts(self, asked: ObjectClass, pairs: Pairs, wrong: Indices) -> Iterator[Conflict]:
        truth, label = self.match.truth, self.match.label
        for index in wrong:
            row, column = pairs.truth[index], pairs.label[index]
            frame = int(truth.frame[row])
            yield Conflict(
                "wrong_attribute",
                asked.name,
                frame,
                frame,
                self.sides.truth.spaces[truth.space[row]],
                self.sides.truth.instances[truth.instance[row]],
                self.sides.label.instances[label.instance[column]],
                other=VISIBILITY,
            )


assert VISIBILITIES[0] == "visible"  # noqa: S101 - `visibility.any()` asks for anything else


def answers_at(annotations: Annotations, instance: int, space: str, frame: int) -> Answers:
    """The answers about an object in one frame of one space; answers ticked in several entries are put together."""
    dynamic = annotations.dynamic_attributes.get(instance)
    static = annotations.attributes.get(instance, {})
    if not dynamic:
        return static
    answers: dict[str, Answer] = dict(static)
    for item in dynamic:
        if item.space in (None, space) and any(start <= frame <= end for start, end in item.spans):
            before = answers.get(item.question)
            together = isinstance(before, frozenset) and isinstance(item.answer, frozenset)
            answers[item.question] = before | item.answer if together else item.answer  # type: ignore[operator]
    return answers


def _groups(*columns: NDArray[np.signedinteger[Any]]) -> list[Indices]:
    """Positions of the rows that are equal in every column."""
    order = np.lexsort(columns[::-1])
    if not len(order):
        return []
    changed = np.zeros(len(order) - 1, np.bool_)
    for column in columns:
        changed |= np.diff(column[order]) != 0
    return np.split(order, np.flatnonzero(changed) + 1)


def _pieces(frames: Indices, space: str, *objects: tuple[Annotations, int]) -> list[Indices]:
    """The frames, sorted and cut wherever an answer about one of the objects may begin or end."""
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
