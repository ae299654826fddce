"""Create the application from the settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI

from benchmark_qa import __version__
from benchmark_qa.config.settings import Settings
from benchmark_qa.service.admission import AllowedOrigins, adapt
from benchmark_qa.service.endpoints.custom_agents import custom_agents
from benchmark_qa.service.endpoints.events import events
from benchmark_qa.service.endpoints.health import health
from benchmark_qa.service.endpoints.notifications import notifications
from benchmark_qa.service.endpoints.reports import reports
from benchmark_qa.service.errors import AnswerWhenCutOff, Refusals, WithoutTrailingSlash, install_error_handlers
from benchmark_qa.service.observability import CarryTrace, install_metrics
from benchmark_qa.service.service import Service


def create_app(settings: Settings, *, isolates_heavy_work: bool = False) -> FastAPI:
    """The HTTP application of one deployment.

    Args:
        settings: of this instance.
        isolates_heavy_work: process large answers and scoring drains outside of this process, which runs an event loop;
            for servers with many requests, not for hosts that give each request its own instance.
    """
    service = Service(settings, isolates_heavy_work=isolates_heavy_work)
    # Before the first request: an invalid key must stop the start.
    _ = service.connections.projects

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        adapting = asyncio.create_task(adapt(anyio.to_thread.current_default_thread_limiter()))
        yield
        adapting.cancel()
        await anyio.to_thread.run_sync(service.close)

    refusals = Refusals()
    app = FastAPI(
        title="Encord benchmark agents",
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
        # The list of endpoints is not shown to strangers.
        openapi_url="/openapi.json" if settings.api_docs else None,
    )
    install_error_handlers(app)
    AllowedOrigins(settings.editor_origin_regex).install(app)
    app.add_middleware(AnswerWhenCutOff)
    app.add_middleware(CarryTrace)
    install_metrics(app, settings.metrics_token, lambda: refusals.note("/metrics", "wrong token"))
    app.add_middleware(WithoutTrailingSlash)
    app.include_router(health(service.check, operators=[settings.metrics_token, settings.report_token]))
    app.include_router(custom_agents(settings, service, refusals))
    app.include_router(notifications(settings, service, refusals))
    app.include_router(events(settings, service, refusals))
    if settings.report_token is not None:
        app.include_router(reports(settings.report_token, service, refusals))
    if settings.uses_cloud_tasks:
        from benchmark_qa.service.endpoints.jobs import jobs  # noqa: PLC0415 - needs the extra `cloud-tasks`

        app.include_router(jobs(settings, service, refusals))
    app.state.service = service
    return app
