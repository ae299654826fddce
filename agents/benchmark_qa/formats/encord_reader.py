"""Read label rows in Encord's JSON (exports, or another project's rows) into labels for an ontology.

Features are found by name. A feature with the same hash in the ontology, and without a stated mapping, is kept.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmark_qa.formats.class_mapping import Target, UnmappedError
from benchmark_qa.formats.coco_reader import UndrawableError
from benchmark_qa.formats.drawn_shapes import require_on_image
from benchmark_qa.formats.label_parts import (
    InputFault,
    Json,
    Labelled,
    LabelParts,
    LabelReading,
    LayoutError,
    drawn,
    parts_of,
)
from benchmark_qa.labels.ontology import ClassificationClass, ObjectClass, Question

_BROKEN = (KeyError, TypeError, ValueError, AttributeError)


class NotLabelRowsError(ValueError):
    """The document does not hold label rows as Encord exports them."""


def label_rows_of(document: object) -> list[Json]:
    """The label rows of an export: a list of rows, or a single row.

    Raises:
        NotLabelRowsError
    """
    rows: list[Any] = document if isinstance(document, list) else [document]
    if not rows or not all(isinstance(row, Mapping) and isinstance(row.get("data_units"), Mapping) for row in rows):
        raise NotLabelRowsError("the file is no export of label rows: something in it has no data_units")
    return rows


def read_label_rows(rows: Iterable[Json], target: Target) -> LabelReading:
    """Labels of every label row, with the features of the target's ontology."""
    labelled, faults = [], []
    for row in rows:
        name = str(row.get("data_title") or row.get("data_hash"))
        translation = _Translation(target, [])
        try:
            parts = translation.of_parts(parts_of(row))
        except (LayoutError, *_BROKEN) as error:
            reason = str(error) if isinstance(error, LayoutError) else "is not well formed as a label row"
            faults.append(InputFault(name, reason))
            continue
        faults += [InputFault(name, reason) for reason in dict.fromkeys(translation.problems)]
        labelled.append(
            Labelled(
                name=name,
                parts=parts,
                data_hash=str(row["data_hash"]) if row.get("data_hash") else None,
                urls=tuple(_links(row)),
                titles=(str(row["data_title"]),) if row.get("data_title") else (),
            )
        )
    return LabelReading(tuple(labelled), tuple(faults))


def _links(row: Json) -> Iterator[str]:
    """The file's URL, for rows of a single file; expired signed links are harmless."""
    units = list(row["data_units"].values())
    if len(units) == 1 and units[0].get("data_link"):
        yield str(units[0]["data_link"])


@dataclass
class _Translation:
    """Translates a label row's features to the ontology's; those without a counterpart are left out."""

    target: Target
    problems: list[str]

    def of_parts(self, parts: LabelParts) -> LabelParts:
        """Translate every part of a row's labels."""
        owners = {str(drawing["objectHash"]): drawing for unit in parts.units for _, drawing in drawn(unit)} | {
            own: entry for own, entry in parts.object_answers.items() if entry.get("featureHash")
        }
        classes = {own: item for own, entry in owners.items() if (item := self.object_class(entry)) is not None}
        names = {own: str(entry.get("name")) for own, entry in owners.items()}
        return LabelParts(
            units=tuple(self.of_unit(unit, classes) for unit in parts.units),
            object_answers={
                own: self._recast(entry, classes[own]) | {"classifications": self._answers(entry, names[own], item)}
                for own, entry in parts.object_answers.items()
                if (item := classes.get(own)) is not None
            },
            classification_answers=dict(self.of_classifications(parts.classification_answers)),
            object_actions={
                own: {**entry, "actions": self._of_list(entry.get("actions"), names[own], classes[own])}
                for own, entry in parts.object_actions.items()
                if own in classes
            },
        )

    def of_unit(self, labels: Json, classes: Mapping[str, ObjectClass]) -> Json:
        """Translate the labels of one file: of an image, or frame by frame."""
        if "objects" in labels:
            return {"objects": self._drawings(labels["objects"], classes), "classifications": []}
        return {
            frame: {
                "objects": self._drawings(content.get("objects"), classes, f" at frame {frame}"),
                "classifications": [],
            }
            for frame, content in labels.items()
        }

    def object_class(self, entry: Json) -> ObjectClass | None:
        """The class of an object with the same shape; notes a problem and returns None if there is none."""
        name, feature, shape = str(entry.get("name")), entry.get("featureHash"), entry.get("shape")
        ontology = self.target.classes.ontology
        if feature in ontology.object_index and name not in self.target.stated:
            return ontology.objects[ontology.object_index[str(feature)]]
        try:
            found = [item for item in self.target.objects(name) if item.shape == shape]
        except UnmappedError as error:
            self.problems.append(str(error))
            return None
        if len(found) != 1:
            many = f"{len(found)} classes" if found else "no class"
            self.problems.append(f"the ontology has {many} {name!r} of shape {shape}")
            return None
        return found[0]

    def of_classifications(self, answers: Json) -> Iterator[tuple[str, Json]]:
        """Translate the classifications of the data unit."""
        for own, entry in answers.items():
            found = self._classification(entry)
            if found is not None:
                name, item = found
                yield own, {**entry, "featureHash": item.hash, "classifications": self._answers(entry, name, item)}

    def _classification(self, entry: Json) -> tuple[str, ClassificationClass] | None:
        """The classification's name in the labels, and its class in the ontology."""
        ontology, feature = self.target.classes.ontology, entry.get("featureHash")
        names = [str(root.get("name")) for root in entry.get("classifications") or []]
        if feature in ontology.classification_index and not any(name in self.target.stated for name in names):
            known = ontology.classifications[ontology.classification_index[str(feature)]]
            return known.name, known
        refused = None
        for name in names:  # parents and children are in one list; the root is the one that is a classification
            try:
                return name, self.target.classification(name)
            except UnmappedError as error:
                refused = refused or str(error)
        self.problems.append(refused or "a classification has no answer by which it could be known")
        return None

    def _drawings(
        self, drawings: Iterable[Json] | None, classes: Mapping[str, ObjectClass], where: str = ""
    ) -> list[Json]:
        """The objects of a frame with their features; notes those that nobody could match."""
        kept: dict[str, Json] = {}
        for drawing in drawings or ():
            own = drawing["objectHash"]
            if own not in classes or drawing.get("isDeleted"):
                continue
            try:
                if own in kept:
                    raise UndrawableError("is drawn twice in one frame")
                require_on_image(drawing)
            except UndrawableError as error:
                self.problems.append(f"object {own} ({classes[own].name}){where} {error}")
                continue
            kept[own] = self._recast(drawing, classes[own])
        return list(kept.values())

    def _recast(self, entry: Json, item: ObjectClass) -> dict[str, Any]:
        if not entry.get("featureHash"):
            return dict(entry)
        return {**entry, "featureHash": item.hash, "name": item.name, **self._skeleton(entry, item)}

    def _skeleton(self, drawing: Json, item: ObjectClass) -> dict[str, Any]:
        """A skeleton's points with the hashes of the ontology's template."""
        points = drawing.get("skeleton")
        template = self.target.classes.skeletons.get(self.target.classes.ontology.object_index[item.hash])
        if not points or template is None:
            return {}
        nodes = dict(zip(template.names, template.nodes, strict=True))
        listed = points.items() if isinstance(points, Mapping) else ((str(i), p) for i, p in enumerate(points))
        return {
            "skeleton": {
                place: {**point, "featureHash": nodes.get(str(point.get("name")), point.get("featureHash"))}
                for place, point in listed
            }
        }

    def _answers(self, entry: Json, owner: str, item: ObjectClass | ClassificationClass) -> list[Json]:
        return self._of_list(entry.get("classifications"), owner, item)

    def _of_list(
        self, entries: Iterable[Json] | None, owner: str, item: ObjectClass | ClassificationClass
    ) -> list[Json]:
        translated = []
        for entry in entries or ():
            try:
                translated.append(self._answer(entry, owner, item))
            except UnmappedError as error:
                self.problems.append(str(error))
        return translated

    def _answer(self, entry: Json, owner: str, item: ObjectClass | ClassificationClass) -> Json:
        name = str(entry.get("name"))
        question = self._question(entry, owner, item)
        answers = entry.get("answers")
        if isinstance(answers, list):
            answers = [self._option(option, owner, name, question) for option in answers]
        return {**entry, "name": question.name, "featureHash": question.hash, "answers": answers}

    def _question(self, entry: Json, owner: str, item: ObjectClass | ClassificationClass) -> Question:
        name, feature = str(entry.get("name")), entry.get("featureHash")
        own = next((question for question in item.questions if question.hash == feature), None)
        if own is not None and f"{owner}/{name}" not in self.target.stated:
            return own
        if isinstance(item, ClassificationClass) and self.target.stated.get(name, name) == item.name:
            return item.questions[0]
        return self.target.question(owner, item, name)

    def _option(self, option: Json, owner: str, question_name: str, question: Question) -> Json:
        name, feature = str(option.get("name")), option.get("featureHash")
        if feature in question.options and f"{owner}/{question_name}/{name}" not in self.target.stated:
            return option
        own, label = self.target.option(owner, question_name, question, name)
        return {**option, "name": label, "featureHash": own}
