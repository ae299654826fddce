"""`benchmark-qa pace`: how often people meet benchmark items."""

import json as json_module
from dataclasses import asdict
from typing import Annotated

import typer

from agents.cli.failures import clear_failures


def pace(
    apply: Annotated[bool, typer.Option("--apply", help="Set the priorities of waiting benchmark tasks.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the shares as JSON.")] = False,
) -> None:
    """Hold the share of benchmark tasks in everybody's work against 'exposure.target_share'.

    With --apply, waiting benchmark tasks come earlier where people meet too few of them, later where they meet enough.
    """
    with clear_failures():
        from rich.console import Console
        from rich.table import Table

        from agents.config import load_settings
        from agents.service import Service
        from agents.workflows.pace import measure_pace, set_pace

        service = Service(load_settings(endpoints=False))
        measured = measure_pace(service.projects)
        if apply:
            set_pace(service.projects, measured)
        if json:
            typer.echo(json_module.dumps(asdict(measured), indent=2))
            return
        console = Console()
        target = service.settings.config.exposure.target_share
        table = Table("annotator", "benchmark", "tasks", "share [95 %]", caption=f"target {target:.0%}")
        for each in (*measured.shares, measured.overall):
            share = each.share
            cell = "n/a" if share.estimate is None else f"{share.estimate:.0%} \\[{share.low:.0%}, {share.high:.0%}]"
            table.add_row(each.annotator, f"{each.benchmark:,}", f"{each.tasks:,}", cell)
        console.print(table)
        verb = "have a new priority" if apply else "would get a new priority (--apply)"
        console.print(f"{len(measured.priorities):,} waiting benchmark tasks {verb}", highlight=False)
