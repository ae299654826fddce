"""`benchmark-qa serve`: the HTTP service."""

from typing import Annotated

import typer

from benchmark_qa.agents_loading import loading
from benchmark_qa.terminal.failures import clear_failures


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 in a container.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT", help="Port to listen on; 0 takes a free one.")] = 8080,
) -> None:
    """Serve the agents that Encord calls.

    Settings come from the environment: BENCHMARK_QA_CONFIG (file or inline JSON), ENCORD_SSH_KEY or
    ENCORD_SSH_KEY_FILE, ENCORD_DOMAIN, ROUTE_SECRET, SCORE_SECRET, DATABASE_URL, LOG_LEVEL.
    """
    with clear_failures():
        with loading():
            from benchmark_qa.commands.serve.server import serve_until_terminated
            from benchmark_qa.config.settings import load_settings
            from benchmark_qa.service.app import create_app
            from benchmark_qa.service.logs import log_as_json

            settings = load_settings(endpoints=True)
            log_as_json(settings.log_level)
            app = create_app(settings, isolates_heavy_work=True)
        serve_until_terminated(app, host, port)
