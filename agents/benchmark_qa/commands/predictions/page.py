"""One evaluation of a model's predictions: as JSON, as tables, and as an HTML page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

from markupsafe import Markup
from rich.console import Console

from benchmark_qa.commands.predictions.evaluation import FigureDifference
from benchmark_qa.commands.predictions.result import NO_CLASS, Calibration, PredictionConfusion, PredictionScore
from benchmark_qa.commands.predictions.slices import DataSlice
from benchmark_qa.page.svg import ACCENT, SOFT, Plot, even_ticks
from benchmark_qa.page.template import HERE, environment
from benchmark_qa.terminal.printing import _cell, _with_interval, print_titled, width_of


def calibration_plot(calibration: Calibration) -> Markup | None:
    """Share of right predictions over their mean confidence; None if there are no predictions."""
    known = [
        (each.confidence, each.precision, each.predictions)
        for each in calibration.bins
        if each.confidence is not None and each.precision is not None
    ]
    if not known:
        return None
    most = max(count for *_, count in known)
    plot = Plot(
        label=f"Share of right predictions over confidence, in {len(known)} bins; on the dashed line both are equal",
        width=460.0,
        height=340.0,
        across=(-0.03, 1.03),
        up=(-0.03, 1.06),
    )
    ticks = [(value, f"{value:g}") for value in even_ticks(0.0, 1.0)]
    plot.name_across(ticks, "mean confidence")
    plot.name_up(ticks, "share that is right")
    plot.line([(0.0, 0.0), (1.0, 1.0)], SOFT, width=1.2, dashes="5 4")
    plot.line([(confidence, precision) for confidence, precision, _ in known], ACCENT, width=1.6)
    for confidence, precision, count in known:
        plot.dots([(confidence, precision)], ACCENT, (20 + 180 * count / most) ** 0.5 * 1.25)
    return plot.svg()


@dataclass(frozen=True)
class Evaluation:
    """The figures of an evaluation, and its inputs."""

    score: PredictionScore
    differences: Sequence[FigureDifference] | None
    """Differences from the other model; None: there is no other model"""
    slices: Sequence[DataSlice] | None
    """None: not searched for"""
    truth: str
    predictions: str
    against: str | None
    """Name of the other model"""
    asked_at: datetime

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: those of the score, and `differences` and `slices` if asked for."""
        result = self.score.to_dict()
        if self.differences is not None:
            result["differences"] = [difference.to_dict() for difference in self.differences]
        if self.slices is not None:
            result["slices"] = [one.to_dict() for one in self.slices]
        return result


def evaluation_page(evaluation: Evaluation) -> bytes:
    """The evaluation as one HTML file that loads nothing from elsewhere."""
    return render_evaluation(evaluation).encode("utf-8")


SLICES_SHOWN = 25


CONFUSION_SHOWN = 40
"""Number of classes from which the matrix is only in the JSON"""


def render_evaluation(evaluation: Evaluation) -> str:
    """The evaluation as one HTML file that loads nothing from elsewhere."""
    score = evaluation.score
    slices = evaluation.slices or ()
    return (
        environment(Path(__file__).parent)
        .get_template("page.html.j2")
        .render(
            evaluation=evaluation,
            score=score,
            truth=short(evaluation.truth),
            predictions=short(evaluation.predictions),
            against=short(evaluation.against) if evaluation.against else None,
            style=Markup((HERE / "style.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
            calibration=calibration_plot(score.calibration),
            classes=sorted(score.classes, key=lambda each: (each.ap is None, each.ap or 0.0, each.name)),
            slices=slices[:SLICES_SHOWN],
            certain=[each for each in slices if each.gap_low > 0],
            certain_differences=[each for each in evaluation.differences or () if each.is_certain],
            most_confused=CONFUSION_SHOWN,
        )
    )


def short(reference: str) -> str:
    """A file's name without its folder; a project's hash unchanged."""
    return PurePath(reference).name or reference


WORST = 10
"""Slices and other findings that are printed; JSON has all of them."""


_PROTOCOL = {"ap": "AP", "ap50": "AP50", "ap75": "AP75", "ar": "AR"}


def print_evaluation(evaluation: Evaluation, console: Console, *, wide: bool = False) -> None:
    """Print tables of classes, confusion, differences and slices; the summary comes last."""
    score = evaluation.score
    _print_protocol(score, console, wide=wide)
    _print_classes(score, console, wide=wide)
    _print_confusion(score.confusion, console, wide=wide)
    if evaluation.differences is not None:
        _print_differences(evaluation.differences, console, wide=wide)
    if evaluation.slices is not None:
        print_slices(evaluation.slices, console, wide=wide)
    console.print(", ".join(f"{name} {_cell(value)}" for name, value in score.summary.items()))
    calibration = score.calibration
    reason = f" ({calibration.why})" if calibration.why else ""
    console.print(f"expected calibration error {_cell(calibration.error)}{reason}")
    console.print(str(score))


def _print_protocol(score: PredictionScore, console: Console, *, wide: bool) -> None:
    headings = ("class", "objects", "predictions", *_PROTOCOL.values())
    rows = [
        (
            figures.name,
            _cell(figures.truths),
            _cell(figures.predictions),
            *(_cell(getattr(figures, name)) for name in _PROTOCOL),
        )
        for figures in score.classes
    ]
    print_titled(console, "by class, the COCO protocol", headings, rows, kept={"AP"}, wide=wide)


def _print_classes(score: PredictionScore, console: Console, *, wide: bool) -> None:
    title = f"by class, at confidence {score.confidence:g} and IoU {score.iou:g}"
    rows = []
    for figures in score.classes:
        best = _cell(figures.best_f1)
        if figures.best_confidence is not None:
            best += f" at {figures.best_confidence:.2f}"
        f1 = _with_interval(figures.f1)
        rows.append((figures.name, _cell(figures.precision), _cell(figures.recall), f1, best))
    headings = ("class", "precision", "recall", "F1 [95 %]", "best F1")
    print_titled(console, title, headings, rows, kept={"F1 [95 %]"}, wide=wide)


def _print_confusion(confusion: PredictionConfusion, console: Console, *, wide: bool) -> None:
    """Print the matrix; if it is wider than the terminal, print the most frequent confusions."""
    names = [*confusion.names, NO_CLASS]
    headings = ("truth, predicted as", *names)
    rows = [(name, *(f"{count:,}" for count in row)) for name, row in zip(names, confusion.cells, strict=True)]
    if wide or width_of(headings, rows) <= console.width:
        print_titled(console, "confusion", headings, rows, wide=True)
        return
    mistaken = [
        (count, names[truth], names[predicted])
        for truth, row in enumerate(confusion.cells)
        for predicted, count in enumerate(row)
        if count and truth != predicted
    ]
    title = f"the {min(WORST, len(mistaken))} commonest of {len(mistaken):,} confusions (JSON has the matrix)"
    worst = sorted(mistaken, key=lambda one: -one[0])[:WORST]
    print_titled(
        console,
        title,
        ("truth", "count", "predicted as"),
        [(truth, _cell(count), predicted) for count, truth, predicted in worst],
        words={"predicted as"},
        kept={"count", "predicted as"},
    )


def _print_differences(differences: Sequence[FigureDifference], console: Console, *, wide: bool) -> None:
    rows = []
    for one in differences:
        change = "n/a" if one.difference is None else f"{one.difference:+.4f}"
        if one.low is not None:
            change += f" [{one.low:+.3f}, {one.high:+.3f}]"
        remark = one.why or ("certain" if one.is_certain else "may be chance")
        rows.append((one.name, _cell(one.first), _cell(one.second), change, remark))
    headings = ("figure", "other", "this", "difference [95 %]", "it is")
    print_titled(
        console,
        "against the other model",
        headings,
        rows,
        words={"it is"},
        kept={"difference [95 %]"},
        wide=wide,
    )


def print_slices(slices: Sequence[DataSlice], console: Console, *, wide: bool = False) -> None:
    """Print a table of the worst slices."""
    count = f"the {min(WORST, len(slices))} worst of {len(slices):,} slices (the intervals hold for all at once)"
    rows = [
        (
            f"{one.metric} where {one.title}",
            _cell(one.images),
            _cell(one.inside),
            _cell(one.outside),
            f"{one.gap:+.3f} [{one.gap_low:+.2f}, {one.gap_high:+.2f}]",
            "certain" if one.gap_low > 0 else "chance?",
        )
        for one in slices[:WORST]
    ]
    headings = ("slice", "images", "here", "elsewhere", "gap [95 %]", "it is")
    title = count if slices else "no slice has enough images"
    print_titled(console, title, headings, rows, words={"it is"}, kept={"gap [95 %]"}, wide=wide)
