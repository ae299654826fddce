"""Read answers to attributes and classifications; texts are normalised to what a person sees."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any
from unicodedata import normalize

from benchmark_qa.labels.annotations import ROW, Answer, Answers, Classification, DynamicAnswer, Span
from benchmark_qa.labels.errors import LabelReadError, hash_named
from benchmark_qa.labels.frames import FLAT, FRAMED, data_type, json_entries, name_of
from benchmark_qa.labels.ontology import Ontology, Question, QuestionType
from benchmark_qa.labels.shapes import MOST

_LINE_END = re.compile(r"[^\S\n]*(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])")
"""A line end, with the invisible spaces before it."""


_SPACE = re.compile(r"[^\S\n]")


_NO_WIDTH = re.compile("[\u00ad\u200b\u2060\ufeff]")
"""Soft hyphen, zero width space, word joiner, byte order mark: without width, they change no letter."""


def seen_text(text: str) -> str:
    r"""The normalised text (NFC, line ends as \n, no space at the ends); texts that look alike are equal.

    Upper and lower case, and the number of spaces between two words, stay different.

    >>> seen_text("cafe\u0301\u00a0noir \r\nfin ")
    'café noir\nfin'
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    plain = _LINE_END.sub("\n", _NO_WIDTH.sub("", normalize("NFC", text)))
    return _SPACE.sub(" ", plain).strip()


ROOT = "root"
"""Name of the row's own space, for rows that have one; its classifications use the entry's own range."""


UNFRAMED_SPACES = frozenset({"audio", "time_series", "text", "html", "point_cloud"})


MOST_ANSWERS = 250_000
"""Answers of one label row with their ranges; reading them takes about three seconds."""


class AnswerReader:
    """Reads the answers of one label row, and collects the questions with contradictory answers."""

    def __init__(self, row: Mapping[str, Any], ontology: Ontology) -> None:
        self.row = row
        self.ontology = ontology
        self.contradicted: set[str] = set()
        """Hashes of questions with two different answers about the same thing on the same frame."""
        self._read = 0

    def _spend(self, number: int, place: str) -> None:
        """Count answers or ranges before they are read, and refuse a row with more than `MOST_ANSWERS`."""
        self._read += number
        if self._read > MOST_ANSWERS:
            raise LabelReadError(place, f"is beyond the {MOST_ANSWERS:,} answers and ranges of a label row")

    def dynamic_answers(self, instances: Mapping[str, int]) -> dict[int, tuple[DynamicAnswer, ...]]:
        """Answers that hold for some frames of an object, by instance."""
        answers: dict[int, tuple[DynamicAnswer, ...]] = {}
        for key, entry in json_entries(self.row, "object_actions"):
            instance = instances.get(name_of(entry, "objectHash", key))
            actions = entry.get("actions") or []
            place = f"object_actions[{key}].actions"
            if not isinstance(actions, list):
                raise LabelReadError(place, "is not a list")
            if instance is not None and actions:
                answers[instance] = tuple(self._dynamic(actions, place))
                self._note_overlaps(answers[instance])
        return answers

    def _dynamic(self, actions: list[Any], place: str) -> Iterator[DynamicAnswer]:
        for index, action in enumerate(actions):
            here = f"{place}[{index}]"
            for question, answer in self.read_answers([action], here).items():
                space = action.get("spaceId")
                spans = self._spans(action, here)
                yield DynamicAnswer(question, answer, spans, None if space is None else str(space))

    def _note_overlaps(self, answers: Iterable[DynamicAnswer]) -> None:
        """Note questions with two different answers on one frame; ticks of one checklist are combined instead."""
        spans: defaultdict[str, defaultdict[str | None, list[tuple[Span, Answer]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for item in answers:
            if not isinstance(item.answer, frozenset):
                spans[item.question][item.space].extend((span, item.answer) for span in item.spans)
        for question, by_space in spans.items():
            everywhere = by_space.pop(None, [])
            if any(_contradict([*own, *everywhere]) for own in by_space.values() or [[]]):
                self.contradicted.add(question)

    def static_answers(
        self, instances: Mapping[str, int], dynamic: Mapping[int, tuple[DynamicAnswer, ...]]
    ) -> dict[int, Answers]:
        """Answers that hold for an object's whole life, by instance.

        A nested answer whose option is not chosen is left out, except if the object has dynamic answers: these can
        change the chosen option from frame to frame.
        """
        answers: dict[int, Answers] = {}
        for key, entry in json_entries(self.row, "object_answers"):
            # Answers of deleted objects stay in the JSON; they are skipped, as in the SDK.
            instance = instances.get(name_of(entry, "objectHash", key))
            if instance is not None:
                place = f"object_answers[{key}].classifications"
                given: Answers = self.read_answers(entry.get("classifications") or [], place)
                if instance not in dynamic:
                    given = asked_answers(given, self.ontology)
                if given:
                    answers[instance] = given
        return answers

    def classifications(self) -> tuple[Classification, ...]:
        """Every classification instance, once per space it belongs to."""
        found = tuple(self._classifications())
        spans: defaultdict[tuple[int, str], list[tuple[Span, Answers]]] = defaultdict(list)
        for item in found:
            if item.answers:
                spans[item.feature, item.space].extend((span, item.answers) for span in item.spans or (_WHOLE,))
        for (feature, _), own in spans.items():
            if _contradict(own):
                self.contradicted.add(self.ontology.classifications[feature].questions[0].hash)
        return found

    def _classifications(self) -> Iterator[Classification]:
        ontology = self.ontology
        framed = data_type(self.row) in FLAT | FRAMED
        kinds = {name: space.get("space_type") for name, space in json_entries(self.row, "spaces")}
        for key, entry in json_entries(self.row, "classification_answers"):
            place = f"classification_answers[{key}]"
            feature = entry.get("featureHash")
            if not feature:
                continue  # the SDK skips it too
            index = ontology.classification_index.get(feature) if isinstance(feature, str) else None
            if index is None:
                raise LabelReadError(place, f"feature {hash_named(feature)} is not in the ontology")
            whole = ontology.classifications[index].whole
            given = self.read_answers(entry.get("classifications") or [], f"{place}.classifications")
            answers = asked_answers(given, ontology)
            name = name_of(entry, "classificationHash", key)
            spaces = {space: where for space, where in json_entries(entry, "spaces") if space != ROOT}
            if not spaces:
                spans = self._spans(entry, place)
                # Without a frame, a classification of framed data does not exist.
                if spans or whole or not framed:
                    yield Classification(name, index, ROW, () if whole else spans, answers)
            for space, where in spaces.items():
                spans = ()
                if where.get("type") in (None, "frame"):
                    spans = self._spans(where, f"{place}.spaces[{space}]")
                if spans or whole or kinds.get(space) in UNFRAMED_SPACES or kinds.get(space) is None:
                    yield Classification(name, index, space, () if whole else spans, answers)

    def _spans(self, entry: Mapping[str, Any], place: str) -> tuple[Span, ...]:
        ranges = entry.get("range") or []
        if isinstance(ranges, list):
            self._spend(max(len(ranges) - 1, 0), f"{place}.range")  # the first is counted with its answer
        return read_spans(ranges, f"{place}.range")

    def read_answers(self, items: object, place: str) -> dict[str, Answer]:
        """Answers by question hash.

        A radio answer that does not name exactly one option counts as no answer, as in the SDK.

        Raises:
            LabelReadError: a question or an option is not in the ontology, or an answer has the wrong type.
        """
        if not isinstance(items, list):
            raise LabelReadError(place, "is not a list")
        self._spend(max(len(items), 1), place)
        answers: dict[str, Answer] = {}
        for index, item in enumerate(items):
            here = f"{place}[{index}]"
            if not isinstance(item, Mapping):
                raise LabelReadError(here, "is not a JSON object")
            feature = item.get("featureHash")
            question = self.ontology.questions.get(feature) if isinstance(feature, str) else None
            if question is None:
                raise LabelReadError(here, f"feature {hash_named(feature)} is not in the ontology")
            answer = _answer(item.get("answers"), question, f"{here}.answers")
            before = answers.get(question.hash)
            if isinstance(answer, frozenset) and isinstance(before, frozenset):
                answer |= before  # the label editor writes one entry per ticked option
            elif answer is not None and before is not None and answer != before:
                self.contradicted.add(question.hash)
            if answer is not None:
                answers[question.hash] = answer
        return answers


_WHOLE: Span = (-math.inf, math.inf)
"""The span of a classification of the whole data unit."""


def _contradict(spans: Iterable[tuple[Span, object]]) -> bool:
    """Whether two different answers share a frame."""
    last: tuple[float, object] | None = None
    """The greatest end so far, with its answer; other answers end before that answer begins."""
    for (start, end), answer in sorted(spans, key=itemgetter(0)):
        if last is None or (answer != last[1] and start > last[0]):
            last = end, answer
        elif answer == last[1]:
            last = max(end, last[0]), answer
        else:
            return True
    return False


def asked_answers(answers: Answers, ontology: Ontology) -> Answers:
    """The answers, without nested ones whose option is not chosen."""
    questions = ontology.questions
    if all(questions[key].parent is None for key in answers):
        return answers
    return {key: answer for key, answer in answers.items() if _is_asked(questions[key], answers, questions)}


def _is_asked(question: Question, answers: Answers, questions: Mapping[str, Question]) -> bool:
    while question.parent is not None:
        if not is_ticked(answers.get(question.parent), question.parent_option):
            return False
        question = questions[question.parent]
    return True


def is_ticked(answer: Answer | None, option: str | None) -> bool:
    """Whether an answer to a radio or checklist question contains this option."""
    return option in answer if isinstance(answer, frozenset) else answer is not None and answer == option


def _answer(given: Any, question: Question, place: str) -> Answer | None:
    """One answer, or None if there is none."""
    if given is None:
        return None
    match question.type:
        case QuestionType.TEXT:
            if not isinstance(given, str):
                raise LabelReadError(place, "is not a text")
            return seen_text(given) or None
        case QuestionType.NUMERIC:
            if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
                raise LabelReadError(place, "is not a number")
            return float(given)
    options = _options(given, question, place)
    if question.type is QuestionType.RADIO:
        return options[0] if len(options) == 1 else None
    return frozenset(options) or None


def _options(given: Any, question: Question, place: str) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(option, Mapping) for option in given):
        raise LabelReadError(place, "is not a list of options")
    options = [option.get("featureHash") for option in given]
    for option in options:
        if not isinstance(option, str) or option not in question.options:
            raise LabelReadError(place, f"option {hash_named(option)} is not in the ontology")
    return options


def read_spans(ranges: object, place: str) -> tuple[Span, ...]:
    """Pairs [start, end] that include both ends, sorted."""
    if not isinstance(ranges, list):
        raise LabelReadError(place, "is not a list")
    spans = []
    for item in ranges:
        if not isinstance(item, list | tuple) or len(item) != 2:
            raise LabelReadError(place, "holds something that is not a [start, end] pair")
        try:
            start, end = float(item[0]), float(item[1])
        except (TypeError, ValueError, OverflowError):
            raise LabelReadError(place, "holds a range whose ends are not numbers") from None
        if not (abs(start) <= MOST and abs(end) <= MOST):
            raise LabelReadError(place, "holds a range whose ends are not finite")
        if start > end:
            raise LabelReadError(place, "holds a range that ends before it starts")
        spans.append((start, end))
    return tuple(sorted(spans))
