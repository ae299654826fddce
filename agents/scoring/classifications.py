"""Classifications of the data unit, a frame, or a range, compared answer by answer."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from agents.labels.annotations import Annotations, Answer, Answers, Classification, Span
from agents.labels.ontology import ClassificationClass, Ontology, Question
from agents.scoring.result import AnswerScore, Conflict


def agreement(truth: Answer, label: Answer) -> float:
    """How far two answers to one question agree, in [0, 1]: Jaccard of ticked options, else equal or not."""
    if isinstance(truth, frozenset) and isinstance(label, frozenset):
        return len(truth & label) / len(truth | label)
    return float(truth == label)


@dataclass(frozen=True, slots=True)
class ClassificationResult:
    """The classifications of one class."""

    score: AnswerScore
    conflicts: tuple[Conflict, ...]


def score_classifications(
    truth: Annotations, label: Annotations, ontology: Ontology
) -> Mapping[int, ClassificationResult]:
    """Compare every classification, by index into `Ontology.classifications`."""
    by_truth, by_label = _by_class(truth), _by_class(label)
    results = {}
    for feature in sorted(by_truth.keys() | by_label.keys()):
        asked = ontology.classifications[feature]
        parts = [
            part
            for space in sorted(by_truth[feature].keys() | by_label[feature].keys())
            for part in _compare(asked, space, by_truth[feature][space], by_label[feature][space])
        ]
        total = sum((score for score, _ in parts), AnswerScore())
        conflicts = tuple(conflict for _, found in parts for conflict in found)
        results[feature] = ClassificationResult(total, conflicts)
    return results


_Given = list[Classification]


def _by_class(annotations: Annotations) -> defaultdict[int, defaultdict[str, _Given]]:
    table: defaultdict[int, defaultdict[str, _Given]] = defaultdict(lambda: defaultdict(list))
    for item in sorted(annotations.classifications, key=lambda c: (c.spans, c.hash)):
        table[item.feature][item.space].append(item)
    return table


def _compare(
    asked: ClassificationClass, space: str, truth: _Given, label: _Given
) -> Iterator[tuple[AnswerScore, list[Conflict]]]:
    """Piece by piece of the timeline, between the places where an answer begins or ends."""
    for start, end in _pieces([*truth, *label]):
        count = 1 if start is None else int(end - start)
        left, right = _answers_at(truth, start), _answers_at(label, start)
        if left is None and right is None:
            continue
        frame = None if start is None else int(start)
        last = None if start is None else int(end) - 1
        score, questions = compare_answers(asked.questions, left or {}, right or {}, count)
        place = Conflict("wrong_classification", asked.name, frame, last, space)
        yield score, list(_conflicts(place, left, right, questions))


def _conflicts(
    place: Conflict, truth: Answers | None, label: Answers | None, wrong: tuple[Question, ...]
) -> Iterator[Conflict]:
    if label is None:
        yield replace(place, kind="missing_classification")
    elif truth is None:
        yield replace(place, kind="spurious_classification")
    else:
        for question in wrong:
            yield replace(place, other=question.name)


def _pieces(items: _Given) -> Iterator[tuple[float | None, float]]:
    """Half-open pieces [start, end) over which every answer stays the same; (None, 0) is the whole data unit."""
    if any(not item.spans for item in items):
        yield None, 0
    bounds = {edge for item in items for start, end in item.spans for edge in (start, end + 1)}
    yield from pairwise(sorted(bounds))


def _answers_at(items: _Given, start: float | None) -> Answers | None:
    for item in items:
        if start is None and not item.spans:
            return item.answers
        if start is not None and any(_covers(span, start) for span in item.spans):
            return item.answers
    return None


def _covers(span: Span, at: float) -> bool:
    return span[0] <= at <= span[1]


def compare_answers(
    questions: tuple[Question, ...], truth: Answers, label: Answers, count: int = 1
) -> tuple[AnswerScore, tuple[Question, ...]]:
    """Compare the answers to one tree of questions; a nested question only where its parent's answer agrees.

    Returns:
        The score, each answer counted `count` times, and the questions that were answered differently.
    """
    correct, compared, expected, spurious = 0.0, 0, 0, 0
    wrong = []
    for question in questions:
        if question.archived:
            continue
        left, right = truth.get(question.hash), label.get(question.hash)
        comparable = question.parent is None or (
            truth.get(question.parent) == label.get(question.parent) == question.parent_option
        )
        expected += left is not None
        if not comparable or (left is None and right is None):
            continue
        spurious += left is None
        agreed = agreement(left, right) if left is not None and right is not None else 0.0
        compared += 1
        correct += agreed
        if agreed < 1:
            wrong.append(question)
    return AnswerScore(correct * count, compared * count, expected * count, spurious * count), tuple(wrong)
