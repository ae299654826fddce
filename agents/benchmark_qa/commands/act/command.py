"""`benchmark-qa act`: what is to be done about annotators below the bar."""

import json as json_module
from dataclasses import asdict
from typing import Annotated

import typer

from benchmark_qa.terminal.failures import clear_failures


def act(
    enforce: Annotated[bool, typer.Option("--enforce", help="Do it; without, only say what would be done.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the actions as JSON.")] = False,
) -> None:
    """List, and with --enforce take, the actions that 'actions' in the configuration asks for.

    Assigned tasks of annotators below the bar are released, their recent production tasks re-opened, benchmark items
    that good annotators keep failing taken out of the figures: each only where it is switched on, and only when the
    sequential test (or the interval) and the minimum number of tasks say so. Each is recorded, and can be undone with
    'benchmark-qa actions undo'.
    """
    with clear_failures():
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.quality.actions import Actor
        from benchmark_qa.tasks.connections import Connections
        from benchmark_qa.terminal.printing import plain_console

        connections = Connections(load_settings(endpoints=False))
        actor = Actor(connections.scorer)
        proposals = actor.propose()
        really = enforce or connections.settings.config.actions.enforce
        taken = actor.take(proposals) if really else []
        if json:
            typer.echo(json_module.dumps({"taken": really, "actions": [asdict(each) for each in proposals]}, indent=2))
            return
        console = plain_console(highlight=False)
        for number, proposal in enumerate(proposals):
            done = f" [{taken[number].action_id[:8]}]" if really else ""
            console.print(f"{proposal.kind}  {proposal.subject}: {proposal.reason}{done}")
        if not proposals:
            console.print("nothing to do")
        elif not really:
            console.print("nothing was done: run it with --enforce")
