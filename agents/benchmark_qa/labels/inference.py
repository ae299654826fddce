"""Infer an ontology from label rows, for exports without one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmark_qa.labels.errors import LabelReadError, hash_named, word_named
from benchmark_qa.labels.ontology import (
    SHAPES,
    ClassificationClass,
    ObjectClass,
    Ontology,
    Question,
    QuestionType,
    Shape,
)


def infer_ontology(rows: Iterable[Mapping[str, Any]]) -> Ontology:
    """The classes, questions and options that appear in these label rows.

    A list of options becomes a checklist; a single ticked option then agrees exactly like a radio answer. Labels do not
    show nesting, so every question is compared on its own.
    """
    notes = _Notes()
    for row in rows:
        notes.read(row)
    return notes.ontology()


@dataclass
class _Draft:
    """Known facts about one class."""

    name: str
    shape: str = ""
    questions: dict[str, Question] = field(default_factory=dict)
    options: dict[str, dict[str, str]] = field(default_factory=dict)

    def note(self, answers: Iterable[Mapping[str, Any]]) -> None:
        for answer in answers:
            given, key = answer.get("answers"), answer.get("featureHash")
            if not isinstance(key, str):
                continue
            kind = _question_type(given)
            options = self.options.setdefault(key, {})
            if kind is QuestionType.CHECKLIST:
                options |= {str(o.get("featureHash")): str(o.get("name", "")) for o in given or ()}
            name = str(answer.get("name", key))
            self.questions[key] = Question(key, name, kind, bool(answer.get("dynamic")), options=options)


class _Notes:
    def __init__(self) -> None:
        self.objects: dict[str, _Draft] = {}
        self.classifications: dict[str, _Draft] = {}

    def read(self, row: Mapping[str, Any]) -> None:
        drawn: dict[str, str] = {}
        for item in _objects(row):
            feature = item.get("featureHash")
            if isinstance(feature, str):
                draft = self.objects.setdefault(feature, _Draft(str(item.get("name", feature))))
                draft.shape = str(item.get("shape", draft.shape))
                drawn[str(item.get("objectHash"))] = feature
        for key, answers in ("object_answers", "classifications"), ("object_actions", "actions"):
            for entry in _values(row.get(key)):
                if feature := drawn.get(str(entry.get("objectHash"))):
                    self.objects[feature].note(_dicts(entry.get(answers)))
        for entry in _values(row.get("classification_answers")):
            feature = entry.get("featureHash")
            if isinstance(feature, str):
                given = list(_dicts(entry.get("classifications")))
                name = str(given[0].get("name", feature)) if given else feature
                self.classifications.setdefault(feature, _Draft(name)).note(given)

    def ontology(self) -> Ontology:
        for feature, draft in self.objects.items():
            if draft.shape not in SHAPES:
                raise LabelReadError(
                    "label row", f"shape {word_named(draft.shape)} of feature {hash_named(feature)} is not known"
                )
        return Ontology(
            tuple(
                ObjectClass(key, draft.name, Shape(draft.shape), questions=tuple(draft.questions.values()))
                for key, draft in self.objects.items()
            ),
            tuple(
                ClassificationClass(key, draft.name, questions=tuple(draft.questions.values()))
                for key, draft in self.classifications.items()
            ),
        )


def _question_type(given: object) -> QuestionType:
    if isinstance(given, str):
        return QuestionType.TEXT
    return QuestionType.NUMERIC if isinstance(given, int | float) else QuestionType.CHECKLIST


def _objects(row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every drawing and every object on a range, in any place of the row."""
    for holder in (*_values(row.get("data_units")), *_values(row.get("spaces"))):
        labels = holder.get("labels")
        if isinstance(labels, Mapping):
            yield from _dicts(labels.get("objects"))
            for frame in _values(labels):
                yield from _dicts(frame.get("objects"))
    for entry in _values(row.get("object_answers")):
        if "shape" in entry:
            yield entry


def _values(holder: object) -> list[Mapping[str, Any]]:
    return list(_dicts(list(holder.values()))) if isinstance(holder, Mapping) else []


def _dicts(items: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(items, list):
        yield from (item for item in items if isinstance(item, Mapping))
