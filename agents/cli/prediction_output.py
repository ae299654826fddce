"""What was evaluated or found, written where it is wanted."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

import orjson

if TYPE_CHECKING:
    from agents.cli.predictions import Format
    from agents.reporting.predictions import Evaluation


def write_evaluation(evaluation: "Evaluation", format: "Format", output: Path | None) -> None:  # noqa: A002
    """Tables, JSON or a page; into the file, or to standard output.

    Raises:
        MissingExtraError: the page needs the extra `report`.
    """
    from agents.cli.prediction_tables import console_of, print_evaluation
    from agents.cli.predictions import Format
    from agents.reporting.predictions import evaluation_page

    match format:
        case Format.TABLE:
            print_evaluation(evaluation, console_of(output))
        case Format.JSON:
            write_json(evaluation.to_dict(), output)
        case Format.HTML:
            _write(evaluation_page(evaluation), output)
        case _:
            assert_never(format)


def write_json(content: dict[str, Any], output: Path | None) -> None:
    """One line of JSON."""
    _write(orjson.dumps(content) + b"\n", output)


def _write(content: bytes, output: Path | None) -> None:
    if output is not None:
        output.write_bytes(content)
        return
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
