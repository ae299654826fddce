"""`benchmark-qa truth status`: which benchmark items have finished truth, and which scores are older than it."""

import json as json_module
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark_qa.terminal.failures import INCOMPLETE, clear_failures

if TYPE_CHECKING:
    from benchmark_qa.commands.truth.status import TruthItem


def status(
    every: Annotated[bool, typer.Option("--all", help="List the items that are in order, too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print every item as JSON.")] = False,
) -> None:
    """Say of every benchmark item whether its truth is complete, empty, unreviewed, or newer than its scores.

    Exit code 0, 4 when an item that is not excluded is unreviewed or has scores made against older truth ('rescore'
    makes them anew), 2 for faulty settings, 3 when Encord or the database cannot be used.
    """
    with clear_failures():
        from benchmark_qa.commands.truth.status import truth_status
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.service.service import Service

        service = Service(load_settings(endpoints=False))
        items = truth_status(service.projects, service.scorer.truth, service.store)
        if json:
            typer.echo(json_module.dumps({"counts": _counts(items), "items": [asdict(item) for item in items]}))
        else:
            _print(items, every=every)
        if any(item.needs_work for item in items):
            raise typer.Exit(INCOMPLETE)


def _counts(items: "list[TruthItem]") -> dict[str, int]:
    states = Counter(item.state for item in items)
    return {
        "items": len(items),
        "complete": states["complete"],
        "empty": states["empty"],
        "unreviewed": states["unreviewed"],
        "changed_since_scored": sum(item.outdated > 0 for item in items),
        "excluded": sum(item.excluded is not None for item in items),
    }


def _print(items: "list[TruthItem]", *, every: bool) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    listed = [item for item in items if every or item.needs_work or item.excluded is not None or item.state == "empty"]
    if listed:
        table = Table("title", "data hash", "truth", "stage", "scores", "of older truth", "excluded")
        for item in listed:
            table.add_row(*(escape(cell) for cell in _cells(item)))
        console.print(table)
    counts = _counts(items)
    words = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
    console.print(words)


def _cells(item: "TruthItem") -> list[Any]:
    scores, outdated = f"{item.scores:,}", f"{item.outdated:,}" if item.outdated else ""
    return [item.title, item.data_hash, item.state, item.stage or "", scores, outdated, item.excluded or ""]
