"""The evaluation of predictions, and what was found, as tables for the terminal."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agents.findings import ClassErrors, Contradiction, Findings, LabelError
from agents.reporting.predictions import Evaluation
from agents.scoring.intervals import Interval
from agents.scoring.predictions import Confusion, Difference, PredictionScore, Slice
from agents.scoring.predictions.result import NO_CLASS

WIDE = 160
"""Columns of the tables where the output is no terminal."""
WORST = 10
"""Slices and other findings that are shown; JSON has all of them."""


def console_of(output: Path | None) -> Console:
    """The terminal, or a place without a width of its own."""
    if output is not None:
        return Console(file=output.open("w", encoding="utf-8"), width=WIDE, highlight=False)
    return Console(highlight=False) if sys.stdout.isatty() else Console(width=WIDE, highlight=False)


_HEADINGS = {
    "truths": "objects",
    "predictions": "predictions",
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
    "ar": "AR",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1 [95 %]",
    "best_f1": "best F1",
}


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Tables by class, of the confusion, of the differences and of the slices; the summary last."""
    score = evaluation.score
    console.print(_class_table(score))
    console.print(_confusion_table(score.confusion))
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
        console.print(_class_errors_table(findings.classes))
    if findings.contradictions is not None:
        console.print(_contradiction_table(findings.contradictions, names, most))
    if findings.rare_classes:
        console.print(_rare_table(findings))
    else:
        console.print(f"no class is in fewer than {findings.enough_examples:,} data units")


def _class_table(score: PredictionScore) -> Table:
    title = f"by class (F1 at confidence {score.confidence:g}, IoU {score.iou:g})"
    table = _table(title, "class", *_HEADINGS.values())
    for figures in score.classes:
        cells = {name: _cell(getattr(figures, name)) for name in _HEADINGS}
        if figures.f1.estimate is not None:
            cells["f1"] += escape(f" [{figures.f1.low:.2f}, {figures.f1.high:.2f}]")
        if figures.best_confidence is not None:
            cells["best_f1"] += f" at {figures.best_confidence:.2f}"
        table.add_row(escape(figures.name), *cells.values())
    return table


def _confusion_table(confusion: Confusion) -> Table:
    names = [*map(escape, confusion.names), NO_CLASS]
    table = _table("confusion", "truth, predicted as", *names)
    for name, row in zip(names, confusion.cells, strict=True):
        table.add_row(name, *(f"{count:,}" for count in row))
    return table


def _difference_table(differences: Sequence[Difference]) -> Table:
    table = _table("against the other model", "figure", "other", "this", "difference [95 %]", "")
    for one in differences:
        change = "n/a" if one.difference is None else f"{one.difference:+.4f}"
        if one.low is not None:
            change += escape(f" [{one.low:+.3f}, {one.high:+.3f}]")
        remark = one.why or ("certain" if one.is_certain else "may be chance")
        table.add_row(escape(one.name), _cell(one.first), _cell(one.second), change, remark)
    return table


def slice_table(slices: Sequence[Slice]) -> Table:
    """The worst slices."""
    title = f"the {min(WORST, len(slices))} worst of {len(slices):,} slices" if slices else "no slice has enough images"
    table = _table(title, "slice", "metric", "images", "here", "elsewhere", "gap [95 %, of all at once]", "")
    for one in slices[:WORST]:
        gap = escape(f"{one.gap:+.3f} [{one.gap_low:+.2f}, {one.gap_high:+.2f}]")
        remark = "certain" if one.gap_low > 0 else "may be chance"
        cells = _cell(one.images), _cell(one.inside), _cell(one.outside), gap, remark
        table.add_row(escape(one.title), one.metric, *cells)
    return table


def _error_table(errors: Sequence[LabelError], names: Sequence[str], most: int) -> Table:
    title = f"the {min(most, len(errors))} likeliest of {len(errors):,} likely label errors"
    table = _table(title, "image", "fault", "class", "strength", "confidence", "overlap")
    for one in errors[:most]:
        cells = one.fault, escape(one.class_name), *map(_cell, (one.strength, one.confidence, one.iou))
        table.add_row(escape(names[one.image]), *cells)
    return table


def _class_errors_table(classes: Sequence[ClassErrors]) -> Table:
    headings = "objects", "missed", "recall [95 %]", "predictions", "spurious", "precision [95 %]", "taken for"
    table = _table("missing and spurious", "class", *headings)
    for one in classes:
        recall, precision = map(_with_interval, (one.recall, one.precision))
        cells = _cell(one.objects), _cell(one.missed), recall, _cell(one.predictions), _cell(one.spurious), precision
        table.add_row(escape(one.name), *cells, escape(one.taken_for or ""))
    return table


def _contradiction_table(found: Sequence[Contradiction], names: Sequence[str], most: int) -> Table:
    title = f"near-duplicates labelled differently: {len(found):,} groups"
    table = _table(title, "image", "and", "pictures", "agreement (F1)", "only in the first", "only in the second")
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


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(first, *others, title=title)
    for column in table.columns[1:]:
        column.justify = "right"
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
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"
