"""Two answers to one question, and two sets of answers to a tree of questions."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from benchmark_qa.engine.config import AnswerRule
from benchmark_qa.engine.result import AnswerScore, Conflict
from benchmark_qa.engine.rules import Rules
from benchmark_qa.labels.annotations import Annotations, Answer, Answers, Classification, Span
from benchmark_qa.labels.ontology import ClassificationClass, Question


def agreement(rule: AnswerRule, truth: Answer, label: Answer) -> float:
    """How far two answers agree, in [0, 1].

    Radio: equal or not. Checklist: Jaccard of the ticked options. Text: equal or not, or normalised edit similarity.
    Number: equal, or within a tolerance of the truth.
    """
    if isinstance(truth, frozenset) and isinstance(label, frozenset):
        return len(truth & label) / len(truth | label)
    if isinstance(truth, float) and isinstance(label, float):
        apart = abs(truth - label)
        return float(apart <= (max(rule.absolute, rule.relative * abs(truth)) if rule.compare == "tolerance" else 0.0))
    if isinstance(truth, str) and isinstance(label, str):
        return _text_agreement(rule, truth, label)
    return 0.0


def _text_agreement(rule: AnswerRule, truth: str, label: str) -> float:
    if not rule.case_sensitive:
        truth, label = truth.casefold(), label.casefold()
    if truth == label or rule.compare != "edit":
        return float(truth == label)
    from rapidfuzz.distance import Levenshtein  # noqa: PLC0415 - few compare texts so

    similarity = Levenshtein.normalized_similarity(truth, label)
    return similarity if similarity >= rule.minimum else 0.0


def compare_answers(
    questions: tuple[Question, ...], truth: Answers, label: Answers, rules: Rules, *, count: int = 1
) -> tuple[AnswerScore, tuple[Question, ...]]:
    """Compare the answers to one tree of questions; a nested question only where its parent's answer agrees.

    Returns:
        The score, each answer counted `count` times, and the questions that were answered differently.
    """
    correct, compared, expected, spurious = 0.0, 0, 0, 0
    wrong = []
    for question in questions:
        left, right = truth.get(question.hash), label.get(question.hash)
        if left is None and right is None:
            continue
        rule = rules.answer(question)
        if rule.compare == "ignore":
            continue
        expected += left is not None
        if not _is_asked(question, truth, label):
            continue
        spurious += left is None
        agreed = agreement(rule, left, right) if left is not None and right is not None else 0.0
        compared += 1
        correct += agreed
        if agreed < 1:
            wrong.append(question)
    credit = correct * expected / (expected + spurious) if expected else 0.0
    counts = (compared * count, expected * count, spurious * count)
    return AnswerScore(correct * count, *counts, credit=credit * count), tuple(wrong)


def count_answers(questions: tuple[Question, ...], answers: Answers, rules: Rules) -> int:
    """Answers that count."""
    return sum(q.hash in answers and rules.answer(q).compare != "ignore" for q in questions)


def _is_asked(question: Question, truth: Answers, label: Answers) -> bool:
    """Whether both sides ticked the option under which the question stands."""
    if question.parent is None:
        return True
    return truth.get(question.parent) == label.get(question.parent) == question.parent_option


@dataclass(frozen=True, slots=True)
class Answered:
    """The classifications, or the attributes of the matched objects, of one class."""

    score: AnswerScore
    conflicts: tuple[Conflict, ...]


def score_classifications(truth: Annotations, label: Annotations, rules: Rules) -> Mapping[int, Answered]:
    """Compare every classification, by index into `Ontology.classifications`."""
    by_truth, by_label = _by_class(truth), _by_class(label)
    results = {}
    for feature in sorted(by_truth.keys() | by_label.keys()):
        asked = rules.ontology.classifications[feature]
        parts = [
            part
            for space in sorted(by_truth[feature].keys() | by_label[feature].keys())
            for part in _compare(asked, space, by_truth[feature][space], by_label[feature][space], rules)
        ]
        total = sum((score for score, _ in parts), AnswerScore())
        results[feature] = Answered(total, tuple(conflict for _, found in parts for conflict in found))
    return results


_Given = list[Classification]


def _by_class(annotations: Annotations) -> defaultdict[int, defaultdict[str, _Given]]:
    table: defaultdict[int, defaultdict[str, _Given]] = defaultdict(lambda: defaultdict(list))
    for item in sorted(annotations.classifications, key=lambda c: (c.spans, c.hash)):
        table[item.feature][item.space].append(item)
    return table


def _compare(
    asked: ClassificationClass, space: str, truth: _Given, label: _Given, rules: Rules
) -> Iterator[tuple[AnswerScore, list[Conflict]]]:
    """Piece by piece of the timeline, between the places where an answer begins or ends."""
    for start, end in _pieces([*truth, *label]):
        left, right = _answers_at(truth, start), _answers_at(label, start)
        if left is None and right is None:
            continue
        count = 1 if start is None else int(end - start)
        frame = None if start is None else int(start)
        last = None if start is None else int(end) - 1
        score, wrong = compare_answers(asked.questions, left or {}, right or {}, rules, count=count)
        if left is None:
            score = replace(score, uncalled=score.spurious)
        place = Conflict("wrong_classification", asked.name, frame, last, space)
        yield score, list(_conflicts(place, left, right, wrong))


def _conflicts(
    place: Conflict, truth: Answers | None, label: Answers | None, wrong: tuple[Question, ...]
) -> Iterator[Conflict]:
    if not wrong:
        return
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
