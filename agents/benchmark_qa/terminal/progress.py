"""Show the progress of a long command, and its end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

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

from benchmark_qa.context import Progress as Advance


@contextmanager
def task_progress(verb: str) -> Iterator[Advance]:
    """Show a live count of tasks on standard error; yields the function that advances it."""
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
    """Show a progress bar of items on standard error; yields the function that advances it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(verb, total=total)
        yield lambda items: progress.advance(bar, items)


@contextmanager
def step_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar per step on standard error; yields the function that advances a step."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bars: dict[str, TaskID] = {}

        def advance(step: str, done: int, total: int) -> None:
            if step not in bars:
                bars[step] = progress.add_task(step, total=total)
            progress.update(bars[step], advance=done, total=total)

        yield advance
