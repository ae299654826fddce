"""An example of a metric of a team's own: how many drawings there are for each one in the truth."""

from benchmark_qa.engine.metrics import MetricInput


def drawings_per_object(given: MetricInput) -> float | None:
    objects = sum(map(len, given.truth.drawings.values()))
    return sum(map(len, given.labels.drawings.values())) / objects if objects else None
