"""Counters and timings through OpenTelemetry's API.

Without an installed and configured SDK they do nothing and cost almost nothing. The extra `metrics` installs the SDK
and the Prometheus exporter; OpenTelemetry's own environment variables configure any other exporter.

The metrics of a worker process are not read: its counts return with its results and are added to the server's.
"""

from collections import Counter
from collections.abc import Callable, Mapping

from opentelemetry import metrics

Attributes = Mapping[str, str | int]
Key = tuple[str, tuple[tuple[str, str | int], ...]]
"""Name and attributes of a counter."""
CountsByKey = Mapping[Key, int]

GaugeReading = Callable[[], float]

_meter = metrics.get_meter("encord-benchmark-agents")
_counters: "dict[str, Count]" = {}
_noted: Counter[Key] = Counter()
"""Counts of this process since the last `take_counts`."""


class Count:
    """A counter of OpenTelemetry that also works in worker processes."""

    def __init__(self, name: str, description: str) -> None:
        self._name = name
        self._counter = _meter.create_counter(name, description=description)
        _counters[name] = self

    def add(self, amount: int, attributes: Attributes | None = None) -> None:
        """Add to the counter."""
        self._counter.add(amount, attributes)
        _noted[self._name, tuple(sorted((attributes or {}).items()))] += amount


def register_gauge(name: str, description: str, reading: GaugeReading, *, unit: str = "") -> None:
    """Register a gauge of this process, read whenever the metrics are read."""
    _meter.create_observable_gauge(
        name, callbacks=[lambda _: [metrics.Observation(reading())]], unit=unit, description=description
    )


def take_counts() -> CountsByKey:
    """Return the counts of this process since the last call."""
    taken = dict(_noted)
    _noted.clear()
    return taken


def add_counts(counts: CountsByKey) -> None:
    """Add the counts of another process to those of this one."""
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
