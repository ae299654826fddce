"""How good a model's predictions are: mAP and mAR by the COCO protocol, F1, confusion and calibration.

`Detections.from_coco` and `detections_from_label_rows` read what is compared, `evaluate_predictions` compares
it. The evaluator is the library `faster-coco-eval`; it comes with the extra `predictions` and is imported only
when something is evaluated.
"""

from benchmark_qa.scoring.predictions.coco import Detections, PredictionInputError, Source
from benchmark_qa.scoring.predictions.comparison import Comparison, Difference, compare_predictions
from benchmark_qa.scoring.predictions.evaluation import evaluate_predictions
from benchmark_qa.scoring.predictions.files import given_by_coco, given_by_table
from benchmark_qa.scoring.predictions.label_rows import (
    detections_from_label_rows,
    detections_of_models,
    given_by_rows,
    truth_of_rows,
)
from benchmark_qa.scoring.predictions.library import EvaluatorMissingError
from benchmark_qa.scoring.predictions.result import (
    Calibration,
    CalibrationBin,
    ClassFigures,
    Confusion,
    PredictionScore,
)
from benchmark_qa.scoring.predictions.slices import Slice, find_slices
from benchmark_qa.scoring.predictions.truth import Given, Truth

__all__ = [
    "Calibration",
    "CalibrationBin",
    "ClassFigures",
    "Comparison",
    "Confusion",
    "Detections",
    "Difference",
    "EvaluatorMissingError",
    "Given",
    "PredictionInputError",
    "PredictionScore",
    "Slice",
    "Source",
    "Truth",
    "compare_predictions",
    "detections_from_label_rows",
    "detections_of_models",
    "evaluate_predictions",
    "find_slices",
    "given_by_coco",
    "given_by_rows",
    "given_by_table",
    "truth_of_rows",
]
