"""`benchmark-qa route`, `evaluate` and `rescore`: do by hand what calls from Encord would have done."""

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark_qa.terminal.failures import INCOMPLETE, clear_failures
from benchmark_qa.terminal.printing import plain_console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark_qa.tasks.drain import Drained


def route(
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Route every task that waits at the routing stage, in bundles, also where the stage is on Auto.

    Does what the routing agent does, for tasks whose call failed or never came. Safe to repeat and to interrupt.
    Exit code 0 when the queue was worked off, 2 for faulty settings, 3 when Encord cannot be used.
    """
    with clear_failures():
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.tasks.connections import Connections
        from benchmark_qa.tasks.drain import drain_routing_stage
        from benchmark_qa.tasks.errors import MisconfiguredStage
        from benchmark_qa.terminal.printing import task_progress

        connections = Connections(load_settings(endpoints=False))
        routing = connections.settings.config.stages.routing
        if routing is None:
            raise MisconfiguredStage("the configuration names no routing stage ('stages.routing')")
        with task_progress("routing") as progress:
            outcome = drain_routing_stage(connections.projects, connections.store, routing, progress)
        print_outcome(outcome, as_json=json)


def evaluate(
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Score every benchmark task that waits at a scoring stage, or has passed one or is finished without a score.

    Tasks at a scoring stage, also on Auto, are sent on once they are scored. Of work that has passed it, what was
    handed in is scored; where labels were edited since, the score is kept as late and counts nowhere. Safe to repeat
    and to interrupt: scores that are there are not made again. Alerts that follow from the scores are sent. Exit code
    0 when everything is scored, 4 when some tasks could not be (the reasons are printed), 2 for faulty settings, 3
    when Encord or the database cannot be used.
    """
    with clear_failures():
        from benchmark_qa.alerts.alerts import tell_alerts
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.tasks.connections import Connections
        from benchmark_qa.tasks.recovery import evaluate_project
        from benchmark_qa.terminal.printing import task_progress

        connections = Connections(load_settings(endpoints=False))
        with task_progress("scoring") as progress:
            outcome = evaluate_project(connections.scorer, progress)
        tell_alerts(connections.store, connections.settings)
        print_outcome(outcome, as_json=json)
        if outcome.refused:
            raise typer.Exit(INCOMPLETE)


def rescore(
    since: Annotated[str | None, typer.Option(help="Only what was scored since then, e.g. 2026-03-01.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Score again every data unit whose labels, ground truth, scoring rules or engine differ from its score's.

    What has not changed is not scored again; old scores stay in the history. Safe to repeat and to interrupt. Exit
    code 0, 4 when some data units could not be scored (the reasons are printed), 2 for faulty settings, 3 when
    Encord or the database cannot be used.
    """
    from benchmark_qa.terminal.options import moment_of

    moment = moment_of(since) if since else None
    with clear_failures():
        import json as json_module

        from benchmark_qa.alerts.alerts import tell_alerts
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.quality.from_store import stale_scores
        from benchmark_qa.tasks.connections import Connections
        from benchmark_qa.tasks.recovery import rescore_project
        from benchmark_qa.terminal.printing import task_progress

        connections = Connections(load_settings(endpoints=False))
        with task_progress("scoring again") as progress:
            outcome = rescore_project(connections.scorer, since=moment, progress=progress)
        tell_alerts(connections.store, connections.settings)
        still_stale = len(stale_scores(connections.store, connections.settings.config))
        if json:
            facts = asdict(outcome) | {"refused": refused_units(outcome.refused), "still_stale": still_stale}
            typer.echo(json_module.dumps(facts))
        else:
            for data_hash, reason in outcome.refused:
                typer.echo(f"{data_hash} not scored: {reason}")
            typer.echo(f"{still_stale:,} scores are still out of date")
            typer.echo(f"{outcome.made:,} made ({outcome.changed:,} with another score), {outcome.left:,} unchanged")
        if outcome.refused:
            raise typer.Exit(INCOMPLETE)


def refused_units(refused: "Sequence[tuple[str, str]]") -> list[dict[str, str]]:
    """Data units that were not scored or sent on, as JSON types."""
    return [{"data_hash": data_hash, "reason": reason} for data_hash, reason in refused]


def print_outcome(outcome: "Drained", *, as_json: bool) -> None:
    """Print what was moved, and why the other tasks stay."""
    console = plain_console(highlight=False)
    if as_json:
        typer.echo(json.dumps(asdict(outcome) | {"refused": refused_units(outcome.refused)}))
        return
    if outcome.late:
        console.print(f"{outcome.late:,} scores are late: their labels were edited after they were handed in")
    for reason, count in Counter(reason.split(": ", 1)[-1] for _, reason in outcome.refused).most_common():
        console.print(f"{count:,} stay: {reason}", soft_wrap=True)
    console.print(f"{outcome.moved:,} tasks sent on, {outcome.already_gone:,} had gone already")
