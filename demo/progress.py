"""Live progress: a line a phase, moving in a terminal, printed once where there is none."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

DESCRIPTION_WIDTH = 42


class Phase:
    """What is being done just now, and how much of it is done."""

    def __init__(self, progress: Progress, description: str, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task(description.ljust(DESCRIPTION_WIDTH), total=total)

    def advance(self, steps: int = 1) -> None:
        """That many more are done."""
        self._progress.advance(self._task, steps)

    def reach(self, done: int) -> None:
        """That many are done by now."""
        self._progress.update(self._task, completed=done)


def unreported(_steps: int) -> None:
    """For steps that a phase does not count."""


@contextmanager
def phase(console: Console, description: str, total: int) -> Iterator[Phase]:
    """Show one phase until the block ends."""
    with Progress(
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        yield Phase(progress, description, total)
