"""Serving an emulator over HTTP or HTTPS."""

import asyncio
import gc
import socket

import uvicorn

from emulator.emulator import Emulator
from emulator.http.application import Application
from emulator.tls import Certificate

BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches off the delay of small packets only where the protocol is named: 40 ms an answer over TLS.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((host, port))
    found.listen(BACKLOG)
    return found


def url_of(listening: socket.socket, certificate: Certificate | None = None) -> str:
    """The address that clients are given."""
    host, port = listening.getsockname()[:2]
    scheme = "http" if certificate is None else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def make_server(emulator: Emulator, certificate: Certificate | None = None) -> uvicorn.Server:
    """A server that is not running yet."""
    config = uvicorn.Config(
        Application(emulator).asgi(),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
        lifespan="on",
        backlog=BACKLOG,
        ssl_certfile=certificate.certificate if certificate else None,
        ssl_keyfile=certificate.key if certificate else None,
    )
    return uvicorn.Server(config)


def serve(emulator: Emulator, listening: socket.socket, certificate: Certificate | None = None) -> None:
    """Serves until it is told to stop (SIGINT, SIGTERM)."""
    # What a world holds stays: the collector need not look through it again and again.
    gc.collect()
    gc.freeze()
    print(f"emulator listening on {url_of(listening, certificate)}", flush=True)  # noqa: T201
    asyncio.run(make_server(emulator, certificate).serve(sockets=[listening]))
