"""Names of classes, attributes and options in other people's labels to those of an ontology.

By name, letter for letter; where the names differ, people state it: `car=Vehicle`, `car/colour=paint` for an attribute,
`car/colour/red=crimson` for an option. Nothing is guessed: what has no counterpart is reported.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Self

from benchmark_qa.formats.classes import Classes
from benchmark_qa.labels.ontology import ClassificationClass, ObjectClass, Question


class MappingError(ValueError):
    """A stated mapping is not well formed, or names what the ontology does not have."""


class UnmappedError(ValueError):
    """Something in the labels has no counterpart in the ontology; the message names it."""


def parse_mapping(lines: Iterable[str]) -> dict[str, str]:
    """Read `name=name in the ontology`; the last equals sign divides, as names may hold one.

    Raises:
        MappingError: a line has no equals sign, or names the same thing twice.
    """
    stated: dict[str, str] = {}
    for line in lines:
        source, equals, target = line.rpartition("=")
        source, target = source.strip(), target.strip()
        if not equals or not source or not target:
            raise MappingError(f"{line!r} is no mapping: write car=Vehicle")
        if stated.setdefault(source, target) != target:
            raise MappingError(f"{source!r} is mapped twice, to {stated[source]!r} and to {target!r}")
    return stated


def mapping_of_document(document: object) -> dict[str, str]:
    """A mapping as a JSON object of names.

    Raises:
        MappingError
    """
    if not isinstance(document, Mapping) or not all(isinstance(value, str) for value in document.values()):
        raise MappingError('a mapping file is a JSON object of names: {"car": "Vehicle"}')
    return {str(source): str(target) for source, target in document.items()}


@dataclass(frozen=True)
class Target:
    """The ontology that labels are made for, and the names under which they know it."""

    classes: Classes
    stated: Mapping[str, str]

    @classmethod
    def of(cls, editor: Mapping[str, Any], stated: Mapping[str, str]) -> Self:
        """The target of an ontology's `editor` JSON.

        Raises:
            LabelReadError: the ontology is not well formed.
            MappingError: a stated class is not in the ontology.
        """
        target = cls(Classes.of(editor), stated)
        for source, name in stated.items():
            if "/" not in source and name not in target._objects and name not in target._classifications:
                raise MappingError(f"{source}={name}: the ontology has no class {name!r}{target._like(name)}")
        return target

    def objects(self, name: str) -> list[ObjectClass]:
        """The object classes that a name means, of whatever shape.

        Raises:
            UnmappedError: there is none.
        """
        found = self._objects.get(self.stated.get(name, name))
        if not found:
            raise UnmappedError(f"the ontology has no class {name!r}{self._like(name)}")
        return found

    def classification(self, name: str) -> ClassificationClass:
        """The classification that a name means.

        Raises:
            UnmappedError: there is none, or several.
        """
        found = self._classifications.get(self.stated.get(name, name), [])
        if len(found) != 1:
            what = f"{len(found)} classifications" if found else "no classification"
            raise UnmappedError(f"the ontology has {what} {name!r}{'' if found else self._like(name)}")
        return found[0]

    def question(self, owner: str, item: ObjectClass | ClassificationClass, name: str) -> Question:
        """The attribute of a class that a name means.

        Args:
            owner: the class as the labels name it.
            item: the class.
            name: the attribute as the labels name it.

        Raises:
            UnmappedError: there is none, or several.
        """
        wanted = self.stated.get(f"{owner}/{name}", name)
        found = [question for question in item.questions if question.name == wanted and not question.archived]
        if len(found) != 1:
            what = f"{len(found)} attributes" if found else "no attribute"
            raise UnmappedError(f"class {item.name!r} has {what} {wanted!r}")
        return found[0]

    def option(self, owner: str, question_name: str, question: Question, name: str) -> tuple[str, str]:
        """The option of an attribute that a name means: its hash and its label.

        Raises:
            UnmappedError: there is none, or several.
        """
        wanted = self.stated.get(f"{owner}/{question_name}/{name}", name)
        found = [(own, label) for own, label in question.options.items() if label == wanted]
        if len(found) != 1:
            what = f"{len(found)} options" if found else "no option"
            raise UnmappedError(f"attribute {question.name!r} has {what} {wanted!r}")
        return found[0]

    @cached_property
    def _objects(self) -> dict[str, list[ObjectClass]]:
        """By name; and by the name that tells classes of one name apart, as the exports write it."""
        named: dict[str, list[ObjectClass]] = {}
        for item, own in zip(self.classes.ontology.objects, self.classes.names, strict=True):
            if not item.archived:
                named.setdefault(item.name, []).append(item)
                if own != item.name:
                    named.setdefault(own, []).append(item)
        return named

    @cached_property
    def _classifications(self) -> dict[str, list[ClassificationClass]]:
        named: dict[str, list[ClassificationClass]] = {}
        for item in self.classes.ontology.classifications:
            if not item.archived:
                named.setdefault(item.name, []).append(item)
        return named

    def _like(self, name: str) -> str:
        """A hint for who has misspelt a name."""
        known = [*self._objects, *self._classifications]
        lowered = {each.casefold(): each for each in known}
        close = get_close_matches(name.casefold(), list(lowered), n=3)
        likely = [repr(lowered[each]) for each in close] or [repr(each) for each in sorted(known)[:10]]
        return f"; it has {', '.join(likely)}" if likely else ""
