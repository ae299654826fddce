"""Metrics where the extra is not installed."""

import sys
from unittest.mock import patch

from fastapi import FastAPI
from pydantic import SecretStr

from benchmark_qa.service.observability import install_metrics


def test_a_token_without_the_extra_stops_no_start() -> None:
    app = FastAPI()
    with patch.dict(sys.modules, {"opentelemetry.exporter": None}):  # as Python says that there is no such package
        sys.modules.pop("opentelemetry.exporter.prometheus", None)
        install_metrics(app, SecretStr("metrics-token-of-the-test-0123456789"))
    assert "/metrics" not in {getattr(route, "path", "") for route in app.routes}
