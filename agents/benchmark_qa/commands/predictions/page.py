"""One evaluation of a model's predictions, as JSON and as an HTML page."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

from markupsafe import Markup

from benchmark_qa.commands.predictions.comparison import Difference
from benchmark_qa.commands.predictions.plots import calibration_plot
from benchmark_qa.commands.predictions.result import PredictionScore
from benchmark_qa.commands.predictions.slices import Slice
from benchmark_qa.page.template import HERE, environment


@dataclass(frozen=True)
class Evaluation:
    """The figures of an evaluation, and its inputs."""

    score: PredictionScore
    differences: Sequence[Difference] | None
    """Differences from the other model; None: there is no other model"""
    slices: Sequence[Slice] | None
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
            result["differences"] = [asdict(difference) for difference in self.differences]
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
