"""Spellings that the two protocols share: dates, SQL LIKE patterns, pages."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from dateutil.parser import isoparse
from dateutil.parser import parse as parse_any_date

from emulator.errors import InvalidArgumentsError

PAGE_SIZE = 100


def iso(moment: datetime) -> str:
    """The v2 spelling of a moment."""
    return moment.isoformat()


def rfc_1123(moment: datetime) -> str:
    """The spelling of label rows, as the SDK writes it itself: whole seconds, `UTC` at the end."""
    return moment.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S UTC")


def sql_date(moment: datetime) -> str:
    """The spelling of recorded label rows, and the only one that the legacy project's reader accepts."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def parse_date(text: str) -> datetime:
    """A moment out of a filter; without a zone it is UTC.

    Raises:
        InvalidArgumentsError: when it is no date.
    """
    try:
        moment = isoparse(text) if text[:4].isdigit() and "T" in text else parse_any_date(text)
    except (ValueError, OverflowError):
        raise InvalidArgumentsError(f"Not a date: {text!r}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@lru_cache(maxsize=256)
def sql_like(pattern: str) -> Callable[[str], bool]:
    """A test for SQL's LIKE: `%` is any text, `_` any character; case is ignored."""
    expression = "".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)
    compiled = re.compile(expression, re.DOTALL | re.IGNORECASE)
    return lambda text: compiled.fullmatch(text) is not None


def whole(results: Iterable[Any]) -> dict[str, Any]:
    """A list that comes in one page."""
    return {"results": list(results)}


def page(results: Sequence[Any], token: str | None, size: int = PAGE_SIZE) -> dict[str, Any]:
    """One page of a list that does not change while it is read.

    Lists that callers change while they read them (task queues) have cursors of their own.
    """
    start = int(token) if token and token.isdigit() else 0
    end = start + size
    return {"results": list(results[start:end]), "nextPageToken": str(end) if end < len(results) else None}
