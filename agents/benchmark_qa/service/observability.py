"""Request counts and times, and `GET /metrics` for Prometheus where the extra `metrics` is installed."""

import time
from hmac import compare_digest
from importlib import import_module

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from benchmark_qa import telemetry


class CountRequests:
    """ASGI middleware: every request by endpoint and status, and its duration."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            # The route as it is declared, `/reports/{project}`: of paths as they come anybody could make labels
            # without end, and tokens are no labels.
            path = getattr(scope.get("route"), "path", "(unknown)")
            telemetry.requests.add(1, {"endpoint": path, "status": int(status)})
            telemetry.request_seconds.record(time.perf_counter() - started, {"endpoint": path})


def install_metrics(app: FastAPI, token: SecretStr | None) -> None:
    """Count requests; serve `/metrics` to whoever has the token, where the exporter is installed."""
    app.add_middleware(CountRequests)
    if token is not None and _is_installed("opentelemetry.exporter.prometheus"):
        app.include_router(_prometheus(token))


def _is_installed(module: str) -> bool:
    try:
        import_module(module)
    except ModuleNotFoundError:
        return False
    return True


def _prometheus(token: SecretStr) -> APIRouter:
    from opentelemetry import metrics  # noqa: PLC0415 - an extra
    from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest  # noqa: PLC0415

    metrics.set_meter_provider(MeterProvider(metric_readers=[PrometheusMetricReader()]))
    router = APIRouter(tags=["operations"])
    expected = f"Bearer {token.get_secret_value()}".encode()

    @router.get("/metrics", include_in_schema=False)
    async def scrape(request: Request) -> Response:
        """Everything that is counted, as Prometheus reads it."""
        if not compare_digest(request.headers.get("Authorization", "").encode(), expected):
            raise HTTPException(401, "the operator's token is missing or wrong", {"WWW-Authenticate": "Bearer"})
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router
