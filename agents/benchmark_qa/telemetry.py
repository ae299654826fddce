"""What is counted and timed, through OpenTelemetry's API.

Without an SDK installed and configured all of this does nothing and costs next to nothing. The extra `metrics` brings
the SDK and Prometheus' exporter; any other exporter can be configured with OpenTelemetry's own environment variables.

Nobody asks a worker process what it has counted: its counts go back with its results, and are added to the server's.
"""

from collections import Counter
from collections.abc import Callable, Mapping

from opentelemetry import metrics

Attributes = Mapping[str, str | int]
Key = tuple[str, tuple[tuple[str, str | int], ...]]
"""A counter's name, and attributes"""
Counts = Mapping[Key, int]

Reading = Callable[[], float]

_meter = metrics.get_meter("encord-benchmark-agents")
_counters: "dict[str, Count]" = {}
_noted: Counter[Key] = Counter()
"""What has been counted in this process since it was last told"""


class Count:
    """A counter of OpenTelemetry's that worker processes have as well."""

    def __init__(self, name: str, description: str) -> None:
        self._name = name
        self._counter = _meter.create_counter(name, description=description)
        _counters[name] = self

    def add(self, amount: int, attributes: Attributes | None = None) -> None:
        """Count so many more."""
        self._counter.add(amount, attributes)
        _noted[self._name, tuple(sorted((attributes or {}).items()))] += amount


def observe(name: str, description: str, reading: Reading, *, unit: str = "") -> None:
    """Read a value whenever somebody asks for the metrics; of this process alone."""
    _meter.create_observable_gauge(
        name, callbacks=[lambda _: [metrics.Observation(reading())]], unit=unit, description=description
    )


def take_counts() -> Counts:
    """What was counted in this process since the last call."""
    taken = dict(_noted)
    _noted.clear()
    return taken


def add_counts(counts: Counts) -> None:
    """Count here what was counted in another process."""
    for (name, attributes), amount in counts.items():
        _counters[name].add(amount, dict(attributes))


requests = Count("benchmark_qa.requests", description="requests answered, by endpoint and status")
request_seconds = _meter.create_histogram("benchmark_qa.request.duration", unit="s", description="time to answer")
refusals = Count("benchmark_qa.refusals", description="requests whose caller was refused, by endpoint and reason")
encord_requests = Count("benchmark_qa.encord.requests", description="requests to Encord, by status")
encord_seconds = _meter.create_histogram("benchmark_qa.encord.duration", unit="s", description="until Encord answers")
decisions = Count("benchmark_qa.decisions", description="tasks decided, by agent and pathway")
scores = Count("benchmark_qa.scores", description="annotators' labels scored")
held_tasks = Count("benchmark_qa.tasks.held", description="tasks that stayed because no score could be recorded")
owed_scores = Count("benchmark_qa.scores.owed", description="data units sent on without a score that was recorded")
unrecorded_scores = Count("benchmark_qa.scores.unrecorded", description="scores the store did not take")
unit_failures = Count("benchmark_qa.unit_failures", description="data units whose reading or scoring broke down")
