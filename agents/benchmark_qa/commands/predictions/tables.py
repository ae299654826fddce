"""The evaluation of predictions, and what was found, as tables for the terminal."""

import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from benchmark_qa.commands.findings.by_class import ClassErrors
from benchmark_qa.commands.findings.contradictions import Contradiction
from benchmark_qa.commands.findings.findings import Findings
from benchmark_qa.commands.findings.label_errors import LabelError
from benchmark_qa.commands.predictions.comparison import Difference
from benchmark_qa.commands.predictions.page import Evaluation
from benchmark_qa.commands.predictions.result import NO_CLASS, Confusion, PredictionScore
from benchmark_qa.commands.predictions.slices import Slice
from benchmark_qa.stats.intervals import Interval

WIDE = 160
"""Columns of the tables where the output is no terminal."""
WORST = 10
"""Slices and other findings that are shown; JSON has all of them."""


@contextmanager
def console_of(output: Path | None) -> Iterator[Console]:
    """The terminal, or a place without a width of its own.

    Raises:
        OSError: the file cannot be written.
    """
    if output is not None:
        with output.open("w", encoding="utf-8") as file:
            yield Console(file=file, width=WIDE, highlight=False)
        return
    yield Console(highlight=False) if sys.stdout.isatty() else Console(width=WIDE, highlight=False)


_PROTOCOL = {"ap": "AP", "ap50": "AP50", "ap75": "AP75", "ar": "AR"}


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Tables by class, of the confusion, of the differences and of the slices; the summary last."""
    score = evaluation.score
    console.print(_protocol_table(score))
    console.print(_class_table(score))
    _print_confusion(score.confusion, console)
    if evaluation.differences is not None:
        console.print(_difference_table(evaluation.differences))
    if evaluation.slices is not None:
        console.print(slice_table(evaluation.slices))
    console.print(", ".join(f"{name} {_cell(value)}" for name, value in score.summary.items()))
    calibration = score.calibration
    reason = f" ({calibration.why})" if calibration.why else ""
    console.print(f"expected calibration error {_cell(calibration.error)}{reason}")
    console.print(str(score))


def print_findings(findings: Findings, names: Sequence[str], console: Console, *, most: int = WORST) -> None:
    """A table of each kind of finding; `names` are the titles of the images."""
    if findings.label_errors is not None:
        console.print(_error_table(findings.label_errors, names, most))
    if findings.slices is not None:
        console.print(slice_table(findings.slices))
    if findings.classes is not None:
        console.print(_missing_table(findings.classes))
        console.print(_spurious_table(findings.classes))
    if findings.contradictions is not None:
        console.print(_contradiction_table(findings.contradictions, names, most))
    if findings.rare_classes:
        console.print(_rare_table(findings))
    else:
        console.print(f"no class is in fewer than {findings.enough_examples:,} data units")


def _protocol_table(score: PredictionScore) -> Table:
    table = _table("by class, the COCO protocol", "class", "objects", "predictions", *_PROTOCOL.values())
    for figures in score.classes:
        cells = figures.truths, figures.predictions, *(getattr(figures, name) for name in _PROTOCOL)
        table.add_row(escape(figures.name), *map(_cell, cells))
    return table


def _class_table(score: PredictionScore) -> Table:
    title = f"by class, at confidence {score.confidence:g} and IoU {score.iou:g}"
    table = _table(title, "class", "precision", "recall", "F1 [95 %]", "best F1")
    for figures in score.classes:
        best = _cell(figures.best_f1)
        if figures.best_confidence is not None:
            best += f" at {figures.best_confidence:.2f}"
        cells = _cell(figures.precision), _cell(figures.recall), _with_interval(figures.f1), best
        table.add_row(escape(figures.name), *cells)
    return table


def _print_confusion(confusion: Confusion, console: Console) -> None:
    """The matrix; where it is wider than the terminal, what is confused most often."""
    table = _confusion_table(confusion)
    unlimited = console.options.update(max_width=sys.maxsize)
    fits = Measurement.get(console, unlimited, table).maximum <= console.width
    console.print(table if fits else _confused_table(confusion))


def _confusion_table(confusion: Confusion) -> Table:
    names = [*map(escape, confusion.names), NO_CLASS]
    table = _table("confusion", "truth, predicted as", *names)
    for name, row in zip(names, confusion.cells, strict=True):
        table.add_row(name, *(f"{count:,}" for count in row))
    return table


def _confused_table(confusion: Confusion) -> Table:
    names = [*confusion.names, NO_CLASS]
    mistaken = [
        (count, names[truth], names[predicted])
        for truth, row in enumerate(confusion.cells)
        for predicted, count in enumerate(row)
        if count and truth != predicted
    ]
    title = f"the {min(WORST, len(mistaken))} commonest of {len(mistaken):,} confusions (JSON has the matrix)"
    table = _table(title, "truth", "predicted as", "count", words={"predicted as"})
    for count, truth, predicted in sorted(mistaken, key=lambda one: -one[0])[:WORST]:
        table.add_row(escape(truth), escape(predicted), _cell(count))
    return table


def _difference_table(differences: Sequence[Difference]) -> Table:
    table = _table("against the other model", "figure", "other", "this", "difference [95 %]", "", words={""})
    for one in differences:
        change = "n/a" if one.difference is None else f"{one.difference:+.4f}"
        if one.low is not None:
            change += escape(f" [{one.low:+.3f}, {one.high:+.3f}]")
        remark = one.why or ("certain" if one.is_certain else "may be chance")
        table.add_row(escape(one.name), _cell(one.first), _cell(one.second), change, remark)
    return table


def slice_table(slices: Sequence[Slice]) -> Table:
    """The worst slices."""
    count = f"the {min(WORST, len(slices))} worst of {len(slices):,} slices (the intervals hold for all at once)"
    title = count if slices else "no slice has enough images"
    table = _table(title, "slice", "images", "here", "elsewhere", "gap [95 %]", "")
    for one in slices[:WORST]:
        gap = escape(f"{one.gap:+.3f} [{one.gap_low:+.2f}, {one.gap_high:+.2f}]")
        remark = "certain" if one.gap_low > 0 else "chance?"
        cells = _cell(one.images), _cell(one.inside), _cell(one.outside), gap, remark
        table.add_row(escape(f"{one.metric} where {one.title}"), *cells)
    return table


def _error_table(errors: Sequence[LabelError], names: Sequence[str], most: int) -> Table:
    title = f"the {min(most, len(errors))} likeliest of {len(errors):,} likely label errors"
    table = _table(title, "image", "fault", "class", "strength", "confidence", "overlap", words={"fault", "class"})
    for one in errors[:most]:
        cells = one.fault, escape(one.class_name), *map(_cell, (one.strength, one.confidence, one.iou))
        table.add_row(escape(names[one.image]), *cells)
    return table


def _missing_table(classes: Sequence[ClassErrors]) -> Table:
    table = _table("missing", "class", "objects", "missed", "recall [95 %]", "taken for", words={"taken for"})
    for one in sorted(classes, key=lambda each: -each.missed):
        cells = _cell(one.objects), _cell(one.missed), _with_interval(one.recall), escape(one.taken_for or "")
        table.add_row(escape(one.name), *cells)
    return table


def _spurious_table(classes: Sequence[ClassErrors]) -> Table:
    table = _table("spurious", "class", "predictions", "spurious", "precision [95 %]")
    for one in sorted(classes, key=lambda each: -each.spurious):
        table.add_row(escape(one.name), _cell(one.predictions), _cell(one.spurious), _with_interval(one.precision))
    return table


def _contradiction_table(found: Sequence[Contradiction], names: Sequence[str], most: int) -> Table:
    title = f"near-duplicates labelled differently: {len(found):,} groups"
    headings = "image", "and", "pictures", "F1", "only in the first", "only in the second"
    table = _table(title, *headings, words={"and", "only in the first", "only in the second"})
    for one in found[:most]:
        first, second = (escape(names[image]) for image in one.worst)
        only = (escape(", ".join(sorted(side))) for side in (one.only_in_first, one.only_in_second))
        table.add_row(first, second, _cell(len(one.images)), _cell(one.agreement), *only)
    return table


def _rare_table(findings: Findings) -> Table:
    title = f"classes in fewer than {findings.enough_examples:,} data units: {len(findings.rare_classes):,}"
    table = _table(title, "class", "objects", "data units", "predicted elsewhere, images")
    for one in findings.rare_classes:
        table.add_row(escape(one.name), _cell(one.objects), _cell(one.data_units), _cell(len(one.predicted)))
    return table


def _table(title: str, *headings: str, words: Collection[str] = ()) -> Table:
    """Columns of figures to the right and never cut; the first one and those of `words` are broken where they must."""
    table = Table(*headings, title=title)
    for column in table.columns:
        is_text = column is table.columns[0] or column.header in words
        column.justify = "left" if is_text else "right"
        column.overflow = "fold"
        column.no_wrap = not is_text
    return table


def _with_interval(figure: Interval) -> str:
    if figure.estimate is None:
        return "n/a"
    return escape(f"{figure.estimate:.3f} [{figure.low:.2f}, {figure.high:.2f}]")


def _cell(value: float | Interval | None) -> str:
    if isinstance(value, Interval):
        return _cell(value.estimate)
    if value is None:
        return "n/a"
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}"
