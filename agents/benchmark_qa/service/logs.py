"""Logs as JSON lines: time, level, message, trace id and what the caller adds. No label content, no secrets."""

import json
import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime

from benchmark_qa.context import current_trace_id

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record with its extra fields."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if trace_id := current_trace_id():
            entry["trace"] = trace_id
        entry.update({name: value for name, value in vars(record).items() if name not in _STANDARD})
        if record.exc_info and record.exc_info[1]:
            entry["exception"] = "".join(_places_and_kinds(record.exc_info[1]))
        return json.dumps(entry, default=str, ensure_ascii=False)


def _places_and_kinds(error: BaseException) -> Iterator[str]:
    """A traceback without the exceptions' messages: libraries quote answers, labels, statements and settings there."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _places_and_kinds(before)
        yield "which led to\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}\n"


def log_as_json(level: str) -> None:
    """Send every log record to standard error as a JSON line."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # The SDK logs the start of each request body at INFO, urllib3 each connection.
    for noisy in ("encord", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
