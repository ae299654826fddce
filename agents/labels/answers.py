"""Answers to attributes and classifications, from the JSON of `classifications` lists."""

import math
from collections.abc import Mapping
from typing import Any

from agents.labels.annotations import Answer
from agents.labels.errors import LabelReadError
from agents.labels.ontology import Question, QuestionType


def read_answers(items: object, questions: Mapping[str, Question], place: str) -> dict[str, Answer]:
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
        question = questions.get(item.get("featureHash", ""))
        if question is None:
            raise LabelReadError(here, f"feature {item.get('featureHash')!r} is not in the ontology")
        answer = read_answer(item.get("answers"), question, f"{here}.answers")
        if answer is not None:
            answers[question.hash] = answer
    return answers


def read_answer(given: Any, question: Question, place: str) -> Answer | None:
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
        if option not in question.options:
            raise LabelReadError(place, f"option {option!r} is not in the ontology")
    return options
