"""Read and write the entries of a registration file one by one, so that its size does not matter."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from json.decoder import JSONDecodeError
from typing import Any, BinaryIO, TextIO

from benchmark_qa.commands.register.entries import MOST_ITEMS, MOST_URLS
from benchmark_qa.commands.register.key_frames import NotANumber, refuse_constant

_READ = 64 * 1024


_SPACE = " \t\r\n"


class MalformedFile(Exception):
    """The file is not JSON, or not an object of lists."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line:,}: {reason}")
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Value:
    """A member of the top-level object: an element of a list, or (`in_list` false) the member itself."""

    line: int
    key: str
    value: Any
    in_list: bool


def values(text: TextIO) -> Iterator[Value]:
    """Yield every element of every top-level list, and every member that is no list, with its line.

    Raises:
        MalformedFile
    """
    cursor = _Cursor(text)
    cursor.expect("{")
    more = not cursor.skip("}")
    while more:
        line, key = cursor.value()
        if not isinstance(key, str):
            raise MalformedFile(line, "a key must be a string")
        cursor.expect(":")
        if cursor.skip("["):
            yield from _elements(cursor, key)
        else:
            line, value = cursor.value()
            yield Value(line, key, value, in_list=False)
        more = cursor.skip(",")
        if not more:
            cursor.expect("}")
    cursor.expect_end()


def _elements(cursor: "_Cursor", key: str) -> Iterator[Value]:
    more = not cursor.skip("]")
    while more:
        line, value = cursor.value()
        yield Value(line, key, value, in_list=True)
        more = cursor.skip(",")
        if not more:
            cursor.expect("]")


class _Cursor:
    """A position in a text of which only a window is in memory."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._window = ""
        self._at = 0
        self._line = 1
        self._ended = False
        self._decode = json.JSONDecoder(parse_constant=refuse_constant).raw_decode

    def skip(self, mark: str) -> bool:
        """Whether the next character is `mark`; if so, step over it."""
        if self._next() != mark:
            return False
        self._at += 1
        return True

    def expect(self, mark: str) -> None:
        """Step over a character that must be next."""
        if not self.skip(mark):
            found = self._next()
            raise MalformedFile(self._line, f"expected {mark!r}, found {found!r}" if found else f"ends before {mark!r}")

    def expect_end(self) -> None:
        """Check that only white space follows."""
        if self._next():
            raise MalformedFile(self._line, "something follows the end of the object")

    def value(self) -> tuple[int, Any]:
        """The next JSON value and its line."""
        self._next()
        line = self._line
        while True:
            try:
                value, end = self._decode(self._window, self._at)
                if end < len(self._window) or self._ended:
                    break
            except JSONDecodeError as error:
                if self._ended:
                    broken = line + self._window.count("\n", self._at, error.pos)
                    raise MalformedFile(broken, f"is not JSON: {error.msg}") from None
            except NotANumber as error:
                raise MalformedFile(line, str(error)) from None
            except RecursionError:
                raise MalformedFile(line, "is nested too deeply") from None
            # Double the window: an entry of any length is decoded a few times at most.
            self._read(max(_READ, len(self._window) - self._at))
        self._advance(end)
        return line, value

    def _next(self) -> str:
        """The next character that is not white space; empty at the end."""
        while True:
            while self._at < len(self._window) and self._window[self._at] in _SPACE:
                self._line += self._window[self._at] == "\n"
                self._at += 1
            if self._at < len(self._window):
                return self._window[self._at]
            if self._ended:
                return ""
            self._read(_READ)

    def _advance(self, to: int) -> None:
        self._line += self._window.count("\n", self._at, to)
        self._at = to

    def _read(self, size: int) -> None:
        try:
            more = self._text.read(size)
        except UnicodeDecodeError:
            raise MalformedFile(self._line, "is not UTF-8, here or shortly after") from None
        self._ended = not more
        self._window = self._window[self._at :] + more
        self._at = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one registration file."""

    items: int = MOST_ITEMS
    urls: int = MOST_URLS


class PartWriter:
    """Writes entries, which must come sorted by key, into as many files as needed.

    Args:
        open_part: opens the file with a number from 1; the writer closes it.
        skip_duplicate_urls: value for the files' setting about URLs that are registered already.
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
        """Write one entry with `urls` URLs on a line of its own."""
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
        """Close the open file, if any."""
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
