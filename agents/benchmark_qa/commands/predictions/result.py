"""The result of an evaluation of predictions: frozen values that print and convert to JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmark_qa.stats.intervals import Interval

NO_CLASS = "(none)"
"""Name of the row of predictions without an object and the column of objects without a prediction."""


@dataclass(frozen=True)
class ClassFigures:
    """Figures of one class. A figure is None if it is not applicable; `why` gives the reason."""

    name: str
    truths: int
    """Objects in the ground truth, without crowd regions."""
    predictions: int
    """Predictions of any confidence, without those in a crowd region."""
    ap: float | None
    """Average precision, mean over IoU 0.50:0.05:0.95."""
    ap50: float | None
    ap75: float | None
    ap_small: float | None
    ap_medium: float | None
    ap_large: float | None
    ar: float | None
    """Average recall over IoU 0.50:0.05:0.95 with at most 100 predictions per image."""
    true_positives: int
    """At the confidence and the IoU of the evaluation, like the counts and ratios that follow."""
    false_positives: int
    false_negatives: int
    precision: Interval
    """Like recall and F1, with a 95 % interval clustered by image (from label rows: by data unit)."""
    recall: Interval
    f1: Interval
    best_f1: float | None
    """The highest F1 over all confidences."""
    best_confidence: float | None
    """The confidence threshold that gives the best F1."""
    why: str | None


@dataclass(frozen=True)
class PredictionConfusion:
    """Objects by true class and predicted class, at the confidence and the IoU of the evaluation.

    Predictions are matched within their class first; unmatched ones on both sides are then matched across classes.
    `cells[i][j]` counts objects of class i that were predicted as class j; the last row and column stand for no object
    and no prediction.
    """

    names: tuple[str, ...]
    cells: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class CalibrationBin:
    """Predictions whose confidence is in [low, high); the last bin includes its upper end."""

    low: float
    high: float
    predictions: int
    confidence: float | None
    """Mean confidence of the predictions."""
    precision: float | None
    """Share of the predictions that are right."""


@dataclass(frozen=True)
class Calibration:
    """How well confidence agrees with precision: at 0.8, eight of ten predictions should be right."""

    bins: tuple[CalibrationBin, ...]
    error: float | None
    """Expected calibration error: mean of |confidence - precision| over bins, weighted by predictions."""
    why: str | None


@dataclass(frozen=True)
class PredictionScore:
    """The evaluation of one set of predictions against one ground truth.

    `summary` holds the twelve figures of the COCO protocol under their usual names; None is not applicable
    (no ground truth of that size), neither 0 nor a pass.
    """

    region: str
    iou: float
    confidence: float
    images: int
    truths: int
    crowd_regions: int
    predictions: int
    unmatched_images: int
    """Images with predictions that the truth does not have; they count nowhere."""
    not_compared: Mapping[str, int]
    """Objects that are neither boxes nor areas, by shape; they count nowhere."""
    summary: Mapping[str, float | None]
    classes: tuple[ClassFigures, ...]
    macro_f1: float | None
    """Mean F1 of the classes that have ground truth."""
    worst_class: str | None
    """The class with the lowest AP."""
    confusion: PredictionConfusion
    calibration: Calibration
    notes: tuple[str, ...] = ()
    """Remarks for the user about the figures and about how the files were read."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        figures = ", ".join(f"{name} {shown(self.summary[name])}" for name in ("AP", "AP50", "AP75", "AR100"))
        return (
            f"{figures}, F1 {shown(self.macro_f1)} at confidence {self.confidence:g} "
            f"({self.predictions} predictions, {self.truths} objects, {self.images} images)"
        )


def shown(figure: float | None) -> str:
    """A figure with three decimals, or a text that it is not applicable."""
    return "n/a" if figure is None else f"{figure:.3f}"
