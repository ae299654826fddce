"""`benchmark-qa act`: propose and take actions about annotators below the bar."""

import json as json_module
from typing import Annotated

import typer

from benchmark_qa.terminal.failures import clear_failures


def act(
    enforce: Annotated[bool, typer.Option("--enforce", help="Do it; without, only say what would be done.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the actions as JSON.")] = False,
) -> None:
    """List, and with --enforce take, the actions that 'actions' in the configuration asks for.

    Assigned tasks of annotators below the bar are released, their recent production tasks re-opened, benchmark items
    that annotators above it keep failing taken out of the figures: each only where it is switched on, and only by the
    verdict that the report has. Each is recorded, and can be undone with 'benchmark-qa actions undo'.
    """
    with clear_failures():
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.quality.actions import Actor
        from benchmark_qa.tasks.connections import Connections
        from benchmark_qa.terminal.printing import plain_console

        connections = Connections(load_settings(endpoints=False))
        actor = Actor(connections.scorer)
        plan = actor.plan()
        really = enforce or connections.settings.config.actions.enforce
        taken = actor.take(plan.proposals) if really else []
        if json:
            typer.echo(json_module.dumps({"taken": really} | plan.to_dict(), indent=2))
            return
        console = plain_console(highlight=False)
        for number, proposal in enumerate(plan.proposals):
            done = f" [{taken[number].action_id[:8]}]" if really else ""
            console.print(f"{proposal.kind}  {proposal.subject}: {proposal.reason}{done}")
        for remark in plan.remarks:
            console.print(remark)
        if not plan.proposals:
            console.print("nothing to do")
        elif not really:
            console.print("nothing was done: run it with --enforce")
