"""`benchmark-qa container`: what the image runs, on whichever host it finds itself."""

import os
import sys
from typing import Annotated

import typer

HTTP_HANDLER = "agents.aws_lambda.http"


def container(
    handler: Annotated[str, typer.Argument(help="On Lambda: the function's handler.")] = HTTP_HANDLER,
) -> None:
    """Serve on $PORT, or be a Lambda function where Lambda's runtime says so.

    The process is replaced, so that signals reach the server and not a wrapper.
    """
    on_lambda = "AWS_LAMBDA_RUNTIME_API" in os.environ
    module = ["awslambdaric", handler] if on_lambda else ["agents.cli", "serve", "--host", "0.0.0.0"]  # noqa: S104
    os.execv(sys.executable, [sys.executable, "-m", *module])  # noqa: S606 - a fixed program


def healthy(port: Annotated[int, typer.Option(envvar="PORT", help="Port of the service.")] = 8080) -> None:
    """Whether the service of this container answers; for the image's health check."""
    import urllib.request

    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=4).close()
    except OSError as error:
        print(f"the service does not answer on port {port}: {error}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(1) from None
