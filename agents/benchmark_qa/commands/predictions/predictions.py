"""The page of one evaluation of a model's predictions."""

from importlib.util import find_spec
from pathlib import PurePath

from markupsafe import Markup

from benchmark_qa.commands.predictions.page import Evaluation
from benchmark_qa.commands.predictions.result import Calibration
from benchmark_qa.report.page import HERE, environment

SLICES_SHOWN = 25
CONFUSION_SHOWN = 40
"""Classes from which the matrix is left to the JSON"""


def render_evaluation(evaluation: Evaluation) -> str:
    """One HTML file that needs nothing from anywhere."""
    score = evaluation.score
    slices = evaluation.slices or ()
    return (
        environment()
        .get_template("predictions.html.j2")
        .render(
            evaluation=evaluation,
            score=score,
            truth=short(evaluation.truth),
            predictions=short(evaluation.predictions),
            against=short(evaluation.against) if evaluation.against else None,
            style=Markup((HERE / "style.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
            calibration=_calibration(score.calibration),
            classes=sorted(score.classes, key=lambda each: (each.ap is None, each.ap or 0.0, each.name)),
            slices=slices[:SLICES_SHOWN],
            certain=[each for each in slices if each.gap_low > 0],
            certain_differences=[each for each in evaluation.differences or () if each.is_certain],
            most_confused=CONFUSION_SHOWN,
        )
    )


def _calibration(calibration: Calibration) -> Markup | None:
    """Drawn where Matplotlib is installed; the figures are on the page all the same."""
    if find_spec("matplotlib") is None:
        return None
    from benchmark_qa.commands.predictions.prediction_plots import calibration_plot

    return calibration_plot(calibration)


def short(reference: str) -> str:
    """The name of a file without its folder; a project's hash as it is."""
    return PurePath(reference).name or reference
