"""Write a report to files: JSON, CSV, Parquet, HTML page, and a few lines of Markdown for a chat channel."""

import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from benchmark_qa.errors import MissingExtraError
from benchmark_qa.formats.separated_values import write_table
from benchmark_qa.page.template import NAMES
from benchmark_qa.quality.items import usual_seconds
from benchmark_qa.quality.leaderboard import BoardLine
from benchmark_qa.quality.report import Report
from benchmark_qa.stats.intervals import Interval

NAMES_TOLD = 5


def digest(report: Report) -> str:
    """Whom to train, which class is misunderstood, which ground truth is suspect."""
    board = report.leaderboard
    if not board.lines:
        return "**Benchmark QA**: no scores yet.\n"
    pooled = getattr(board.pooled, board.headline)
    lines = [
        f"**Benchmark QA**: {board.pooled.tasks:,} tasks by {len(board.lines):,} annotators, "
        f"{NAMES[board.headline]} {told(pooled)}",
        "",
        *_people(report),
    ]
    worst = report.classes[0] if report.classes else None
    if worst is not None:
        figure = worst.figures.f1 if worst.figures.f1.estimate is not None else worst.figures.accuracy
        lines.append(f"- Weakest class: {escaped(worst.name)}, {told(figure)}")
    if report.conflicts:
        first = report.conflicts[0]
        lines.append(f"- Most frequent conflict: {first.words} {escaped(first.feature)}, {first.count:,} times")
    lines.append(f"- Ground truth to look at: {_number(len(report.suspects), 'place')} the annotators contradict")
    usual = usual_seconds(report.ratings)
    if usual is not None:
        lines.append(f"- Time per task of the median annotator: {usual:,.0f} s")
    if report.stale:
        lines.append(f"- {_number(len(report.stale), 'score')} out of date: run `benchmark-qa rescore`")
    return "\n".join(lines) + "\n"


def told(interval: Interval) -> str:
    """An estimate with its interval as text."""
    if interval.estimate is None:
        return f"not applicable ({interval.reason})"
    return f"{interval.estimate:.3f} [{interval.low:.2f}, {interval.high:.2f}]"


def escaped(text: str) -> str:
    """Text with Markdown characters escaped."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#~" else letter for letter in text)


def _people(report: Report) -> list[str]:
    board = report.leaderboard
    below = [line for line in reversed(board.lines) if line.verdict == "below the bar"]
    if board.verdicts.order.is_systematic:
        return ["- Nothing can be said of anybody: items are not met in random order"]
    if not below:
        return [f"- Nobody is below the bar of {board.bar.threshold:g}"]
    named = ", ".join(_person(report, line) for line in below[:NAMES_TOLD])
    more = f" and {len(below) - NAMES_TOLD} more" if len(below) > NAMES_TOLD else ""
    return [f"- Below the bar of {board.bar.threshold:g}: {named}{more}"]


def _person(report: Report, line: BoardLine) -> str:
    figure = line.judged.figure if line.judged else getattr(line, report.leaderboard.headline)
    return f"{escaped(line.annotator)} {told(figure)}"


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


TABLES = (
    "annotators",
    "ratings",
    "kappa",
    "tasks",
    "classes",
    "requirements",
    "datasets",
    "weeks",
    "conflicts",
    "drift",
    "items",
    "suspects",
)
"""Lists of the report's JSON that can be written as a table"""


_EXTRA = "the extra 'report': pip install '.[report]' in a checkout"


TableCell = str | int | float | bool | None


def write_report(report: Report, format: str, output: Path | None, *, table: str = "annotators") -> None:  # noqa: A002
    """Write the report to a file, or to standard output.

    Args:
        report: the report.
        format: `json`, `html`, `csv`, `parquet` or `markdown`.
        output: the file; None for standard output.
        table: of `TABLES`, for CSV and Parquet.

    Raises:
        MissingExtraError
    """
    content = render(report, format, table=table)
    if output is not None:
        output.write_bytes(content)
        return
    stream: BinaryIO = sys.stdout.buffer
    stream.write(content)
    stream.flush()


def render(report: Report, format: str, *, table: str = "annotators") -> bytes:  # noqa: A002
    """The report as bytes in one format; see `write_report` for the formats."""
    match format:
        case "json":
            return orjson.dumps(report.to_dict()) + b"\n"
        case "csv":
            return _csv(rows_of(report, table)).encode("utf-8")
        case "parquet":
            return _parquet(rows_of(report, table))
        case "markdown":
            return digest(report).encode("utf-8")
        case "html":
            return _page(report)
    raise ValueError(f"no format {format!r}")


def rows_of(report: Report, table: str) -> list[dict[str, TableCell]]:
    """The rows of one table; an interval becomes the columns `f1`, `f1_low`, `f1_high` and `f1_n`."""
    return [_flat(entry) for entry in report.to_dict()[table]]


def _flat(entry: Mapping[str, Any]) -> dict[str, TableCell]:
    row: dict[str, TableCell] = {}
    for name, value in entry.items():
        if isinstance(value, Mapping) and "estimate" in value:
            row |= {
                name: value["estimate"],
                f"{name}_low": value["low"],
                f"{name}_high": value["high"],
                f"{name}_n": value["n"],
            }
        elif isinstance(value, Sequence | Mapping) and not isinstance(value, str):
            row[name] = orjson.dumps(value).decode()
        else:
            row[name] = value
    return row


def _csv(rows: Sequence[Mapping[str, TableCell]]) -> str:
    file = io.StringIO()
    if rows:
        write_table(file, _columns(rows), rows)
    return file.getvalue()


def _columns(rows: Sequence[Mapping[str, TableCell]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _parquet(rows: Sequence[Mapping[str, TableCell]]) -> bytes:
    try:
        import pyarrow as arrow  # noqa: PLC0415 - large, and only for this format
        from pyarrow import parquet  # noqa: PLC0415
    except ModuleNotFoundError:
        raise MissingExtraError("Parquet needs the extra 'report': pip install '.[report]' in a checkout") from None
    columns = _columns(rows)
    file = io.BytesIO()
    parquet.write_table(arrow.table({name: [row.get(name) for row in rows] for name in columns}), file)
    return file.getvalue()


def _page(report: Report) -> bytes:
    try:
        from benchmark_qa.report.page import render_page  # noqa: PLC0415 - needs the extra
    except ModuleNotFoundError:
        raise MissingExtraError("the page needs the extra 'report': pip install '.[report]' in a checkout") from None
    return render_page(report).encode("utf-8")
