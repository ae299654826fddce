"""Answers to attributes and classifications, from the JSON of answer lists."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from benchmark_qa.labels.annotations import ROW, Answer, Answers, Classification, DynamicAnswer, Span
from benchmark_qa.labels.errors import LabelReadError, hash_named
from benchmark_qa.labels.frames import FLAT, FRAMED, data_type, entries, name_of
from benchmark_qa.labels.ontology import Ontology, Question, QuestionType
from benchmark_qa.labels.shapes import MOST


def static_answers(row: Mapping[str, Any], ontology: Ontology, instances: Mapping[str, int]) -> dict[int, Answers]:
    """Answers that hold for the whole life of an object, by instance."""
    answers: dict[int, Answers] = {}
    for key, entry in entries(row, "object_answers"):
        # An answer left behind by an object that was deleted is skipped, as in the SDK.
        instance = instances.get(name_of(entry, "objectHash", key))
        if instance is not None:
            given = read_answers(entry.get("classifications") or [], ontology, f"object_answers[{key}].classifications")
            if given:
                answers[instance] = given
    return answers


def dynamic_answers(
    row: Mapping[str, Any], ontology: Ontology, instances: Mapping[str, int]
) -> dict[int, tuple[DynamicAnswer, ...]]:
    """Answers that hold for some frames of an object, by instance."""
    answers: dict[int, tuple[DynamicAnswer, ...]] = {}
    for key, entry in entries(row, "object_actions"):
        instance = instances.get(name_of(entry, "objectHash", key))
        actions = entry.get("actions") or []
        place = f"object_actions[{key}].actions"
        if not isinstance(actions, list):
            raise LabelReadError(place, "is not a list")
        if instance is not None and actions:
            answers[instance] = tuple(_dynamic(actions, ontology, place))
    return answers


def _dynamic(actions: list[Any], ontology: Ontology, place: str) -> Iterator[DynamicAnswer]:
    for index, action in enumerate(actions):
        here = f"{place}[{index}]"
        for question, answer in read_answers([action], ontology, here).items():
            space = action.get("spaceId")
            spans = read_spans(action.get("range") or [], f"{here}.range")
            yield DynamicAnswer(question, answer, spans, None if space is None else str(space))


def read_answers(items: object, ontology: Ontology, place: str) -> dict[str, Answer]:
    """Answers by question hash; a radio answer that does not name exactly one option is no answer, as in the SDK.

    Raises:
        LabelReadError: a question or an option is not in the ontology, or an answer is of the wrong type.
    """
    if not isinstance(items, list):
        raise LabelReadError(place, "is not a list")
    answers: dict[str, Answer] = {}
    for index, item in enumerate(items):
        here = f"{place}[{index}]"
        if not isinstance(item, Mapping):
            raise LabelReadError(here, "is not a JSON object")
        feature = item.get("featureHash")
        question = ontology.questions.get(feature) if isinstance(feature, str) else None
        if question is None:
            raise LabelReadError(here, f"feature {hash_named(feature)} is not in the ontology")
        answer = _answer(item.get("answers"), question, f"{here}.answers")
        before = answers.get(question.hash)
        if isinstance(answer, frozenset) and isinstance(before, frozenset):
            answer |= before  # the label editor writes one entry per ticked option
        if answer is not None:
            answers[question.hash] = answer
    return answers


def _answer(given: Any, question: Question, place: str) -> Answer | None:
    """One answer, or None where nothing was answered."""
    if given is None:
        return None
    match question.type:
        case QuestionType.TEXT:
            if not isinstance(given, str):
                raise LabelReadError(place, "is not a text")
            return given or None
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
    """Pairs [start, end], both ends included, sorted."""
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


ROOT = "root"
"""The space of the row itself, where a row models it as one; its classifications use the entry's own range."""


UNFRAMED_SPACES = frozenset({"audio", "time_series", "text", "html", "point_cloud"})


def classifications(row: Mapping[str, Any], ontology: Ontology) -> Iterator[Classification]:
    """Every classification instance, once per space it stands on."""
    framed = data_type(row) in FLAT | FRAMED
    kinds = {name: space.get("space_type") for name, space in entries(row, "spaces")}
    for key, entry in entries(row, "classification_answers"):
        place = f"classification_answers[{key}]"
        feature = entry.get("featureHash")
        if not feature:
            continue  # the SDK skips it too
        index = ontology.classification_index.get(feature) if isinstance(feature, str) else None
        if index is None:
            raise LabelReadError(place, f"feature {hash_named(feature)} is not in the ontology")
        whole = ontology.classifications[index].whole
        answers = read_answers(entry.get("classifications") or [], ontology, f"{place}.classifications")
        name = name_of(entry, "classificationHash", key)
        spaces = {space: where for space, where in entries(entry, "spaces") if space != ROOT}
        if not spaces:
            spans = read_spans(entry.get("range") or [], f"{place}.range")
            # On no frame of something that has frames, it is not there.
            if spans or whole or not framed:
                yield Classification(name, index, ROW, () if whole else spans, answers)
        for space, where in spaces.items():
            spans = ()
            if where.get("type") in (None, "frame"):
                spans = read_spans(where.get("range") or [], f"{place}.spaces[{space}].range")
            if spans or whole or kinds.get(space) in UNFRAMED_SPACES or kinds.get(space) is None:
                yield Classification(name, index, space, () if whole else spans, answers)
