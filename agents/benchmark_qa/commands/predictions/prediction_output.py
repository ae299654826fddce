"""What was evaluated or found, written where it is wanted."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

import orjson

from benchmark_qa.commands.score_exports.scoring import ExportError

if TYPE_CHECKING:
    from benchmark_qa.commands.predictions.command import Format
    from benchmark_qa.commands.predictions.page import Evaluation


def require_place(output: Path | None) -> None:
    """Before the work is done: is there a folder for what comes of it?

    Raises:
        ExportError: there is none, or a folder stands in the file's place.
    """
    if output is None:
        return
    if output.is_dir():
        raise ExportError(f"{output}: is a folder; --output wants a file")
    if not output.parent.is_dir():
        raise ExportError(f"{output}: there is no folder {output.parent}")


def write_evaluation(evaluation: "Evaluation", format: "Format", output: Path | None) -> None:  # noqa: A002
    """Tables, JSON or a page; into the file, or to standard output.

    Raises:
        ExportError: the file cannot be written.
        MissingExtraError: the page needs the extra `report`.
    """
    from benchmark_qa.commands.predictions.command import Format
    from benchmark_qa.commands.predictions.page import evaluation_page
    from benchmark_qa.commands.predictions.tables import console_of, print_evaluation

    match format:
        case Format.TABLE:
            with _writing(output), console_of(output) as console:
                print_evaluation(evaluation, console)
        case Format.JSON:
            write_json(evaluation.to_dict(), output)
        case Format.HTML:
            write(evaluation_page(evaluation), output)
        case _:
            assert_never(format)


def write_json(content: dict[str, Any], output: Path | None) -> None:
    """One line of JSON."""
    write(orjson.dumps(content) + b"\n", output)


def write(content: bytes, output: Path | None) -> None:
    """Into the file, or to standard output.

    Raises:
        ExportError: the file cannot be written.
    """
    if output is not None:
        with _writing(output):
            output.write_bytes(content)
        return
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


@contextmanager
def _writing(output: Path | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if output is None:
            raise
        raise ExportError(f"{output}: {error.strerror or error}") from None
