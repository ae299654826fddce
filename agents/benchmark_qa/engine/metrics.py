"""Custom metrics, found by the name of an entry point or as `module:function`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from math import isfinite

from benchmark_qa.engine.errors import MetricFailedError
from benchmark_qa.engine.result import TaskScore
from benchmark_qa.labels.annotations import Annotations
from benchmark_qa.labels.ontology import Ontology

GROUP = "benchmark_qa.metrics"


class MetricNotFoundError(ValueError):
    """No metric of this name is installed."""


@dataclass(frozen=True, slots=True)
class MetricInput:
    """Input of a custom metric."""

    truth: Annotations
    labels: Annotations
    ontology: Ontology
    score: TaskScore
    """The score so far, without metrics and requirements."""


Metric = Callable[[MetricInput], float | None]
"""A number (greater is better), or None if the metric does not apply."""


@lru_cache(maxsize=64)
def find_metric(name: str) -> Metric:
    """The metric of this name.

    Raises:
        MetricNotFoundError: there is no such entry point, module or function.
    """
    for entry in entry_points(group=GROUP, name=name):
        return _callable(entry.load(), name)
    module, separator, function = name.partition(":")
    if not separator:
        raise MetricNotFoundError(
            f"no metric is called {name!r}: neither an entry point of {GROUP} nor module:function"
        )
    try:
        return _callable(getattr(import_module(module), function), name)
    except (ImportError, AttributeError) as error:
        raise MetricNotFoundError(f"the metric {name!r} cannot be loaded: {error}") from None


def apply_metric(name: str, given: MetricInput) -> float | None:
    """The value of a custom metric.

    Raises:
        MetricFailedError: it raised an error, or returned something that is neither None nor a finite number.
    """
    try:
        value = find_metric(name)(given)
    except MetricNotFoundError:
        raise
    except Exception as error:
        raise MetricFailedError(f"the metric {name!r} raised {type(error).__name__}") from error
    if value is not None and not (isinstance(value, int | float) and isfinite(value)):
        raise MetricFailedError(f"the metric {name!r} returned neither None nor a finite number")
    return value


def _callable(found: object, name: str) -> Metric:
    if not callable(found):
        raise MetricNotFoundError(f"the metric {name!r} is not a function")
    return found


METRICS: Mapping[str, Callable[[TaskScore], float | None]] = {
    "score": lambda s: s.score,
    "precision": lambda s: s.objects.precision,
    "recall": lambda s: s.objects.recall,
    "f1": lambda s: s.objects.f1,
    "mean_similarity": lambda s: s.objects.mean_similarity,
    "panoptic_quality": lambda s: s.objects.panoptic_quality,
    "worst_class_f1": lambda s: min((f for f in _class_f1(s) if f is not None), default=None),
    "classification_accuracy": lambda s: s.classifications.score,
    "attribute_accuracy": lambda s: s.attributes.accuracy,
    "idf1": lambda s: s.identity.idf1,
    "hota": lambda s: s.identity.hota,
}
"""The figures of `config.FIGURES`; each returns None if it does not apply."""


def _class_f1(score: TaskScore) -> list[float | None]:
    return [item.objects.f1 for item in score.by_class.values() if item.objects is not None]
