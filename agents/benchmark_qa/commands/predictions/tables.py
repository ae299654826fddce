"""The tables of an evaluation of predictions for the terminal."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from benchmark_qa.commands.predictions.comparison import Difference
from benchmark_qa.commands.predictions.page import Evaluation
from benchmark_qa.commands.predictions.result import NO_CLASS, Confusion, PredictionScore
from benchmark_qa.commands.predictions.slices import Slice
from benchmark_qa.terminal.tables import _cell, _table, _with_interval

WORST = 10
"""Slices and other findings that are printed; JSON has all of them."""


_PROTOCOL = {"ap": "AP", "ap50": "AP50", "ap75": "AP75", "ar": "AR"}


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Print tables of classes, confusion, differences and slices; the summary comes last."""
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
    """Print the matrix; if it is wider than the terminal, print the most frequent confusions."""
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
    """A table of the worst slices."""
    count = f"the {min(WORST, len(slices))} worst of {len(slices):,} slices (the intervals hold for all at once)"
    title = count if slices else "no slice has enough images"
    table = _table(title, "slice", "images", "here", "elsewhere", "gap [95 %]", "")
    for one in slices[:WORST]:
        gap = escape(f"{one.gap:+.3f} [{one.gap_low:+.2f}, {one.gap_high:+.2f}]")
        remark = "certain" if one.gap_low > 0 else "chance?"
        cells = _cell(one.images), _cell(one.inside), _cell(one.outside), gap, remark
        table.add_row(escape(f"{one.metric} where {one.title}"), *cells)
    return table
