"""A team's own metrics: found by the name of an entry point, or as `module:function`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from agents.labels.annotations import Annotations
from agents.labels.ontology import Ontology

if TYPE_CHECKING:
    from agents.scoring.result import TaskScore

GROUP = "benchmark_qa.metrics"


class MetricNotFoundError(ValueError):
    """No metric of this name is installed."""


@dataclass(frozen=True, slots=True)
class MetricInput:
    """What a metric of one's own may look at."""

    truth: Annotations
    labels: Annotations
    ontology: Ontology
    score: "TaskScore"
    """The score so far; without metrics and requirements."""


Metric = Callable[[MetricInput], float | None]
"""A number, the greater the better, or None where it does not apply."""


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


def _callable(found: object, name: str) -> Metric:
    if not callable(found):
        raise MetricNotFoundError(f"the metric {name!r} is not a function")
    return found
