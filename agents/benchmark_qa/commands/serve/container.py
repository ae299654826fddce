"""`benchmark-qa container`: what the image runs, on whichever host it finds itself."""

import os
import runpy
import sys
from typing import Annotated

import typer

from benchmark_qa.commands.serve.command import serve

HTTP_HANDLER = "benchmark_qa.service.aws_lambda.http"


def container(
    handler: Annotated[str, typer.Argument(help="On Lambda: the function's handler.")] = HTTP_HANDLER,
    port: Annotated[int, typer.Option(envvar="PORT", help="Elsewhere: the port to listen on.")] = 8080,
) -> None:
    """Serve on $PORT, or be a Lambda function where Lambda's runtime says so.

    All in this process: signals reach the server and not a wrapper, and Python starts once.
    """
    if "AWS_LAMBDA_RUNTIME_API" in os.environ:
        sys.argv = ["awslambdaric", handler]
        runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
    else:
        serve(host="0.0.0.0", port=port)  # noqa: S104 - a container's own network


def healthy(port: Annotated[int, typer.Option(envvar="PORT", help="Port of the service.")] = 8080) -> None:
    """Whether the service of this container answers; for the image's health check."""
    import urllib.request

    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=4).close()
    except OSError as error:
        print(f"the service does not answer on port {port}: {error}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(1) from None
