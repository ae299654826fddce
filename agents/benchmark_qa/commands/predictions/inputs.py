"""Load the labels and predictions of a command line: files of any layout, or projects on Encord."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark_qa.commands.predictions.label_rows import given_by_rows, truth_of_rows
from benchmark_qa.commands.predictions.truth import GivenPredictions, Truth
from benchmark_qa.context import Progress, no_progress
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.label_rows import LabelledUnit, labelled_units
from benchmark_qa.encord_api.models import MAIN, Project
from benchmark_qa.formats.coco_reader import SHARES
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.tasks.errors import LabelsUnreadable, NoGroundTruth
from benchmark_qa.terminal.files import ExportError, json_list_of, load_json, load_rows
from benchmark_qa.terminal.image_maps import ExportMap, load_map
from benchmark_qa.terminal.label_files import TABLES, is_results, read_labels, read_results, read_table, table_rows

if TYPE_CHECKING:
    from benchmark_qa.commands.predictions.detections import Detections
    from benchmark_qa.commands.predictions.truth import GivenPredictions, Truth
    from benchmark_qa.encord_api.client import Encord
    from benchmark_qa.formats.coco_building import CocoDocument


@dataclass(frozen=True)
class LabelsOf:
    """The labels of a project on one branch."""

    project_hash: str
    branch: str = MAIN
    unfinished: bool = False
    """Include tasks that are not at a Complete stage"""


@dataclass(frozen=True)
class LabelsRead:
    """Labels as the truth of an evaluation."""

    truth: Truth
    project: Project
    left_out: int
    """Data units whose tasks are not at a Complete stage"""
    items: Mapping[str, str]
    """Uuids of the stored items, by data hash"""


def read_truth(encord: Encord, labels: LabelsOf, progress: Progress = no_progress) -> LabelsRead:
    """A project's labels, with the classes of its ontology and the client metadata of its data units.

    5 requests and one per bundle of label rows.

    Raises:
        PlatformError
        NoGroundTruth: the project has no label row to compare with.
        LabelsUnreadable: the ontology cannot be read.
        PredictionInputError: a label row is not in Encord's format.
    """
    project = encord.project(labels.project_hash)
    units, left_out = _units(encord, project, labels)
    if not units:
        raise NoGroundTruth(
            f"project '{project.title}' has no finished labels on branch {labels.branch!r}"
            + (f", {left_out:,} unfinished ones (--unfinished takes those, too)" if left_out else "")
        )
    truth = truth_of_rows(_documents(encord, labels.project_hash, units, progress), _class_names(project))
    about = {unit.row.data_hash: unit for unit in units}
    sources = tuple(replace(source, url=_link(about, source.data_hash) or source.url) for source in truth.sources)
    known = {data_hash: fields for data_hash, unit in about.items() if (fields := plain_fields(unit.client_metadata))}
    items = {data_hash: unit.item for data_hash, unit in about.items() if unit.item}
    return LabelsRead(replace(truth, sources=sources).with_fields(known), project, left_out, items)


def read_predictions(encord: Encord, labels: LabelsOf, progress: Progress = no_progress) -> GivenPredictions:
    """A project's labels as a model's predictions, with their confidence.

    5 requests and one per bundle of label rows.
    """
    project = encord.project(labels.project_hash)
    units, _ = _units(encord, project, replace(labels, unfinished=True))
    if not units:
        raise NoGroundTruth(f"project '{project.title}' has no labels on branch {labels.branch!r}")
    return given_by_rows(_documents(encord, labels.project_hash, units, progress))


def plain_fields(metadata: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Client metadata as flat fields: nested values get a name with dots, lists are left out.

    >>> plain_fields({"site": "north", "camera": {"height": 2.5}, "tags": ["a"]})
    {'site': 'north', 'camera.height': 2.5}
    """
    fields: dict[str, Any] = {}
    for key, value in metadata.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            fields |= plain_fields(value, f"{name}.")
        elif isinstance(value, str | int | float):
            fields[name] = value
    return fields


def _units(encord: Encord, project: Project, labels: LabelsOf) -> tuple[list[LabelledUnit], int]:
    finals = {stage.uuid for stage in project.stages if stage.kind == "DONE"}
    units = labelled_units(encord, labels.project_hash, labels.branch)
    if labels.unfinished:
        return units, 0
    finished = [unit for unit in units if unit.row.stage_uuid in finals]
    return finished, len(units) - len(finished)


def _documents(
    encord: Encord, project_hash: str, units: Sequence[LabelledUnit], progress: Progress
) -> Iterator[Mapping[str, Any]]:
    hashes = [unit.row.label_hash for unit in units if unit.row.label_hash]
    for bundle in encord.label_bundles(project_hash, hashes):
        yield from bundle.values()
        progress(len(bundle))


def _class_names(project: Project) -> dict[str, str]:
    try:
        ontology = Ontology.from_editor(project.ontology)
    except LabelReadError as error:
        raise LabelsUnreadable(f"the ontology of project '{project.title}' cannot be read: {error}") from None
    return {known.hash: known.name for known in ontology.objects}


def _link(about: Mapping[str, LabelledUnit], data_hash: str | None) -> str | None:
    unit = about.get(data_hash or "")
    return unit.link if unit else None


USUAL_UNMATCHED = 0.1


_PROJECT = re.compile(r"(?P<project>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?::(?P<branch>.+))?", re.IGNORECASE)


TruthArgument = Annotated[
    str,
    typer.Argument(
        metavar="LABELS",
        help="Ground truth: a project's hash (PROJECT or PROJECT:BRANCH), a COCO data set, label row JSON (file or "
        "directory), a table of boxes, or CVAT, Label Studio, labelme, Pascal VOC or YOLO files.",
    ),
]


UnfinishedOption = Annotated[
    bool, typer.Option("--unfinished", help="From Encord: also labels of tasks that are not at a Complete stage.")
]


MaxUnmatchedOption = Annotated[
    float,
    typer.Option(
        min=0, max=1, help="Refuse predictions of which a greater share is on images that the labels do not know."
    ),
]


MetadataOption = Annotated[
    Path | None, typer.Option(help="More about images: JSON of {image, data hash, title or URL: {field: value}}.")
]


@dataclass(frozen=True)
class Inputs:
    """The inputs of the comparison."""

    truth: "Truth"
    detections: "list[Detections]"
    """One per model"""
    project_hash: str | None
    """Project of the labels, if they are from Encord"""
    encord: "Encord | None"
    """Connection, if the labels are from Encord"""
    items: Mapping[str, str]
    """Uuids of stored items by data hash, if the labels are from Encord"""
    export: "ExportMap | None" = None
    """Content of `--map-images`"""


def load_inputs(
    truth: str,
    models: Sequence[str],
    *,
    metadata: Path | None,
    unfinished: bool,
    max_unmatched: float,
    map_images: Path | None = None,
) -> Inputs:
    """Load the labels, and each model's predictions on the same images and classes.

    Raises:
        ExportError: a file cannot be used, or too many predictions are on images that the labels do not have.
        PredictionInputError: from the readers.
        SettingsError, PlatformError, RefusalError: from Encord, if a project is named.
    """
    account = _Account()
    export = load_map(map_images)
    read = _from_encord(truth, account, unfinished)
    known = read.truth if read else _truth(Path(truth), export)
    if metadata:
        fields = _fields(metadata)
        more = known.with_fields(fields)
        if more.fields == known.fields:
            raise ExportError(f"{metadata}: names no image of {truth}")
        lost = known.unknown(fields)
        if lost:
            typer.echo(f"{metadata}: {len(lost):,} of {len(fields):,} names mean no image ({_some(lost)})", err=True)
        known = more
    given = [_given(model, account) for model in models]
    detections = known.detections(given, export.images if export else None, export.classes if export else None)
    for model, one in zip(models, detections, strict=True):
        _require_matched(one, model, truth, max_unmatched)
        _tell(one, model)
    return Inputs(
        known,
        detections,
        project_hash=read.project.project_hash if read else None,
        encord=account.encord if read else None,
        items=read.items if read else {},
        export=export,
    )


class _Account:
    """The connection to Encord, opened on first use."""

    def __init__(self) -> None:
        self._encord: Encord | None = None

    @property
    def encord(self) -> "Encord":
        if self._encord is None:
            from benchmark_qa.terminal.opening import open_encord

            self._encord = open_encord()
        return self._encord


def _from_encord(reference: str, account: _Account, unfinished: bool) -> "LabelsRead | None":
    labels = _project(reference, unfinished)
    if labels is None:
        return None
    from benchmark_qa.terminal.failures import clear_failures
    from benchmark_qa.terminal.printing import task_progress

    with clear_failures(), task_progress("reading labels") as progress:
        read = read_truth(account.encord, labels, progress)
    if read.left_out:
        typer.echo(f"{read.left_out:,} data units are not finished and left out (--unfinished)", err=True)
    return read


def _truth(path: Path, export: ExportMap | None) -> "Truth":
    from benchmark_qa.commands.predictions.label_rows import truth_of_rows
    from benchmark_qa.commands.predictions.truth import Truth

    foreign = read_table(path) if path.suffix.lower() in TABLES else read_labels(path)
    if foreign is not None:
        return truth_of_document(foreign, str(path))
    content = load_json(path) if not path.is_dir() else None
    if isinstance(content, dict) and "images" in content:
        return Truth.from_coco(content)
    if isinstance(content, list) and is_results(content):
        return truth_of_document(read_results(content, export.classes if export else {}, str(path)), str(path))
    return truth_of_rows(load_rows(path))


def truth_of_document(foreign: "CocoDocument", place: str) -> "Truth":
    """Labels of another tool's format as the truth of an evaluation.

    Raises:
        ExportError: the size of an image is not known, so nothing on it has a place in pixels.
    """
    from benchmark_qa.commands.predictions.truth import Truth

    unsized = [image["file_name"] for image in foreign.document["images"] if image.get(SHARES)]
    if unsized:
        raise ExportError(
            f"{place}: the size of {len(unsized):,} images is not known ({_some(unsized)}): put the pictures into the "
            "folder, and install Pillow (pip install '.[curation]' in a checkout)"
        )
    left = foreign.left_out
    # A single point has no box; a skeleton is compared by its bounding box, as in COCO's own files.
    boxed = [item for item in foreign.document["annotations"] if not item.get("keypoints") or all(item["bbox"][2:])]
    points = len(foreign.document["annotations"]) - len(boxed)
    return replace(
        Truth.from_coco({**foreign.document, "annotations": boxed}),
        notes=left,
        not_compared={"keypoints": points} if points else {},
    )


def _given(reference: str, account: _Account) -> "GivenPredictions":
    labels = _project(reference, unfinished=True)
    if labels is not None:
        from benchmark_qa.terminal.failures import clear_failures
        from benchmark_qa.terminal.printing import task_progress

        with clear_failures(), task_progress("reading predictions") as progress:
            return read_predictions(account.encord, labels, progress)
    return _given_by_file(Path(reference))


def _given_by_file(path: Path) -> "GivenPredictions":
    from benchmark_qa.commands.predictions.files import given_by_coco, given_by_table
    from benchmark_qa.commands.predictions.label_rows import given_by_rows

    if path.suffix.lower() in TABLES:
        return given_by_table(table_rows(path), path.name)
    listed = _given_by_list(path)
    if listed is not None:
        return listed
    foreign = read_labels(path)
    if foreign is not None:
        given = given_by_coco(foreign.document, path.name)
        return replace(given, notes=(*foreign.left_out, *given.notes))
    content = None if path.is_dir() else load_json(path)
    first = content[0] if isinstance(content, list) and content else content
    if path.is_dir() or (isinstance(first, Mapping) and "data_units" in first):
        return given_by_rows(load_rows(path))
    if isinstance(content, list) and isinstance(first, Mapping) and "category_id" not in first and "image" in first:
        return given_by_table(content, path.name)
    return given_by_coco(content, path.name)


def _given_by_list(path: Path) -> "GivenPredictions | None":
    """The predictions of a large JSON list, read piece by piece; None if the file is not one."""
    from benchmark_qa.commands.predictions.files import given_by_results, given_by_table
    from benchmark_qa.terminal.printing import item_progress

    if path.suffix.lower() != ".json" or not path.is_file():
        return None
    with item_progress("reading predictions", path.stat().st_size) as progress:
        listed = json_list_of(path, progress)
        first = next(listed) if listed is not None else None
        if listed is None or not isinstance(first, Mapping):
            return None
        if is_results([first]):
            return given_by_results(chain([first], listed), path.name)
        as_table = "category_id" not in first and "image" in first
        return given_by_table(chain([first], listed), path.name) if as_table else None


def is_file(reference: str) -> bool:
    """Whether labels or predictions are a file, not a project on Encord."""
    return Path(reference).exists() or not _PROJECT.fullmatch(reference)


def _project(reference: str, unfinished: bool) -> "LabelsOf | None":
    named = _PROJECT.fullmatch(reference)
    if named is None or is_file(reference):
        return None
    return LabelsOf(named["project"].lower(), named["branch"] or MAIN, unfinished)


def _fields(metadata: Path) -> dict[str, Mapping[str, Any]]:
    given = load_json(metadata)
    if not isinstance(given, dict) or not all(isinstance(fields, dict) for fields in given.values()):
        raise ExportError(f"{metadata}: is not a JSON object of objects, {{image or data hash: {{field: value}}}}")
    return given


def _require_matched(detections: "Detections", model: str, truth: str, most: float) -> None:
    missed, found = len(detections.unmatched), detections.predicted_images
    if missed and not found:
        raise ExportError(
            f"no prediction of {model} is on an image of {truth} (it names {_some(detections.unmatched)}; "
            f"{detections.matching.in_words()})"
        )
    if missed > most * (missed + found):
        enough = math.ceil(100 * missed / (missed + found)) / 100
        raise ExportError(
            f"{missed:,} of the {missed + found:,} images of {model} ({_some(detections.unmatched)}) are not in "
            f"{truth}: {detections.matching.in_words()}. --max-unmatched {enough:.2f} would let them be"
        )


def _tell(detections: "Detections", model: str) -> None:
    if detections.matching.found:
        typer.echo(f"{model}: {detections.matching.in_words()}", err=True)
    if detections.unmatched:
        names, count = _some(detections.unmatched), len(detections.unmatched)
        typer.echo(f"{model}: {count:,} images ({names}) have predictions but no labels and count nowhere", err=True)
    for shape, count in detections.not_compared.items():
        typer.echo(f"{count:,} objects of shape {shape} are neither boxes nor areas and count nowhere", err=True)


def _some(names: Sequence[object]) -> str:
    return ", ".join(map(str, names[:3])) + (", ..." if len(names) > 3 else "")
