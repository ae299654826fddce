"""What the log says of failures."""

import json
import logging
import sys

from benchmark_qa.service.observability import JsonLines

LABELS = '{"objects": [{"x": 0.25, "y": 0.5}]}'


def test_a_traceback_tells_where_and_what_kind_and_quotes_no_message() -> None:
    def parse() -> None:
        raise ValueError(f"not JSON: {LABELS}")

    try:
        try:
            parse()
        except ValueError as error:
            raise RuntimeError(f"while reading {LABELS}") from error
    except RuntimeError:
        record = logging.LogRecord("agents", logging.ERROR, __file__, 1, "a job failed", (), sys.exc_info())
    line = json.loads(JsonLines().format(record))
    assert "0.25" not in str(line)
    assert "in parse" in line["exception"]
    assert [part for part in line["exception"].splitlines() if part.startswith("builtins.")] == [
        "builtins.ValueError",
        "builtins.RuntimeError",
    ]
