"""What a person sees of a plan and of its end."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from benchmark_qa.commands.setup.changes import Change, Kind
    from benchmark_qa.commands.setup.outcome import Endpoint

_MARKS = {
    "create": "[green]+[/]",
    "change": "[yellow]~[/]",
    "drift": "[magenta]![/]",
    "fault": "[red]x[/]",
    "notice": "[cyan]?[/]",
    "unchanged": "[dim]=[/]",
}
_NEXT_PLACE = "\n" + " " * len("    where   ")
_WORDS: "dict[Kind, str]" = {
    "create": "to create",
    "change": "to change",
    "drift": "different by hand",
    "fault": "not fit",
    "notice": "worth a thought",
    "unchanged": "as declared",
}


def print_changes(changes: "Sequence[Change]", *, to_stderr: bool = False) -> None:
    """A line per change, what a person has to do below it, and the counts."""
    console = _console(to_stderr=to_stderr)
    for change in changes:
        console.print(f"{_MARKS[change.kind]} {escape(change.subject)}: {escape(change.message)}")
        if change.remedy:
            console.print(f"    -> {escape(change.remedy)}")
    counts = Counter(change.kind for change in changes)
    console.print(", ".join(f"{counts[kind]} {word}" for kind, word in _WORDS.items() if counts[kind]))


def step_done(total: int) -> "Callable[[Change], None]":
    """Tells on standard error of each step that is taken."""
    console, done = _console(to_stderr=True), iter(range(1, total + 1))

    def tell(change: "Change") -> None:
        console.print(f"[{next(done)}/{total}] {change.subject}: {change.message}", markup=False)

    return tell


def print_endpoints(endpoints: "Sequence[Endpoint]") -> None:
    """For each URL where it goes, and the variable of the service that takes its secret."""
    console = _console(to_stderr=False)
    for needed, heading in ((True, "Paste into Encord:"), (False, "If you like:")):
        console.print(heading)
        for endpoint in endpoints:
            if endpoint.needed == needed:
                console.print(f"  {endpoint.purpose}", markup=False)
                console.print(f"    URL     {endpoint.url}", markup=False)
                console.print(f"    where   {endpoint.where.replace('; ', _NEXT_PLACE)}", markup=False)
                console.print(f"    secret  {endpoint.secret}", markup=False)


def _console(*, to_stderr: bool) -> Console:
    return Console(highlight=False, stderr=to_stderr, soft_wrap=True)
