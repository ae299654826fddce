"""Registration files, written entry by entry, and begun anew when one has reached Encord's limits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from benchmark_qa.commands.register.entries import MOST_ITEMS, MOST_URLS


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one registration file."""

    items: int = MOST_ITEMS
    urls: int = MOST_URLS


class PartWriter:
    """Writes entries, which must come key by key, into as many files as they need.

    Args:
        open_part: gives the file of a number from 1; it is closed here.
        skip_duplicate_urls: what the files say of URLs that are registered already.
        limits: after which another file is begun.
    """

    def __init__(self, open_part: Callable[[int], BinaryIO], *, skip_duplicate_urls: bool, limits: Limits) -> None:
        self._open_part = open_part
        self._head = b'{"skip_duplicate_urls": true' if skip_duplicate_urls else b'{"skip_duplicate_urls": false'
        self._limits = limits
        self._part: BinaryIO | None = None
        self._key: str | None = None
        self._items = self._urls = 0
        self.parts = 0

    def add(self, key: str, entry: bytes, urls: int) -> None:
        """Writes one entry of so many URLs, on a line of its own."""
        if self._items + 1 > self._limits.items or self._urls + urls > self._limits.urls:
            self.close()
        part = self._part or self._begin()
        if key != self._key:
            part.write(b"%s,\n%s: [\n" % (b"\n]" if self._key else b"", f'"{key}"'.encode()))
            self._key = key
        else:
            part.write(b",\n")
        part.write(entry)
        self._items += 1
        self._urls += urls

    def close(self) -> None:
        """Ends the file that is open, if any."""
        if self._part is not None:
            self._part.write(b"\n]\n}\n")
            self._part.close()
            self._part = None

    def _begin(self) -> BinaryIO:
        self.parts += 1
        self._part = self._open_part(self.parts)
        self._part.write(self._head)
        self._key, self._items, self._urls = None, 0, 0
        return self._part
