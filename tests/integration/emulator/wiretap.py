"""A listener on the line: passes bytes on between the SDK and the emulator and keeps what was said."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

HEAD = re.compile(rb"(?:GET|POST|PUT|PATCH|DELETE) (\S+) HTTP/1\.1\r\n(.*?)\r\n\r\n", re.DOTALL)


@dataclass(frozen=True)
class Head:
    """A request as far as its empty line; header names in lower case."""

    target: str
    headers: dict[str, str]


@dataclass
class Tap:
    """`said` has one entry for every connection: the bytes that its client sent."""

    url: str
    said: list[bytearray] = field(default_factory=list)

    def requests_by_connection(self) -> list[int]:
        """How many requests came over each connection, in the order in which they were opened."""
        return [len(HEAD.findall(sent)) for sent in self.said]

    def heads(self) -> list[Head]:
        """All requests, connection by connection."""
        return [_head(*found) for sent in self.said for found in HEAD.findall(sent)]


def _head(target: bytes, lines: bytes) -> Head:
    pairs = (line.split(":", 1) for line in lines.decode("latin-1").split("\r\n"))
    return Head(target.decode(), {name.lower(): value.strip() for name, value in pairs})


@contextmanager
def tapped(url: str) -> Iterator[Tap]:
    """Listens in front of the server at `url` until the end of the block."""
    there = urlsplit(url)
    listening = socket.create_server(("127.0.0.1", 0))
    tap = Tap(f"http://127.0.0.1:{listening.getsockname()[1]}")

    def accept() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            server = socket.create_connection((there.hostname, there.port))
            sent = bytearray()
            tap.said.append(sent)
            for source, target, kept in ((client, server, sent), (server, client, bytearray())):
                threading.Thread(target=_pass_on, args=(source, target, kept), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield tap
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def _pass_on(source: socket.socket, target: socket.socket, kept: bytearray) -> None:
    try:
        while piece := source.recv(65536):
            kept.extend(piece)
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return
