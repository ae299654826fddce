"""Wiring: settings in, application out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI

from agents import __version__
from agents.api.admission import adapt
from agents.api.custom_agents import custom_agents
from agents.api.errors import install_error_handlers
from agents.api.events import events
from agents.api.health import health
from agents.api.metrics import install_metrics
from agents.api.notifications import notifications
from agents.api.origins import AllowedOrigins
from agents.api.reports import reports
from agents.api.tracing import CarryTrace
from agents.config import Settings
from agents.front import Front


def create_app(settings: Settings, *, isolates_heavy_work: bool = False) -> FastAPI:
    """The HTTP application of one deployment.

    Args:
        settings: of this instance.
        isolates_heavy_work: keep large answers and scoring drains out of this process, which runs an event loop; for
            servers of many requests, not for hosts that give each request its own instance.
    """
    front = Front(settings, isolates_heavy_work=isolates_heavy_work)
    # Before the first request rather than in it: a key that is no key must stop the start.
    _ = front.projects

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        adapting = asyncio.create_task(adapt(anyio.to_thread.current_default_thread_limiter()))
        yield
        adapting.cancel()
        await anyio.to_thread.run_sync(front.close)

    app = FastAPI(title="Encord benchmark agents", version=__version__, lifespan=lifespan)
    install_error_handlers(app)
    AllowedOrigins(settings.editor_origin_regex).install(app)
    app.add_middleware(CarryTrace)
    install_metrics(app, settings.metrics_token)
    app.include_router(health(front.check))
    app.include_router(custom_agents(settings, front))
    app.include_router(notifications(settings, front))
    app.include_router(events(settings, front))
    if settings.report_token is not None:
        app.include_router(reports(settings.report_token, front))
    if settings.uses_cloud_tasks:
        from agents.api.jobs import jobs  # noqa: PLC0415 - needs the extra `cloud-tasks`

        app.include_router(jobs(settings, front))
    app.state.front = front
    return app
