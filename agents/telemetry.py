"""What is counted and timed, through OpenTelemetry's API.

Without an SDK installed and configured all of this does nothing and costs next to nothing. `pip install
encord-benchmark-agents[metrics]` brings the SDK and Prometheus' exporter; any other exporter can be configured with
OpenTelemetry's own environment variables.
"""

from opentelemetry import metrics

_meter = metrics.get_meter("encord-benchmark-agents")

requests = _meter.create_counter("benchmark_qa.requests", description="requests answered, by endpoint and status")
request_seconds = _meter.create_histogram("benchmark_qa.request.duration", unit="s", description="time to answer")
encord_requests = _meter.create_counter("benchmark_qa.encord.requests", description="requests to Encord, by status")
encord_seconds = _meter.create_histogram("benchmark_qa.encord.duration", unit="s", description="until Encord answers")
decisions = _meter.create_counter("benchmark_qa.decisions", description="tasks decided, by agent and pathway")
scores = _meter.create_counter("benchmark_qa.scores", description="annotators' labels scored")
unrecorded_scores = _meter.create_counter("benchmark_qa.scores.unrecorded", description="scores the store did not take")
