"""Write cached rows to files, one row in memory at a time, and build the manifest."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from benchmark_qa import __version__
from benchmark_qa.commands.export.folder import OutputFolder
from benchmark_qa.commands.export.manifest import FileNames, JudgedPeople, LabelCounts, structure_hash
from benchmark_qa.commands.export.selection import FORMATS, ExportRequest, StepProgress
from benchmark_qa.commands.export.snapshots import RowsRead, Snapshot
from benchmark_qa.encord_api.label_rows import BranchRow
from benchmark_qa.encord_api.models import Project
from benchmark_qa.formats import coco_writer, table_writer, yolo_writer
from benchmark_qa.formats import encord_writer as canonical
from benchmark_qa.formats.class_mapping import Classes
from benchmark_qa.formats.coco_writer import CocoWriter
from benchmark_qa.formats.encord_writer import EncordWriter
from benchmark_qa.formats.labelled_images import LabelledRow, read_images
from benchmark_qa.formats.table_writer import TableWriter
from benchmark_qa.formats.writer import ALL, ExportedRow, NamedImage, Tally
from benchmark_qa.formats.yolo_writer import YoloWriter
from benchmark_qa.labels.annotations import label_creators
from benchmark_qa.labels.errors import LabelReadError

_VERSIONS = {
    "encord": canonical.FORMAT_VERSION,
    "coco": coco_writer.FORMAT_VERSION,
    "yolo": yolo_writer.FORMAT_VERSION,
    "parquet": table_writer.FORMAT_VERSION,
}


@dataclass(frozen=True)
class ExportPlan:
    """The inputs of one export."""

    request: ExportRequest
    project: Project
    classes: Classes
    snapshot: Snapshot | None
    rows: Sequence[BranchRow]
    """Sorted by data hash"""
    judged: JudgedPeople | None
    """None: verdicts are not needed"""


@dataclass
class Written:
    """Counts and errors of what was written."""

    counts: LabelCounts = field(default_factory=LabelCounts)
    below_the_bar: int = 0
    """Rows left out because their annotator is below the bar"""
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    """Data hash and reason"""
    formats: dict[str, Any] = field(default_factory=dict)


def write_formats(plan: ExportPlan, kept: RowsRead, files: OutputFolder, progress: StepProgress) -> Written:
    """Write every requested format, each into a folder of its own.

    Raises:
        TablesMissingError: Parquet is requested and its library is not installed.
    """
    written = Written()
    with files.open("classes.json") as out:
        out.write(orjson.dumps(plan.classes.table(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    with ExitStack() as stack:
        writers = _open_writers(plan, files, stack)
        for exported in _exported_rows(plan, kept, written, progress):
            written.counts.add(exported, plan.classes)
            for writer in writers.values():
                writer.add(exported)
    written.formats = {
        name: {"version": _VERSIONS[name], "written": _tallies(writer)} for name, writer in writers.items()
    }
    return written


def _exported_rows(plan: ExportPlan, kept: RowsRead, written: Written, progress: StepProgress) -> Iterator[ExportedRow]:
    """The rows in order, one at a time; `written` notes rows that are unreadable or left out."""
    names = FileNames(row.data_title for row in plan.rows)
    splits = plan.request.parts()
    leaves_out = plan.judged and plan.request.leave_out_below_bar
    below = plan.judged.below_the_bar if plan.judged and leaves_out else frozenset[str]()
    for row in plan.rows:
        progress("writing", 1, len(plan.rows))
        label_row = _label_row(row, kept)
        if below and below & label_creators(label_row).keys():
            written.below_the_bar += 1
            continue
        try:
            labels = read_images(label_row, plan.classes.ontology, (row.width, row.height))
        except LabelReadError as error:
            written.unreadable.append((row.data_hash, str(error)))
            continue
        yield ExportedRow(
            row=label_row,
            labels=labels,
            images=tuple(_named(row, labels, names)),
            split=splits.of(row.data_hash) if splits else ALL,
        )


def _label_row(row: BranchRow, kept: RowsRead) -> dict[str, Any]:
    """The row as Encord has it, with the current titles."""
    found = kept.row(row.label_hash) if row.label_hash is not None else _never_opened(row)
    return {**found, "data_title": row.data_title, "dataset_title": row.dataset_title}


def _never_opened(row: BranchRow) -> dict[str, Any]:
    """A label row without labels, for a submitted task that nobody has opened.

    For a single image, the row lists that image.
    """
    image: dict[str, Any] = {
        "data_hash": row.data_hash,
        "data_title": row.data_title,
        "data_type": row.mime_type,
        "data_link": None,
        "data_sequence": 0,
        "width": row.width,
        "height": row.height,
        "labels": {"objects": [], "classifications": []},
    }
    return canonical.canonical_row(
        {
            "label_hash": None,
            "branch_name": "main",
            "data_hash": row.data_hash,
            "dataset_hash": row.dataset_hash,
            "data_type": row.data_type,
            "created_at": None,
            "last_edited_at": None,
            "data_units": {row.data_hash: image} if row.data_type == "image" else {},
            "object_answers": {},
            "classification_answers": {},
            "object_actions": {},
            "spaces": {},
        }
    )


def _named(row: BranchRow, labels: LabelledRow, names: FileNames) -> Iterator[NamedImage]:
    for image in labels.images:
        if row.data_type == "image" and not image.space:
            name = names.of_image(row.data_title, row.data_hash, row.mime_type)
        else:
            name = names.of_frame(row.data_title, row.data_hash, image.space, image.frame, row.mime_type)
        yield NamedImage(image, name)


def _open_writers(plan: ExportPlan, files: OutputFolder, stack: ExitStack) -> dict[str, Any]:
    request, classes = plan.request, plan.classes
    splits = request.parts()
    names = splits.names if splits else (ALL,)
    weights = plan.judged.weights if plan.judged and request.weigh else None
    makers: dict[str, Callable[[Any], Any]] = {
        "encord": lambda place: EncordWriter(place, plan.project.ontology, classes.names),
        "coco": lambda place: CocoWriter(place, classes, title=plan.project.title, splits=names, weights=weights),
        "yolo": lambda place: YoloWriter(place, classes, task=request.yolo_task, splits=names),
        "parquet": lambda place: TableWriter(place, classes, weights=weights),
    }
    return {name: stack.enter_context(makers[name](files.below(name))) for name in FORMATS if name in request.formats}


def _tallies(writer: Any) -> dict[str, Any]:
    several: dict[str, Tally] | None = getattr(writer, "tallies", None)
    if several is None:
        tally: Tally = writer.tally
        return tally.to_dict()
    return {task: tally.to_dict() for task, tally in several.items()}


def manifest_of(plan: ExportPlan, written: Written, files: OutputFolder) -> dict[str, Any]:
    """The content of the manifest."""
    request, project, snapshot = plan.request, plan.project, plan.snapshot
    splits = request.parts()
    return {
        "made_by": {"benchmark-qa": __version__, "formats": {name: _VERSIONS[name] for name in request.formats}},
        "project": {"hash": project.project_hash, "title": project.title},
        "ontology": {"hash": project.ontology_hash, "structure_sha256": structure_hash(project.ontology)},
        "branch": snapshot.name if snapshot else "main",
        "snapshot": {"name": snapshot.name, "made_at": _moment(snapshot.made_at)} if snapshot else None,
        "filters": {
            **request.choice.to_dict(),
            "below_the_bar": "left out" if request.leave_out_below_bar else "kept",
            "weights": request.weigh,
        },
        "splits": dict(splits.shares) if splits else None,
        "counts": written.counts.to_dict(),
        "left_out": {"annotator_below_the_bar": written.below_the_bar, "unreadable": len(written.unreadable)},
        "formats": written.formats,
        "files": dict(sorted(files.sums.items())),
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
