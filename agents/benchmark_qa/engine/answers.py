"""Two answers to one question, and two sets of answers to a tree of questions."""

from benchmark_qa.engine.config import AnswerRule
from benchmark_qa.engine.result import AnswerScore
from benchmark_qa.engine.rules import Rules
from benchmark_qa.labels.annotations import Answer, Answers
from benchmark_qa.labels.ontology import Question


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
