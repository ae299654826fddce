"""`benchmark-qa score`: score files of labels against files of ground truth, without Encord."""

import json as json_module
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark_qa.formats.separated_values import write_rows, write_table
from benchmark_qa.terminal.failures import INCOMPLETE, USAGE_ERROR
from benchmark_qa.terminal.image_maps import MapImagesOption
from benchmark_qa.terminal.options import WideOption

if TYPE_CHECKING:
    from benchmark_qa.commands.score_exports.scoring import ScoredTask
    from benchmark_qa.stats.intervals import Interval


class Grouping(StrEnum):
    """How rows are grouped by annotator."""

    BRANCH = "branch"
    CREATOR = "creator"


class ScoresFormat(StrEnum):
    """Output format."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def score(
    truth: Annotated[
        Path,
        typer.Argument(
            help="Ground truth: label row JSON (one row, a list, or a directory), a COCO, CVAT, labelme or Label "
            "Studio file, a table of boxes, or a folder of YOLO, Pascal VOC or labelme."
        ),
    ],
    labels: Annotated[Path, typer.Argument(help="The annotators' labels, in any of these formats.")],
    *,
    ontology: Annotated[
        Path | None, typer.Option(help="The ontology's JSON; without it, the classes are guessed from the labels.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Scoring rules as JSON.")] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="Class of a file that is not label row JSON: car=Vehicle. May be repeated."),
    ] = None,
    map_images: MapImagesOption = None,
    by: Annotated[
        Grouping | None,
        typer.Option(
            help="An annotator is a label branch, or whoever created the labels. Without it: by creator where the "
            "labels name one, else by branch."
        ),
    ] = None,
    format: Annotated[ScoresFormat, typer.Option(help="What to print.")] = ScoresFormat.TABLE,  # noqa: A002 - the option's name
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="List every conflict, task by task.")] = False,
    wide: WideOption = False,
) -> None:
    """Score labels against the ground truth of the same data units: the same data hash, or the same image.

    Exit code 0 when everything is scored, 2 when a file cannot be used, no data unit is on both sides or none can be
    scored, 4 when some data units or objects cannot be scored: they are named, and the others are scored.
    """
    from benchmark_qa.terminal.files import ExportError

    try:
        tasks, refused = _scored(ScoreFiles(truth, labels, ontology, config, mapping or [], map_images), by)
    except ExportError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(USAGE_ERROR) from None
    for reason in refused:
        typer.echo(reason, err=True)
    if refused and not tasks:
        raise typer.Exit(USAGE_ERROR)
    chosen = ScoresFormat.JSON if json else format
    if chosen is ScoresFormat.TABLE:
        _print_table(tasks, explain, wide=wide)
    else:
        _PRINTERS[chosen](tasks, explain)
    if refused:
        raise typer.Exit(INCOMPLETE)


@dataclass(frozen=True)
class ScoreFiles:
    """The files of the command line."""

    truth: Path
    labels: Path
    ontology: Path | None = None
    config: Path | None = None
    mapping: Sequence[str] = ()
    map_images: Path | None = None


def _scored(files: ScoreFiles, by: Grouping | None) -> "tuple[list[ScoredTask], list[str]]":
    """The scored tasks, and why the others could not be scored."""
    from benchmark_qa.commands.score_exports.scoring import Comparison, load_classes, load_config, load_sides
    from benchmark_qa.engine.config import ScoringConfig
    from benchmark_qa.formats.class_mapping import MappingError, parse_mapping
    from benchmark_qa.terminal.files import ExportError
    from benchmark_qa.terminal.image_maps import load_map

    classes = load_classes(files.ontology) if files.ontology else None
    try:
        stated = parse_mapping(files.mapping)
    except MappingError as error:
        raise ExportError(f"--map: {error}") from None
    sides = load_sides(files.truth, files.labels, classes, stated, load_map(files.map_images))
    for note in sides.notes:
        typer.echo(note, err=True)
    comparison = Comparison(
        sides.truth,
        sides.labels,
        classes.ontology if classes else None,
        load_config(files.config) if files.config else ScoringConfig(),
        by.value if by else "known",
    )
    if not len(comparison):
        raise ExportError(
            "; ".join((f"no data unit of {files.labels} has a ground truth in {files.truth}", *sides.faults))
        )
    if comparison.without_truth:
        typer.echo(f"{len(comparison.without_truth):,} label rows have no ground truth and are not scored", err=True)
    tasks = [task for tasks in _with_progress(comparison.scores(), len(comparison)) for task in tasks]
    return tasks, [*sides.faults, *comparison.refused]


def _with_progress(batches: "Iterable[list[ScoredTask]]", total: int) -> "Iterator[list[ScoredTask]]":
    """Show a progress bar on standard error, if that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    yield from track(batches, "scoring", total, console=Console(stderr=True), transient=True)


@dataclass(frozen=True)
class _Line:
    """The figures of one annotator, pooled over the tasks."""

    tasks: "Sequence[ScoredTask]"

    def figures(self) -> "dict[str, int | Interval]":
        """Counts, and figures with intervals clustered by task."""
        from benchmark_qa.stats.intervals import ratio_interval

        objects = [task.score.objects for task in self.tasks]
        hits = [float(score.true_positives) for score in objects]
        spurious = [float(score.false_positives) for score in objects]
        missing = [float(score.false_negatives) for score in objects]
        found = [a + b for a, b in zip(hits, spurious, strict=True)]
        there = [a + b for a, b in zip(hits, missing, strict=True)]
        answers = [task.score.classifications for task in self.tasks]
        attributes = [task.score.attributes for task in self.tasks]
        scores = [task.score.score for task in self.tasks if task.score.score is not None]
        return {
            "tasks": len(self.tasks),
            "true_positives": round(sum(hits)),
            "false_positives": round(sum(spurious)),
            "false_negatives": round(sum(missing)),
            "precision": ratio_interval(hits, found),
            "recall": ratio_interval(hits, there),
            "f1": ratio_interval([2 * hit for hit in hits], [a + b for a, b in zip(found, there, strict=True)]),
            "mean_similarity": ratio_interval([score.similarity_sum for score in objects], hits),
            "accuracy": ratio_interval([a.correct for a in answers], [a.compared for a in answers]),
            "attribute_accuracy": ratio_interval([a.correct for a in attributes], [a.compared for a in attributes]),
            "score": ratio_interval(scores, [1.0] * len(scores)),
        }


def _annotators(tasks: "Iterable[ScoredTask]") -> Mapping[str, _Line]:
    groups = defaultdict(list)
    for task in tasks:
        groups[task.annotator].append(task)
    return {name: _Line(groups[name]) for name in sorted(groups)}


def _print_json(tasks: "Sequence[ScoredTask]", explain: bool) -> None:
    entries = [_task_entry(task, explain) for task in tasks]
    annotators = [
        {"annotator": name} | {key: _plain(value) for key, value in line.figures().items()}
        for name, line in _annotators(tasks).items()
    ]
    json_module.dump({"annotators": annotators, "tasks": entries}, sys.stdout)
    sys.stdout.write("\n")


def _task_entry(task: "ScoredTask", explain: bool) -> dict[str, Any]:
    result = task.score.to_dict()
    if not explain:
        del result["conflicts"]
    return {
        "annotator": task.annotator,
        "data_hash": task.data_hash,
        "data_title": task.data_title,
        "branch": task.branch,
        **result,
    }


def _print_csv(tasks: "Sequence[ScoredTask]", explain: bool) -> None:
    if explain:
        _write_conflicts(tasks)
        return
    rows = [{"annotator": name, **_flat(line.figures())} for name, line in _annotators(tasks).items()]
    write_rows(sys.stdout, [list(rows[0]), *(list(row.values()) for row in rows)])


def _plain(value: "int | Interval") -> Any:
    return value if isinstance(value, int) else asdict(value)


def _flat(figures: "Mapping[str, int | Interval]") -> dict[str, Any]:
    """Counts and figures as columns: `f1`, `f1_low`, `f1_high` and `f1_n`, as in the report."""
    row: dict[str, Any] = {}
    for name, value in figures.items():
        if isinstance(value, int):
            row[name] = value
        else:
            row |= {name: value.estimate, f"{name}_low": value.low, f"{name}_high": value.high, f"{name}_n": value.n}
    return row


def _write_conflicts(tasks: "Sequence[ScoredTask]") -> None:
    rows = [
        {"annotator": task.annotator, "data_hash": task.data_hash, **conflict.to_dict()}
        for task in tasks
        for conflict in task.score.conflicts
    ]
    if rows:
        write_table(sys.stdout, rows[0], rows)


def _print_table(tasks: "Sequence[ScoredTask]", explain: bool, *, wide: bool) -> None:
    from benchmark_qa.terminal.printing import Column, plain_console, print_columns

    console = plain_console() if sys.stdout.isatty() else plain_console(width=WIDE)
    lines = dict(_annotators(tasks))
    if len(lines) > 1:
        lines["(all)"] = _Line(tasks)
    figures = {name: line.figures() for name, line in lines.items()}
    shown = [key for key in _HEADINGS if any(_is_known(figure[key]) for figure in figures.values())]
    columns = [Column("annotator", list(lines), rank=0, right=False)]
    for key in shown:
        cells = [_figure_cell(figures[name][key], with_ends=key == "f1") for name in lines]
        columns.append(Column(_HEADINGS[key], cells, rank=_RANKS.get(key, len(_RANKS) + 1)))
    print_columns(console, columns, wide=wide)
    if explain:
        for task in tasks:
            for conflict in task.score.conflicts:
                sentence = f"{task.annotator} {task.data_hash}: {conflict.explain()}"
                console.print(sentence, highlight=False)


WIDE = 140
"""Width in columns of a table that does not go to a terminal."""

_RANKS = {"tasks": 1, "f1": 2, "score": 3, "precision": 4, "recall": 5}
"""Ranks of columns: a narrow terminal shows the lowest first"""
_HEADINGS = {
    "tasks": "tasks",
    "true_positives": "matches",
    "false_positives": "spurious",
    "false_negatives": "missing",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1 [95 %]",
    "mean_similarity": "mean IoU",
    "accuracy": "classif.",
    "attribute_accuracy": "attrib.",
    "score": "score",
}


def _is_known(value: "int | Interval") -> bool:
    return isinstance(value, int) or value.estimate is not None


def _figure_cell(value: "int | Interval", *, with_ends: bool) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if value.estimate is None:
        return "n/a"
    ends = f" [{value.low:.2f}, {value.high:.2f}]" if with_ends else ""
    return f"{value.estimate:.4f}{ends}"


_PRINTERS = {ScoresFormat.JSON: _print_json, ScoresFormat.CSV: _print_csv}
