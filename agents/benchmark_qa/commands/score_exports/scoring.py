"""Read labels of both sides from disk, join them by data unit, group them by annotator, score them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from benchmark_qa.config.explain import explain
from benchmark_qa.engine.config import ScoringConfig
from benchmark_qa.engine.errors import ScoringError
from benchmark_qa.engine.result import TaskScore
from benchmark_qa.engine.task import score_task
from benchmark_qa.formats.class_mapping import BOOKKEEPING, SINGLE_POINT, Classes, Skeleton, Target
from benchmark_qa.formats.coco_building import CocoDocument
from benchmark_qa.formats.coco_labels import read_coco
from benchmark_qa.formats.coco_reader import CocoError, id_text, size_of
from benchmark_qa.formats.drawn_shapes import EXACT, EXACT_KEY
from benchmark_qa.formats.label_parts import ImageSize, Labelled, LabelReading
from benchmark_qa.images.data_units import DataUnit, ImageMap, joined_labels, sized
from benchmark_qa.labels.annotations import Annotations, created_by, creators, label_creators
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.labels.inference import infer_ontology
from benchmark_qa.labels.ontology import ObjectClass, Ontology, Question, QuestionType, Shape
from benchmark_qa.labels.reader import read_label_row
from benchmark_qa.terminal.files import ExportError, TableRow, load_json, load_rows
from benchmark_qa.terminal.image_maps import ExportMap
from benchmark_qa.terminal.label_files import read_foreign

Grouping = Literal["known", "branch", "creator"]
"""`known`: by creator if the labels name one, else by branch."""


@dataclass(frozen=True)
class ScoredTask:
    """One annotator's labels of one data unit."""

    annotator: str
    data_hash: str
    data_title: str
    branch: str
    score: TaskScore


def load_classes(path: Path) -> Classes:
    """The ontology in a file: the `editor` JSON itself, or an object with it under `editor`."""
    content = load_json(path)
    if not isinstance(content, dict):
        raise ExportError(f"{path}: is not a JSON object")
    try:
        return Classes.of(content.get("editor", content))
    except LabelReadError as error:
        raise ExportError(f"{path}: {error}") from None


def load_config(path: Path) -> ScoringConfig:
    """The scoring rules in a file: on their own, or as section `scoring` of the service's configuration."""
    content = load_json(path)
    if isinstance(content, dict) and "scoring" in content:
        content = content["scoring"]
    try:
        return ScoringConfig.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(explain(error, ScoringConfig).splitlines())
        raise ExportError(f"{path}: {faults}") from None


@dataclass(frozen=True)
class Sides:
    """Label rows of both sides with the same data hashes, whatever format the files have."""

    truth: Sequence[TableRow]
    labels: Sequence[TableRow]
    faults: tuple[str, ...] = ()
    """Labels that cannot be used, and images that are refused"""
    notes: tuple[str, ...] = ()
    """Remarks for the user about how the files were read"""


def load_sides(
    truth: Path,
    labels: Path,
    classes: Classes | None = None,
    stated: Mapping[str, str] | None = None,
    export: ExportMap | None = None,
) -> Sides:
    """Read both sides. Files of another format become label rows of the data units that the other side has.

    Args:
        truth: label row JSON, or a file or folder of a format of `terminal/label_files.py`.
        labels: the same.
        classes: of an ontology; without it, those of the files.
        stated: classes by another name, as `--map` states them.
        export: content of `--map-images`.

    Raises:
        ExportError: a file cannot be used.
    """
    paths, images = (truth, labels), export.images if export else None
    read = [read_foreign(path, export.classes if export else None) for path in paths]
    rows = [load_rows(path) if one is None else [] for path, one in zip(paths, read, strict=True)]
    if read == [None, None]:
        return Sides(rows[0], rows[1])
    notes = [f"{path}: {note}" for path, one in zip(paths, read, strict=True) if one for note in one.left_out]
    target, not_compared = _target(classes, [row for side in rows for row in side], read, stated or {})
    for name, attributes in not_compared.items():
        listed = ", ".join(sorted(attributes))
        notes.append(f"class {name!r}: only one side has the attributes {listed}: they are not compared")
    read = [_without(one, not_compared, stated or {}) for one in read]
    units = [_units_of(*side) for side in zip(rows, read, strict=True)]
    readings = [_reading(path, one, other, images, target)
                for path, one, other in zip(paths, read, reversed(units), strict=True)]  # fmt: skip
    here = next((side for side, one in zip(units, read, strict=True) if one is None), None)
    if here is None:
        # A name without its ending finds a file; a file does not find a name without its ending.
        named = (one for one in readings if one is not None and any(each.titles for each in one.labelled))
        here = _units_of_reading(next(named, readings[0]))
    sizes = {unit.data_hash: unit.size for unit in here}
    faults: list[str] = []
    for at, (path, reading) in enumerate(zip(paths, readings, strict=True)):
        if reading is None:
            continue
        joined = joined_labels(reading.labelled, here, image_map=images)
        notes += [f"{path}: {note}" for note in (joined.matching.in_words(), *reading.left_out)]
        faults += [f"{path}: {fault.subject}: {fault.reason}" for fault in (*reading.faults, *joined.faults)]
        rows[at] = [_row(one, own, one.size or sizes[own], path.stem) for own, one in joined.found.items()]
    return Sides(rows[0], rows[1], tuple(dict.fromkeys(faults)), tuple(notes))


def _target(
    classes: Classes | None,
    rows: Sequence[TableRow],
    read: Sequence[CocoDocument | None],
    stated: Mapping[str, str],
) -> tuple[Target, dict[str, set[str]]]:
    """The classes that the labels are converted to: the ontology's, else those of the rows, and of the files.

    The second value has, without an ontology, the attributes of each class of a file that the other side lacks.
    """
    if classes is not None:
        unknown = sorted(set(stated.values()) - {item.name for item in classes.ontology.classes} - set(classes.names))
        if any("/" not in source for source, name in stated.items() if name in unknown):
            raise ExportError(f"--map: the ontology has no class {unknown[0]!r}")
        return Target(classes, stated), {}
    known = infer_ontology(rows)
    drafts: dict[str, _ClassDraft] = {}
    for at, one in enumerate(read):
        for name, annotation, points in _annotations_of(one):
            drafts.setdefault(stated.get(name, name), _ClassDraft()).note(annotation, points, at)
    there = {item.name for item in known.objects}
    added = {name: draft for name, draft in drafts.items() if name not in there and draft.shapes}
    objects = (*known.objects, *(draft.named(name) for name, draft in added.items()))
    asked = {item.name: {question.name for question in item.questions} for item in known.objects}
    dropped = {
        name: draft.one_sided if name in added else draft.attributes - asked[name]
        for name, draft in drafts.items()
        if name in added or name in asked
    }
    skeletons = {
        at: SINGLE_POINT if item.shape is Shape.POINT else Skeleton(drafts[item.name].points, drafts[item.name].points)
        for at, item in enumerate(objects)
        if item.shape is Shape.POINT or (item.shape is Shape.SKELETON and item.name in drafts)
    }
    names = tuple(item.name for item in objects)
    target = Target(Classes(replace(known, objects=objects), names, skeletons), stated)
    return target, {name: attributes for name, attributes in dropped.items() if attributes}


def _without(
    read: CocoDocument | None, dropped: Mapping[str, Set[str]], stated: Mapping[str, str]
) -> CocoDocument | None:
    """The document without attributes that are not compared."""
    if read is None or not dropped:
        return read
    kept = {
        id(one): {key: value for key, value in one["attributes"].items() if key not in dropped[stated.get(name, name)]}
        for name, one, _ in _annotations_of(read)
        if isinstance(one.get("attributes"), Mapping) and stated.get(name, name) in dropped
    }
    listed = [{**one, "attributes": kept[id(one)]} if id(one) in kept else one for one in read.document["annotations"]]
    return replace(read, document={**read.document, "annotations": listed})


def _annotations_of(read: CocoDocument | None) -> Iterator[tuple[str, Mapping[str, Any], tuple[str, ...]]]:
    """Class, annotation and names of the class's keypoints."""
    document = read.document if read is not None else {}
    lists = (document.get(key) for key in ("categories", "annotations"))
    listed = [[one for one in each if isinstance(one, Mapping)] if isinstance(each, list) else [] for each in lists]
    kinds = {id_text(one.get("id")): one for one in listed[0]}
    for annotation in listed[1]:
        kind = kinds.get(id_text(annotation.get("category_id")))
        if kind is not None:
            points = kind.get("keypoints")
            yield str(kind.get("name")), annotation, tuple(map(str, points if isinstance(points, list) else ()))


class _ClassDraft:
    """What the files say of a class that no ontology describes."""

    def __init__(self) -> None:
        self.shapes: list[Shape] = []
        """Shapes that every object so far can be drawn as, the most exact first"""
        self.points: tuple[str, ...] = ()
        self._asked: dict[int, dict[str, list[Any]]] = {}
        """Answers by attribute, of each file"""

    def note(self, annotation: Mapping[str, Any], points: tuple[str, ...], file: int) -> None:
        """Take an annotation of one of the files."""
        shapes = _shapes_of(annotation)
        if shapes:
            masks = Shape.BITMASK in (shapes[0], *self.shapes[:1])
            common = [shape for shape in (self.shapes or shapes) if shape in shapes]
            self.shapes = [Shape.BITMASK] if masks and Shape.BITMASK in common else common or self.shapes
        self.points = self.points or points
        asked, given = self._asked.setdefault(file, {}), annotation.get("attributes")
        for name, value in given.items() if isinstance(given, Mapping) else ():
            if name not in BOOKKEEPING and isinstance(value, str | int | float):
                asked.setdefault(name, []).append(value)

    @property
    def attributes(self) -> set[str]:
        """Attributes that a file has."""
        return {name for asked in self._asked.values() for name in asked}

    @property
    def one_sided(self) -> set[str]:
        """Attributes that not every file with the class has."""
        return {name for name in self.attributes if any(name not in asked for asked in self._asked.values())}

    def named(self, name: str) -> ObjectClass:
        """The class."""
        asked = self.attributes - self.one_sided
        questions = []
        for attribute in sorted(asked):
            values = [value for given in self._asked.values() for value in given[attribute]]
            numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
            kind = QuestionType.NUMERIC if numbers else QuestionType.TEXT
            questions.append(Question(f"{name}/{attribute}", attribute, kind))
        return ObjectClass(name, name, self.shapes[0], questions=tuple(questions))


def _shapes_of(annotation: Mapping[str, Any]) -> list[Shape]:
    """The shapes that an annotation can be drawn as, the most exact first."""
    found = []
    points, region, box = (annotation.get(key) for key in ("keypoints", "segmentation", "bbox"))
    if isinstance(points, list) and points:
        found.append(Shape.POINT if len(points) == _ONE_POINT else Shape.SKELETON)
    exact = annotation.get(EXACT_KEY)
    if isinstance(exact, Mapping):
        found += [shape for shape, key in EXACT.items() if key in exact]
    turned = (annotation.get("attributes") or {}).get("rotation")
    if turned and not region:
        found.append(Shape.ROTATABLE_BOUNDING_BOX)
    if isinstance(region, Mapping):
        found += [Shape.BITMASK, Shape.POLYGON]
    elif isinstance(region, list) and region:
        found += [Shape.POLYGON, Shape.BITMASK]
    if isinstance(box, list) and len(box) == 4:
        found.append(Shape.BOUNDING_BOX)
    return list(dict.fromkeys(found))


_ONE_POINT = 3
"""Numbers of a single keypoint."""


def _reading(
    path: Path,
    read: CocoDocument | None,
    others: Sequence[DataUnit],
    images: ImageMap | None,
    target: Target,
) -> LabelReading | None:
    if read is None:
        return None
    try:
        reading = read_coco(sized(read.document, others, images), target)
    except CocoError as error:
        raise ExportError(f"{path}: {error}") from None
    bare = sum(not one.annotated for one in reading.labelled)
    said = (f"{bare:,} images without annotations count as empty",) if bare else ()
    return replace(reading, left_out=(*reading.left_out, *said))


def _units_of(rows: Iterable[TableRow], read: CocoDocument | None) -> list[DataUnit]:
    """The data units of label rows, each once, or the images of a document."""
    if read is not None:
        images = read.document.get("images")
        listed = [image for image in images if isinstance(image, Mapping)] if isinstance(images, list) else []
        names = [(str(image.get("file_name") or ""), image) for image in listed]
        return [DataUnit(str(image.get("data_hash") or name), name, size=size_of(image)) for name, image in names]
    found = {}
    for row in rows:
        units = [unit for unit in (row.get("data_units") or {}).values() if isinstance(unit, Mapping)]
        alone = units[0] if len(units) == 1 else {}
        link = str(alone["data_link"]) if alone.get("data_link") else None
        found[row["data_hash"]] = DataUnit(
            row["data_hash"], str(row.get("data_title") or row["data_hash"]), link, size_of(alone)
        )
    return list(found.values())


def _units_of_reading(reading: LabelReading | None) -> list[DataUnit]:
    """The images of a file as data units; an image without a data hash has its name for one."""
    listed = reading.labelled if reading is not None else ()
    return [
        DataUnit(one.data_hash or one.name, next(iter(one.titles), one.name), next(iter(one.urls), None), one.size)
        for one in listed
    ]


def _row(one: Labelled, data_hash: str, size: ImageSize | None, branch: str) -> TableRow:
    """Labels of one data unit as a label row; the annotator is named after the file."""
    (labels,) = one.parts.units or ({"objects": [], "classifications": []},)
    sides = {} if size is None else {"width": size[0], "height": size[1]}
    data_type = "image" if "objects" in labels else "video"
    unit = {"data_hash": data_hash, "data_title": one.name, "data_sequence": "0", "labels": labels, **sides}
    return {
        "data_hash": data_hash,
        "data_title": one.name,
        "data_type": data_type,
        "label_hash": data_hash,
        "branch_name": branch,
        "data_units": {data_hash: {**unit, "data_type": f"{data_type}/"}},
        "object_answers": one.parts.object_answers,
        "classification_answers": one.parts.classification_answers,
    }


class Comparison:
    """Ground truth rows, and the annotators' rows of the same data units."""

    def __init__(
        self,
        truth: Iterable[TableRow],
        labels: Iterable[TableRow],
        ontology: Ontology | None,
        config: ScoringConfig,
        by: Grouping,
    ) -> None:
        self.truth = _truth_by_data_hash(truth)
        self.labels = list(labels)
        self.config = config
        self.by = by
        self.ontology = ontology or infer_ontology([*self.truth.values(), *self.labels])
        self.refused: list[str] = []
        """Why tasks could not be scored; complete after `scores` is exhausted."""
        self.creator_of_branch = _creator_of_branch(self.labels)
        self.without_truth = [row for row in self.labels if row["data_hash"] not in self.truth]

    def __len__(self) -> int:
        """Number of label rows with a ground truth."""
        return len(self.labels) - len(self.without_truth)

    def scores(self) -> Iterator[list[ScoredTask]]:
        """The tasks of each label row with a ground truth, row by row."""
        seen: set[tuple[str, str]] = set()
        read: dict[str, Annotations] = {}
        for row in self.labels:
            data_hash, branch = row["data_hash"], str(row.get("branch_name") or "main")
            if data_hash not in self.truth:
                continue
            if (data_hash, branch) in seen:
                raise ExportError(f"data unit {data_hash}: branch {branch!r} is there twice")
            seen.add((data_hash, branch))
            try:
                if data_hash not in read:
                    read[data_hash] = self._read(self.truth[data_hash], "ground truth")
                yield [
                    self._score(row, part, annotator, branch, read[data_hash])
                    for annotator, part in self._parts(row, branch)
                ]
            except ExportError as error:
                self.refused.append(str(error))

    def _parts(self, row: TableRow, branch: str) -> list[tuple[str, TableRow]]:
        if self.by == "branch":
            return [(branch, row)]
        self._read(row, f"branch {branch!r}")  # raises an error for anything that is not well formed
        named = sorted(label_creators(row))
        if self.by == "known" and not named:
            return [(self.creator_of_branch.get(branch, branch), row)]
        if self.by == "known" and len(named) == 1:  # labels that name nobody are this person's, too
            return [(named[0], row)]
        return [(creator, created_by(row, creator)) for creator in creators(row)]

    def _score(self, row: TableRow, part: TableRow, annotator: str, branch: str, truth: Annotations) -> ScoredTask:
        which = f"branch {branch!r}"
        labels = self._read(part, which)
        try:
            score = score_task(truth, labels, self.ontology, self.config)
        except ScoringError as error:
            raise ExportError(f"data unit {row['data_hash']}, {which}: {error}") from None
        except (ArithmeticError, LookupError, MemoryError, ValueError) as error:
            kind = type(error).__name__
            raise ExportError(f"data unit {row['data_hash']}, {which}: cannot be scored ({kind})") from error
        return ScoredTask(annotator, row["data_hash"], str(row.get("data_title") or ""), branch, score)

    def _read(self, row: TableRow, which: str) -> Annotations:
        if row.get("label_hash") is None and not row.get("data_units"):
            return Annotations.empty()
        try:
            return read_label_row(row, self.ontology)
        except LabelReadError as error:
            raise ExportError(f"data unit {row['data_hash']}, {which}: {error}") from None


def _truth_by_data_hash(rows: Iterable[TableRow]) -> dict[str, TableRow]:
    truth: dict[str, TableRow] = {}
    for row in rows:
        if row["data_hash"] in truth:
            raise ExportError(f"data unit {row['data_hash']}: several ground truth rows")
        truth[row["data_hash"]] = row
    return truth


def _creator_of_branch(rows: Iterable[TableRow]) -> dict[str, str]:
    """The creator of a branch's rows without labels: the only person who created labels on that branch."""
    people: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        people[str(row.get("branch_name") or "main")].update(label_creators(row))
    return {branch: next(iter(names)) for branch, names in people.items() if len(names) == 1}
