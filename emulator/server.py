"""Serving an emulator over HTTP."""

import asyncio
import socket

import uvicorn

from emulator.emulator import Emulator
from emulator.http.application import Application

BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((host, port))
    found.listen(BACKLOG)
    return found


def url_of(listening: socket.socket) -> str:
    """The address that clients are given."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_server(emulator: Emulator) -> uvicorn.Server:
    """A server that is not running yet."""
    config = uvicorn.Config(
        Application(emulator).asgi(),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
        lifespan="on",
    )
    return uvicorn.Server(config)


def serve(emulator: Emulator, listening: socket.socket) -> None:
    """Serves until it is told to stop (SIGINT, SIGTERM)."""
    print(f"emulator listening on {url_of(listening)}", flush=True)  # noqa: T201
    asyncio.run(make_server(emulator).serve(sockets=[listening]))
