"""Benchmark QA for Encord: the service, its scoring engine and its command line.

The names below are the public API; all others may change without notice. They are imported on first use.
"""

from typing import TYPE_CHECKING

from benchmark_qa.lazy import deferred

if TYPE_CHECKING:
    from benchmark_qa.commands.predictions.detections import Detections
    from benchmark_qa.commands.predictions.evaluation import evaluate_predictions
    from benchmark_qa.engine.config import ScoringConfig
    from benchmark_qa.engine.metrics import MetricInput
    from benchmark_qa.engine.result import TaskScore
    from benchmark_qa.engine.task import score_task
    from benchmark_qa.labels.annotations import Annotations
    from benchmark_qa.labels.ontology import Ontology
    from benchmark_qa.labels.reader import read_label_row
    from benchmark_qa.stats.intervals import Interval, ratio_interval
else:
    __getattr__ = deferred(
        __name__,
        {
            "Annotations": "labels.annotations",
            "Detections": "commands.predictions.detections",
            "Interval": "stats.intervals",
            "MetricInput": "engine.metrics",
            "Ontology": "labels.ontology",
            "ScoringConfig": "engine.config",
            "TaskScore": "engine.result",
            "evaluate_predictions": "commands.predictions.evaluation",
            "ratio_interval": "stats.intervals",
            "read_label_row": "labels.reader",
            "score_task": "engine.task",
        },
    )

__version__ = "0.1.0"
__all__ = [
    "Annotations",
    "Detections",
    "Interval",
    "MetricInput",
    "Ontology",
    "ScoringConfig",
    "TaskScore",
    "evaluate_predictions",
    "ratio_interval",
    "read_label_row",
    "score_task",
]
