"""Compare answers: two answers to one question, or two sets of answers to a tree of questions."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf
from operator import itemgetter

from benchmark_qa.engine.config import AnswerRule, ScoringRules
from benchmark_qa.engine.errors import TooMuchWorkError
from benchmark_qa.engine.result import AnswerScore, Conflict, joined_conflicts
from benchmark_qa.labels.annotations import Annotations, Answer, Answers, Classification
from benchmark_qa.labels.answers import is_ticked
from benchmark_qa.labels.ontology import ClassificationClass, Question, QuestionType


def agreement(rule: AnswerRule, truth: Answer, label: Answer) -> float:
    """The agreement of two answers, in [0, 1].

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


MOST_LETTERS = 10_000_000_000
"""Product of the lengths of two texts whose edit distance is computed; about a second of work."""


def _text_agreement(rule: AnswerRule, truth: str, label: str) -> float:
    if not rule.case_sensitive:
        truth, label = truth.casefold(), label.casefold()
    if truth == label or rule.compare != "edit":
        return float(truth == label)
    if len(truth) * len(label) > MOST_LETTERS:
        raise TooMuchWorkError(f"two texts of {len(truth):,} and {len(label):,} letters are too long for 'edit'")
    from rapidfuzz.distance import Levenshtein  # noqa: PLC0415 - few compare texts so

    similarity = Levenshtein.normalized_similarity(truth, label)
    return similarity if similarity >= rule.minimum else 0.0


@dataclass(frozen=True, slots=True)
class AnswerDifference:
    """A question that the two sides answer differently."""

    question: Question
    truth: Answer | None
    label: Answer | None

    def tell(self, place: Conflict) -> Conflict:
        """A copy of `place` that holds both answers in words."""
        said = [answer_in_words(self.question, answer) for answer in (self.truth, self.label)]
        is_text = self.question.type is QuestionType.TEXT
        return replace(place, expected=said[0], given=said[1], is_text=is_text)


LONGEST_ANSWER = 80
"""Characters of a text answer that a conflict repeats; the rest is cut off."""


def answer_in_words(question: Question, answer: Answer | None) -> str | None:
    """The answer as people read it: labels of options, a number, or the beginning of a text."""
    match answer:
        case None:
            return None
        case frozenset():
            return ", ".join(sorted(question.options.get(option, option) for option in answer))
        case str():
            said = question.options.get(answer, answer)
            return said if len(said) <= LONGEST_ANSWER else said[: LONGEST_ANSWER - 1] + "…"
    return f"{answer:.15g}"


def compare_answers(
    questions: tuple[Question, ...], truth: Answers, label: Answers, rules: ScoringRules, *, count: int = 1
) -> tuple[AnswerScore, tuple[AnswerDifference, ...]]:
    """Compare the answers to one tree of questions.

    A nested question is compared only where both sides chose the option above it.

    Returns:
        The score, with each answer counted `count` times, and the questions with different answers.
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
            wrong.append(AnswerDifference(question, left, right))
    credit = correct * expected / (expected + spurious) if expected else 0.0
    counts = (compared * count, expected * count, spurious * count)
    return AnswerScore(correct * count, *counts, credit=credit * count), tuple(wrong)


def count_answers(questions: tuple[Question, ...], answers: Answers, rules: ScoringRules) -> int:
    """Number of answers, without those to ignored questions."""
    return sum(q.hash in answers and rules.answer(q).compare != "ignore" for q in questions)


def _is_asked(question: Question, truth: Answers, label: Answers) -> bool:
    """Whether both sides ticked the option that the question is nested under."""
    if question.parent is None:
        return True
    return all(is_ticked(side.get(question.parent), question.parent_option) for side in (truth, label))


@dataclass(frozen=True, slots=True)
class AnswersScored:
    """Score and conflicts of one class: of its classifications, or of its matched objects' attributes."""

    score: AnswerScore
    conflicts: tuple[Conflict, ...]


def score_classifications(truth: Annotations, label: Annotations, rules: ScoringRules) -> Mapping[int, AnswersScored]:
    """Score and conflicts of every classification, by index into `Ontology.classifications`."""
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
        results[feature] = AnswersScored(
            total, tuple(joined_conflicts(conflict for _, found in parts for conflict in found))
        )
    return results


_Given = list[Classification]


def _by_class(annotations: Annotations) -> defaultdict[int, defaultdict[str, _Given]]:
    table: defaultdict[int, defaultdict[str, _Given]] = defaultdict(lambda: defaultdict(list))
    for item in sorted(annotations.classifications, key=lambda c: (not c.answers, c.spans, c.hash)):
        table[item.feature][item.space].append(item)
    return table


def _compare(
    asked: ClassificationClass, space: str, truth: _Given, label: _Given, rules: ScoringRules
) -> Iterator[tuple[AnswerScore, list[Conflict]]]:
    """Score and conflicts of each piece of the timeline; answers change only between pieces."""
    for start, end, left, right in _pieces(truth, label):
        count = 1 if start is None else int(end - start)
        frame = None if start is None else int(start)
        last = None if start is None else int(end) - 1
        score, wrong = compare_answers(asked.questions, left or {}, right or {}, rules, count=count)
        if left is None:
            score = replace(score, uncalled=score.spurious)
        place = Conflict("wrong_classification", asked.name, frame, last, space)
        yield score, list(_conflicts(place, left, right, wrong))


def _conflicts(
    place: Conflict, truth: Answers | None, label: Answers | None, wrong: tuple[AnswerDifference, ...]
) -> Iterator[Conflict]:
    if not wrong:
        return
    if label is None:
        yield wrong[0].tell(replace(place, kind="missing_classification"))
    elif truth is None:
        yield wrong[0].tell(replace(place, kind="spurious_classification"))
    else:
        for each in wrong:
            yield each.tell(replace(place, other=each.question.name))


_Piece = tuple[float | None, float, Answers | None, Answers | None]
"""First frame, frame after the last, both sides' answers; (None, 0) is the whole data unit."""


def _pieces(truth: _Given, label: _Given) -> Iterator[_Piece]:
    """Pieces of the timeline where both sides' answers are constant; without unanswered pieces."""
    left, right = (next((item.answers for item in side if not item.spans), None) for side in (truth, label))
    if left is not None or right is not None:
        yield None, 0, left, right
    lines = [_timeline(side) for side in (truth, label)]
    bounds = sorted({edge for line in lines for start, end, _ in line for edge in (start, end)})
    at = [0, 0]
    for start, end in pairwise(bounds):
        sides: list[Answers | None] = []
        for side, line in enumerate(lines):
            while at[side] < len(line) and line[at[side]][1] <= start:
                at[side] += 1
            here = at[side] < len(line) and line[at[side]][0] <= start
            sides.append(line[at[side]][2] if here else None)
        if sides != [None, None]:
            yield start, end, sides[0], sides[1]


def _timeline(items: _Given) -> list[tuple[float, float, Answers]]:
    """Half-open pieces [start, end) with their answers; sorted and disjoint.

    Several items on one frame have the same answers (contradictory rows are refused earlier), or one of them is
    unanswered and is ignored.
    """
    table = sorted(((*span, item) for item in items for span in item.spans), key=lambda row: (row[0], row[1]))
    line: list[tuple[float, float, Answers]] = []
    waiting: list[tuple[float, float, Answers]] = []
    for start, end, item in table:
        (line if item.answers else waiting).append((start, end + 1, item.answers))
    return _apart(line) if not waiting else _filled(_apart(line), _apart(waiting))


def _apart(line: list[tuple[float, float, Answers]]) -> list[tuple[float, float, Answers]]:
    """The pieces, sorted by start, without the parts that an earlier piece covers."""
    apart: list[tuple[float, float, Answers]] = []
    reach = -inf
    for start, end, answers in line:
        if end > reach:
            apart.append((max(start, reach), end, answers))
            reach = end
    return apart


def _filled(
    line: list[tuple[float, float, Answers]], between: list[tuple[float, float, Answers]]
) -> list[tuple[float, float, Answers]]:
    """`line`, and the parts of `between` that lie in its gaps; sorted by start."""
    filled, position = list(line), 0
    for start, end, answers in between:
        while position < len(line) and line[position][1] <= start:
            position += 1
        ahead = position
        while start < end and ahead < len(line) and line[ahead][0] < end:
            if line[ahead][0] > start:
                filled.append((start, line[ahead][0], answers))
            start, ahead = line[ahead][1], ahead + 1  # noqa: PLW2901 - what is left of the piece
        if start < end:
            filled.append((start, end, answers))
    return sorted(filled, key=itemgetter(0))
