"""Map names of classes and options in other formats to those of an ontology, and number its classes.

Names must look equal, including case; the coding of accents and spaces does not matter. If they differ, people state
the mapping: `car=Vehicle`, `car/colour=paint` for an attribute, `car/colour/red=crimson` for an option. Nothing is
guessed; a name without a counterpart is reported.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Self

from benchmark_qa.formats.regions import BOX_SHAPES, KEYPOINT_SHAPES, POINT_NAME
from benchmark_qa.labels.answers import seen_text
from benchmark_qa.labels.ontology import ClassificationClass, ObjectClass, Ontology, Question, QuestionType, Shape


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The keypoints of a class, in order, and the edges between them (positions from 0)."""

    nodes: tuple[str, ...]
    """Feature hash of each node, or its name if it has none."""
    names: tuple[str, ...]
    edges: tuple[tuple[int, int], ...] = ()


SINGLE_POINT = Skeleton((POINT_NAME,), (POINT_NAME,))


@dataclass(frozen=True)
class Classes:
    """Object classes by their position in the ontology, with unique names."""

    ontology: Ontology
    names: tuple[str, ...]
    """Names by position; equal names get the shape added, and the hash if they are still equal."""
    skeletons: Mapping[int, Skeleton]
    """By position, for classes drawn as keypoints; skeleton classes without a template are left out."""

    @classmethod
    def of(cls, editor: Mapping[str, Any]) -> Self:
        """The classes of an ontology's `editor` JSON.

        Raises:
            LabelReadError: it is not well formed.
        """
        ontology = Ontology.from_editor(editor)
        templates = {key: template for template in _templates(editor) for key in _names_of(template)}
        skeletons = {}
        for place, item in enumerate(ontology.objects):
            if item.shape is Shape.POINT:
                skeletons[place] = SINGLE_POINT
            elif item.shape is Shape.SKELETON:
                template = templates.get(item.hash) or templates.get(item.name)
                if template:
                    skeletons[place] = _skeleton(template)
        return cls(ontology, _different_names(ontology.objects), skeletons)

    @cached_property
    def numbers(self) -> dict[int, int]:
        """Class numbers from 0 by position, of the classes that any format can hold; the only numbering.

        YOLO writes the number, COCO the number + 1 (0 is the background in many models).
        """
        drawn = self.of_shapes(BOX_SHAPES | KEYPOINT_SHAPES)
        return {place: number for number, place in enumerate(drawn)}

    def table(self) -> list[dict[str, Any]]:
        """The numbers with names, as in `classes.json` of an export; `id` is COCO's, `number` is YOLO's."""
        return [
            {
                "number": number,
                "id": number + 1,
                "name": self.names[place],
                "shape": self.ontology.objects[place].shape.value,
                "feature_hash": self.ontology.objects[place].hash,
            }
            for place, number in self.numbers.items()
        ]

    def of_shapes(self, shapes: Collection[Shape]) -> list[int]:
        """Positions of the classes that are drawn with one of these shapes."""
        return [place for place, item in enumerate(self.ontology.objects) if item.shape in shapes]


def _different_names(objects: tuple[ObjectClass, ...]) -> tuple[str, ...]:
    plain = [item.name for item in objects]
    shaped = [
        f"{name} ({item.shape.value})" if plain.count(name) > 1 else name
        for name, item in zip(plain, objects, strict=True)
    ]
    return tuple(
        f"{name} {item.hash}" if shaped.count(name) > 1 else name for name, item in zip(shaped, objects, strict=True)
    )


def _templates(editor: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for entry in editor.get("skeleton_templates") or ():
        template = entry.get("template", entry) if isinstance(entry, Mapping) else None
        if isinstance(template, Mapping):
            yield template


def _names_of(template: Mapping[str, Any]) -> list[str]:
    keys = (template.get("feature_node_hash"), template.get("featureNodeHash"), template.get("name"))
    return [key for key in keys if isinstance(key, str)]


def _skeleton(template: Mapping[str, Any]) -> Skeleton:
    listed = template.get("skeleton") or {}
    keys = sorted(listed, key=int)
    edges = template.get("skeletonEdges") or template.get("skeleton_edges") or {}
    return Skeleton(
        tuple(str(listed[key].get("featureHash") or listed[key].get("name")) for key in keys),
        tuple(str(listed[key].get("name")) for key in keys),
        tuple(
            sorted(
                {
                    (keys.index(start), keys.index(end))
                    for start, ends in edges.items()
                    for end in ends
                    if start in keys and end in keys
                }
            )
        ),
    )


class MappingError(ValueError):
    """A stated mapping is not well formed, or names something that is not in the ontology."""


class UnmappedError(ValueError):
    """A name in the labels has no counterpart in the ontology; the message gives the name."""


def parse_mapping(lines: Iterable[str]) -> dict[str, str]:
    """Read lines `name=name in the ontology`; names may contain `=`, so the last one separates.

    Raises:
        MappingError: a line has no equals sign, or a name is mapped twice.
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
    """A mapping from a JSON object of names.

    Raises:
        MappingError
    """
    if not isinstance(document, Mapping) or not all(isinstance(value, str) for value in document.values()):
        raise MappingError('a mapping file is a JSON object of names: {"car": "Vehicle"}')
    return {str(source): str(target) for source, target in document.items()}


@dataclass(frozen=True)
class Target:
    """The ontology that labels are converted to, with the stated mapping of names."""

    classes: Classes
    stated: Mapping[str, str]

    @classmethod
    def of(cls, editor: Mapping[str, Any], stated: Mapping[str, str]) -> Self:
        """The target for an ontology's `editor` JSON.

        Raises:
            LabelReadError: the ontology is not well formed.
            MappingError: a stated class is not in the ontology.
        """
        target = cls(Classes.of(editor), stated)
        for source, name in stated.items():
            if "/" not in source and seen_text(name) not in {*target._objects, *target._classifications}:
                raise MappingError(f"{source}={name}: the ontology has no class {name!r}{target._like(name)}")
        return target

    def objects(self, name: str) -> list[ObjectClass]:
        """The object classes that a name means, of any shape.

        Raises:
            UnmappedError: there is none.
        """
        found = self._objects.get(seen_text(self.stated.get(name, name)))
        if not found:
            raise UnmappedError(f"the ontology has no class {name!r}{self._like(name)}")
        return found

    def classification(self, name: str) -> ClassificationClass:
        """The classification that a name means.

        Raises:
            UnmappedError: there is none, or several.
        """
        found = self._classifications.get(seen_text(self.stated.get(name, name)), [])
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
        wanted = seen_text(self.stated.get(f"{owner}/{name}", name))
        found = [each for each in item.questions if seen_text(each.name) == wanted and not each.archived]
        if len(found) != 1:
            what = f"{len(found)} attributes" if found else "no attribute"
            raise UnmappedError(f"class {item.name!r} has {what} {wanted!r}")
        return found[0]

    def option(self, owner: str, question_name: str, question: Question, name: str) -> tuple[str, str]:
        """Hash and label of the option that a name means.

        Raises:
            UnmappedError: there is none, or several.
        """
        wanted = seen_text(self.stated.get(f"{owner}/{question_name}/{name}", name))
        found = [(own, label) for own, label in question.options.items() if seen_text(label) == wanted]
        if len(found) != 1:
            what = f"{len(found)} options" if found else "no option"
            raise UnmappedError(f"attribute {question.name!r} has {what} {wanted!r}")
        return found[0]

    @cached_property
    def _objects(self) -> dict[str, list[ObjectClass]]:
        """Object classes by name; classes with equal names also by the unique name that exports write."""
        named: dict[str, list[ObjectClass]] = {}
        for item, own in zip(self.classes.ontology.objects, self.classes.names, strict=True):
            if not item.archived:
                named.setdefault(seen_text(item.name), []).append(item)
                if own != item.name:
                    named.setdefault(seen_text(own), []).append(item)
        return named

    @cached_property
    def _classifications(self) -> dict[str, list[ClassificationClass]]:
        named: dict[str, list[ClassificationClass]] = {}
        for item in self.classes.ontology.classifications:
            if not item.archived:
                named.setdefault(seen_text(item.name), []).append(item)
        return named

    def _like(self, name: str) -> str:
        """A hint with a similar name, for misspelt names."""
        known = [*self._objects, *self._classifications]
        lowered = {each.casefold(): each for each in known}
        close = get_close_matches(name.casefold(), list(lowered), n=3)
        likely = [repr(lowered[each]) for each in close] or [repr(each) for each in sorted(known)[:10]]
        return f"; it has {', '.join(likely)}" if likely else ""


BOOKKEEPING = frozenset({"track_id", "encord_track_uuid", "rotation", "manual_annotation", "occluded", "keyframe"})
"""Attributes that tools write for every annotation, even if the ontology does not have them."""


def answers_of(
    attributes: object, owner: str, item: ObjectClass, target: Target
) -> tuple[list[dict[str, Any]], list[str]]:
    """Answers to an object's attributes, and the reasons why the others have no counterpart.

    Args:
        attributes: of a COCO annotation; Encord's export has them under `classifications`. None: no answers.
        owner: the class as the file names it.
        item: the class in the ontology.
        target: the names.

    Encord's export writes a checklist as one boolean per option, under the option's name alone. A name that is no
    attribute, but an option of exactly one checklist, means that option.
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
    """The checklists of a class with an option of that name."""
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
    """The option as a text; booleans as in JSON."""
    return str(option).lower() if isinstance(option, bool) else str(option)
