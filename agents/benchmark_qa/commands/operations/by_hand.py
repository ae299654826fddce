"""`benchmark-qa route`: route by hand what calls from Encord have missed."""

from typing import Annotated

import typer

from benchmark_qa.terminal.failures import clear_failures


def route(
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Route every task that waits at the routing stage, in bundles.

    Does what the routing agent does, for tasks whose call failed or never came. Safe to repeat and to interrupt.
    Exit code 0 when the queue was worked off, 2 for faulty settings, 3 when Encord cannot be used.
    """
    with clear_failures():
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.service.service import Service
        from benchmark_qa.tasks.drain import drain_routing_stage
        from benchmark_qa.tasks.errors import MisconfiguredStage
        from benchmark_qa.terminal.progress import print_outcome, task_progress

        service = Service(load_settings(endpoints=False))
        routing = service.settings.config.stages.routing
        if routing is None:
            raise MisconfiguredStage("the configuration names no routing stage ('stages.routing')")
        with task_progress("routing") as progress:
            outcome = drain_routing_stage(service.projects, service.store, routing, progress)
        print_outcome(outcome, as_json=json)
