"""Attributes of COCO annotations, by name, to answers of an ontology: as CVAT and Encord's own export write them."""

from collections.abc import Mapping
from typing import Any

from benchmark_qa.formats.class_mapping import Target, UnmappedError
from benchmark_qa.labels.ontology import ObjectClass, Question, QuestionType

BOOKKEEPING = frozenset({"track_id", "encord_track_uuid", "rotation", "manual_annotation", "occluded", "keyframe"})
"""What tools write about every annotation, whether the ontology asks for it or not"""


def answers_of(
    attributes: object, owner: str, item: ObjectClass, target: Target
) -> tuple[list[dict[str, Any]], list[str]]:
    """Answers to the attributes of an object, and why the others have no place in the ontology.

    Args:
        attributes: of a COCO annotation; Encord's export has them under `classifications`. None: no answers.
        owner: the class as the file names it.
        item: the class in the ontology.
        target: the names.

    Encord's export writes a checklist as one truth value for each option, under the option's bare name; a name that is
    no attribute's and an option's of one checklist only means that option.
    """
    if not isinstance(attributes, Mapping):
        return [], []
    own = {name: value for name, value in attributes.items() if name != "classifications"}
    nested = attributes.get("classifications")
    given = own | (dict(nested) if isinstance(nested, Mapping) else {})
    asked = {question.name for question in item.questions}
    answers, problems = [], []
    ticked: dict[str, tuple[Question, list[str]]] = {}
    for name, value in given.items():
        stated = target.stated.get(f"{owner}/{name}", name)
        if value is None or value == "" or (name in BOOKKEEPING and stated not in asked):
            continue
        if isinstance(value, bool) and stated not in asked and (found := _checklists(stated, item)):
            if value and len(found) == 1:
                ticked.setdefault(found[0].hash, (found[0], []))[1].append(stated)
            elif value:
                problems.append(f"option {stated!r} is in {len(found)} checklists of class {item.name!r}")
            continue
        try:
            answers.append(_answer(name, value, owner, target.question(owner, item, name), target))
        except UnmappedError as error:
            problems.append(str(error))
    for question, options in ticked.values():
        try:
            answers.append(_answer(question.name, options, owner, question, target))
        except UnmappedError as error:
            problems.append(str(error))
    return answers, problems


def _checklists(option: str, item: ObjectClass) -> list[Question]:
    """The checklists of a class that have an option of that name."""
    return [
        question
        for question in item.questions
        if question.type is QuestionType.CHECKLIST and not question.archived and option in question.options.values()
    ]


def _answer(name: str, value: object, owner: str, question: Question, target: Target) -> dict[str, Any]:
    if question.dynamic:
        raise UnmappedError(f"attribute {question.name!r} is dynamic, which COCO does not know")
    match question.type:
        case QuestionType.TEXT:
            answers: object = str(value)
        case QuestionType.NUMERIC:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise UnmappedError(f"attribute {question.name!r} is a number, {value!r} is none")
            answers = value
        case _:
            options = value if isinstance(value, list) else [value]
            answers = [_option(target.option(owner, name, question, _name(option))) for option in options]
    return {"name": question.name, "featureHash": question.hash, "answers": answers, "manualAnnotation": True}


def _option(found: tuple[str, str]) -> dict[str, str]:
    return {"name": found[1], "featureHash": found[0]}


def _name(option: object) -> str:
    """Booleans as JSON writes them."""
    return str(option).lower() if isinstance(option, bool) else str(option)
