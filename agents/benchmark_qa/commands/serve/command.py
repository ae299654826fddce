"""`benchmark-qa serve`: the HTTP service."""

import logging
import os
import runpy
import signal
import socket
import sys
import threading
from types import FrameType
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI

from benchmark_qa.commands.serve.connections import (
    ACCEPTED_TOGETHER,
    QUEUED_BY_SYSTEM,
    Patience,
    connections_of_this_process,
    protocol_of,
)
from benchmark_qa.lazy import loading
from benchmark_qa.terminal.failures import clear_failures


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 in a container.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="PORT", min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8080,
) -> None:
    """Serve the agents that Encord calls.

    Settings come from the environment: BENCHMARK_QA_CONFIG (file or inline JSON), ENCORD_SSH_KEY or
    ENCORD_SSH_KEY_FILE, ENCORD_DOMAIN, ROUTE_SECRET, SCORE_SECRET, DATABASE_URL, LOG_LEVEL.
    """
    with clear_failures():
        with loading():
            from benchmark_qa.config.settings import load_settings

            settings = load_settings(endpoints=True)  # before the imports that take seconds: a mistake is told at once
            from benchmark_qa.service.app import create_app
            from benchmark_qa.service.observability import log_as_json

            log_as_json(settings.log_level, settings.secret_values())
            _log.info("%s", settings.connections_in_words)
            app = create_app(settings, isolates_heavy_work=True)
        serve_until_terminated(app, host, port)


GRACE_SECONDS = 7
"""Seconds given to running requests when the server stops"""


LONGEST_END_SECONDS = 9.0


_log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """On a stop signal, finishes short work and ends the process with the rest still running.

    Python would wait for a thread that waits for Encord, and such a thread cannot be interrupted. So the process ends
    with it when the time is up. A killed drain does no harm: Encord's next notification starts it again.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, with a queue in the system that is longer than the number accepted together."""
        await super().startup(sockets)
        for server in self.servers:
            for listening in server.sockets:
                with socket.socket(fileno=os.dup(listening.fileno())) as same:
                    same.listen(QUEUED_BY_SYSTEM)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop accepting work and start the grace period."""
        if not self.should_exit:
            last = threading.Timer(LONGEST_END_SECONDS, _hand_back, [sig])
            last.daemon = True
            last.start()
        super().handle_exit(sig, frame)


def serve_until_terminated(app: FastAPI, host: str, port: int, patience: Patience | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        # The same parser everywhere, so that tests cover the parser of production.
        http=protocol_of(patience or Patience(connections=connections_of_this_process())),
        ws="none",
        backlog=ACCEPTED_TOGETHER,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    Server(config).run()


def _hand_back(sig: int) -> None:
    _log.warning("%s: the time is up; what still runs is begun again by the next delivery", signal.Signals(sig).name)
    os._exit(0)


HTTP_HANDLER = "benchmark_qa.service.aws_lambda.http"


def container(
    handler: Annotated[str, typer.Argument(help="On Lambda: the function's handler.")] = HTTP_HANDLER,
    port: Annotated[
        int, typer.Option(envvar="PORT", min=0, max=65535, help="Elsewhere: the port to listen on.")
    ] = 8080,
) -> None:
    """Serve on $PORT, or be a Lambda function where Lambda's runtime says so.

    All in this process: signals reach the server and not a wrapper, and Python starts once.
    """
    if "AWS_LAMBDA_RUNTIME_API" in os.environ:
        sys.argv = ["awslambdaric", handler]
        runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
    else:
        serve(host="0.0.0.0", port=port)  # noqa: S104 - a container's own network


def healthy(
    port: Annotated[int, typer.Option(envvar="PORT", min=0, max=65535, help="Port of the service.")] = 8080,
) -> None:
    """Whether the service of this container answers; for the image's health check."""
    import urllib.request

    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=4).close()
    except OSError as error:
        print(f"the service does not answer on port {port}: {error}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(1) from None
