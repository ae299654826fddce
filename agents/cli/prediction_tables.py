"""The evaluation of predictions as tables for the terminal, or as JSON."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agents.scoring.intervals import Interval
from agents.scoring.predictions import Confusion, Difference, PredictionScore, Slice
from agents.scoring.predictions.result import NO_CLASS

WIDE = 140
"""Columns of the tables where the output is no terminal."""
WORST = 10
"""Slices that are shown; JSON has all of them."""

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


def as_json(
    score: PredictionScore, differences: Sequence[Difference] | None, slices: Sequence[Slice] | None
) -> dict[str, Any]:
    """The evaluation, with `differences` and `slices` where they were asked for."""
    result = score.to_dict()
    if differences is not None:
        result["differences"] = [asdict(difference) for difference in differences]
    if slices is not None:
        result["slices"] = [one.to_dict() for one in slices]
    return result


def print_all(score: PredictionScore, differences: Sequence[Difference] | None, slices: Sequence[Slice] | None) -> None:
    """Tables by class, of the confusion, of the differences and of the slices; the summary last."""
    console = Console(highlight=False) if sys.stdout.isatty() else Console(width=WIDE, highlight=False)
    console.print(_class_table(score))
    console.print(_confusion_table(score.confusion))
    if differences is not None:
        console.print(_difference_table(differences))
    if slices is not None:
        console.print(_slice_table(slices))
    console.print(", ".join(f"{name} {_cell(value)}" for name, value in score.summary.items()))
    calibration = score.calibration
    reason = f" ({calibration.why})" if calibration.why else ""
    console.print(f"expected calibration error {_cell(calibration.error)}{reason}")
    console.print(str(score))


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


def _slice_table(slices: Sequence[Slice]) -> Table:
    title = f"the {min(WORST, len(slices))} worst of {len(slices):,} slices" if slices else "no slice has enough images"
    table = _table(title, "slice", "metric", "images", "here", "elsewhere", "gap [95 %]")
    for one in slices[:WORST]:
        gap = escape(f"{one.gap:+.3f} [{one.gap_low:+.2f}, {one.gap_high:+.2f}]")
        name = escape(f"{one.field} = {one.value}")
        table.add_row(name, one.metric, _cell(one.images), _cell(one.inside), _cell(one.outside), gap)
    return table


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(first, *others, title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _cell(value: float | Interval | None) -> str:
    if isinstance(value, Interval):
        return _cell(value.estimate)
    if value is None:
        return "n/a"
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"
