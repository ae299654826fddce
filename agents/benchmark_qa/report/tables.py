"""The report's tables for the terminal."""

import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from benchmark_qa.quality.leaderboard import BoardLine, Leaderboard
from benchmark_qa.quality.verdict import BELOW_OTHERS, PersonVerdict
from benchmark_qa.stats.intervals import Interval
from benchmark_qa.terminal.printing import Column, plain_console, print_columns

_FILE_WIDTH = 160
_RANKS = {"annotator": 0, "verdict": 0, "tasks": 1, "F1 [95 %]": 2, "accuracy [95 %]": 2, "precision": 3, "recall": 4}
_LAST = 9
"""Rank of every other column: the first to be left out in a narrow terminal"""
_WORDS = ("annotator", "verdict")
_COLOURS = {"above the bar": "green", "below the bar": "red"}


def print_leaderboard(board: Leaderboard, output: Path | None = None, *, wide: bool = False) -> None:
    """Print one line per annotator and one for all of them, on the terminal or into a file.

    A narrow terminal gets the most important columns; `wide` shows all on it.
    """
    if output is not None:
        with output.open("w", encoding="utf-8") as file:
            _print(board, plain_console(file=file, width=_FILE_WIDTH), wide=True)
        return
    # A program or a pager that reads the output has no width.
    _print(board, plain_console() if sys.stdout.isatty() else plain_console(width=_FILE_WIDTH), wide=wide)


def _print(board: Leaderboard, console: Console, *, wide: bool) -> None:
    if not board.lines:
        console.print("no scores yet: run 'benchmark-qa evaluate', or wait for Encord to call the scoring agent")
        return
    with_objects = board.pooled.f1.estimate is not None
    columns = (
        ("matches", "spurious", "missing", "precision", "recall", "F1 [95 %]", "mean IoU")
        if with_objects
        else ("accuracy [95 %]",)
    )
    headings = ("annotator", "tasks", *columns, "shrunk", "verdict")
    rows = [_cells(line, with_objects=with_objects) for line in board.lines]
    rows.append([*_cells(board.pooled, with_objects=with_objects)[:-2], "", ""])
    shown = [
        Column(heading, [row[number] for row in rows], _RANKS.get(heading, _LAST), heading not in _WORDS)
        for number, heading in enumerate(headings)
    ]
    print_columns(console, shown, wide=wide)


def _cells(line: BoardLine, *, with_objects: bool) -> list[str | Text]:
    figures = (
        [
            f"{line.true_positives:,}",
            f"{line.false_positives:,}",
            f"{line.false_negatives:,}",
            _figure(line.precision),
            _figure(line.recall),
            _with_interval(line.f1),
            _figure(line.mean_similarity),
        ]
        if with_objects
        else [_with_interval(line.accuracy)]
    )
    colour = _COLOURS.get(line.verdict)
    shrunk = "n/a" if line.shrunk is None else f"{line.shrunk:.3f}"
    verdict = Text(line.verdict, style=colour or "")
    if line.judged is not None:
        verdict.append(_beside(line.judged))
    return [line.annotator, f"{line.tasks:,}", *figures, shrunk, verdict]


def _beside(judged: PersonVerdict) -> str:
    """How long the verdict has been known, or how many tasks are expected until it is."""
    said = ""
    if judged.since is not None:
        said = f" since task {judged.since.task:,}"
    elif judged.still is not None:
        said = f", {judged.still}"
    return said + (f"; {BELOW_OTHERS}" if judged.is_below_others else "")


def _figure(interval: Interval) -> str:
    return "n/a" if interval.estimate is None else f"{interval.estimate:.3f}"


def _with_interval(interval: Interval) -> str:
    if interval.estimate is None:
        return "n/a"
    return f"{interval.estimate:.3f} [{interval.low:.2f}, {interval.high:.2f}]"
