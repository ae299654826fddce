"""`benchmark-qa pace`: how often and when annotators meet benchmark items."""

import json as json_module
from dataclasses import asdict
from itertools import accumulate
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark_qa.terminal.failures import clear_failures, refuse
from benchmark_qa.terminal.options import JsonOption, WideOption

if TYPE_CHECKING:
    from benchmark_qa.commands.pace.measure import PacePlan
    from benchmark_qa.commands.pace.schedule import Rate
    from benchmark_qa.stats.intervals import Interval

pace = typer.Typer(name="pace", help="How often people meet benchmark items, and when.")

ApplyOption = Annotated[bool, typer.Option("--apply", help="Set the priorities of waiting benchmark tasks.")]
_MILESTONES = (10, 50, 100, 500, 1_000, 5_000)
"""Positions in the queue for which the number of benchmark tasks before them is shown"""


@pace.callback(invoke_without_command=True)
def pace_alone(context: typer.Context, apply: ApplyOption = False, json: JsonOption = False) -> None:
    """How often people meet benchmark items, and when. Without a command: 'status'."""
    if context.invoked_subcommand is None:
        status(apply=apply, json=json)
    elif apply or json:
        refuse(f"say it behind the command: benchmark-qa pace {context.invoked_subcommand} ...")


@pace.command()
def status(apply: ApplyOption = False, wide: WideOption = False, json: JsonOption = False) -> None:
    """Hold the share of benchmark tasks in everybody's work against 'exposure.target_share'.

    With --apply, waiting benchmark tasks come earlier where people meet too few of them, later where they meet enough:
    all of them together, which undoes a schedule.
    """
    with clear_failures():
        from benchmark_qa.commands.pace.measure import measure_pace, set_pace
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.tasks.connections import Connections
        from benchmark_qa.terminal.printing import Column, plain_console, print_columns

        connections = Connections(load_settings(endpoints=False))
        measured = measure_pace(connections.projects)
        if apply:
            set_pace(connections.projects, measured)
        if json:
            typer.echo(json_module.dumps(asdict(measured), indent=2))
            return
        console = plain_console()
        target = connections.settings.config.exposure.target_share
        everybody = (*measured.shares, measured.overall)
        columns = [
            Column("annotator", [each.annotator for each in everybody], rank=0, right=False),
            Column("benchmark", [f"{each.benchmark:,}" for each in everybody], rank=0),
            Column("tasks", [f"{each.tasks:,}" for each in everybody], rank=0),
            Column("share [95 %]", [_percent(each.share) for each in everybody], rank=0),
        ]
        print_columns(console, columns, wide=wide)
        console.print(f"target {target:.0%}", highlight=False)
        verb = "have a new priority" if apply else "would get a new priority (--apply)"
        console.print(f"{len(measured.priorities):,} waiting benchmark tasks {verb}", highlight=False)


def _percent(share: "Interval") -> str:
    return "n/a" if share.estimate is None else f"{share.estimate:.0%} [{share.low:.0%}, {share.high:.0%}]"


@pace.command()
def schedule(
    *,
    constant: Annotated[
        float | None, typer.Option(min=0.001, max=0.9, help="Share of benchmark tasks, the same throughout.")
    ] = None,
    front_loaded: Annotated[
        float | None, typer.Option(min=0.001, max=1, help="Share of benchmark tasks at first, decaying.")
    ] = None,
    then: Annotated[float, typer.Option(min=0.001, max=0.9, help="With --front-loaded: the share in the end.")] = 0.05,
    half_life: Annotated[
        float, typer.Option(min=1, help="With --front-loaded: tasks of an annotator after which half the way is gone.")
    ] = 20,
    annotators: Annotated[int, typer.Option(min=1, help="How many people work the queue off.")] = 1,
    per_item: Annotated[int, typer.Option(min=1, help="Annotators on each benchmark task: the consensus block's.")] = 1,
    seed: Annotated[int, typer.Option(help="Another seed, another order.")] = 0,
    anew: Annotated[
        bool, typer.Option("--anew", help="Every waiting task, also those that have a priority already.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be set.")] = False,
    json: JsonOption = False,
) -> None:
    """Put waiting benchmark tasks among the others by priority, so that people meet them early and cannot tell.

    Every waiting task of the production project gets a priority, benchmark or not, from the same draw. Run it again
    when tasks have come: those that have a priority keep it. Exit code 0, 2 when a setting is faulty, 3 when Encord
    cannot be used.
    """
    with clear_failures():
        from benchmark_qa.commands.pace.measure import carry_out, plan_pace
        from benchmark_qa.commands.pace.schedule import Workers
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.tasks.connections import Connections

        rate = _rate(constant, front_loaded, then, half_life)
        connections = Connections(load_settings(endpoints=False))
        projects = connections.projects
        workers = Workers(annotators, min(per_item, annotators))
        plan = plan_pace(projects, rate, workers, seed=seed, anew=anew)
        if not dry_run:
            carry_out(projects, plan, connections.store.database, seed=seed)
        if json:
            typer.echo(json_module.dumps({"set": not dry_run} | asdict(plan), indent=2))
        else:
            _print(plan, done=not dry_run)


def _rate(constant: float | None, front_loaded: float | None, then: float, half_life: float) -> "Rate":
    from benchmark_qa.commands.pace.schedule import ConstantRate, DecayingRate

    if constant is not None and front_loaded is None:
        return ConstantRate(constant)
    if front_loaded is None or constant is not None:
        refuse("give either --constant or --front-loaded")
    if front_loaded < then:
        refuse(f"--front-loaded {front_loaded:g} is less than --then {then:g}: nothing would decay")
    return DecayingRate(front_loaded, then, half_life)


def _print(plan: "PacePlan", *, done: bool) -> None:
    made = plan.schedule
    verb = "have a priority now" if done else "would get a priority"
    typer.echo(f"{len(made.priorities):,} waiting tasks {verb}, {len(made.benchmark):,} benchmark tasks among them")
    typer.echo(f"{plan.scheduled_before:,} waiting tasks had one, {plan.past:,} tasks are past annotation")
    places = set(made.benchmark)
    before = list(accumulate(place in places for place in range(len(made.priorities))))
    for place in (place for place in _MILESTONES if place <= len(before)):
        typer.echo(f"  {before[place - 1]:,} of the first {place:,} are benchmark tasks")
    if made.held_back:
        typer.echo(f"{len(made.held_back):,} benchmark tasks wait behind all others for tasks to stand among")
