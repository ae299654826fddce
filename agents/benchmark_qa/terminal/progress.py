"""What a person sees while a long command runs, and at its end."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from benchmark_qa.tasks.drain import Drained
from benchmark_qa.tasks.drain import Progress as Advance


@contextmanager
def task_progress(verb: str) -> Iterator[Advance]:
    """A live count of tasks on standard error; yields the function that advances it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f} tasks"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(verb, total=None)
        yield lambda tasks: progress.advance(bar, tasks)


@contextmanager
def item_progress(verb: str, total: int) -> Iterator[Advance]:
    """A bar of items on standard error; yields the function that advances it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(verb, total=total)
        yield lambda items: progress.advance(bar, items)


def print_outcome(outcome: Drained, *, as_json: bool) -> None:
    """What was moved, and why the rest stays."""
    console = Console(highlight=False)
    if as_json:
        console.print_json(json.dumps(asdict(outcome)))
        return
    console.print(f"{outcome.moved:,} tasks sent on, {outcome.already_gone:,} had gone already")
    for reason, count in Counter(reason.split(": ", 1)[-1] for _, reason in outcome.refused).most_common():
        console.print(f"{count:,} stay: {reason}", markup=False)


@contextmanager
def step_progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for every step of a command, on standard error; yields the function that advances one of them."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bars: dict[str, TaskID] = {}

        def advance(step: str, done: int, total: int) -> None:
            if step not in bars:
                bars[step] = progress.add_task(step, total=total)
            progress.update(bars[step], advance=done, total=total)

        yield advance
