"""`benchmark-qa prelabel` and `benchmark-qa assign`: what waits for people, and who gets it."""

import json as json_module
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark_qa.terminal.failures import INCOMPLETE, clear_failures, refuse
from benchmark_qa.terminal.image_maps import MapImagesOption
from benchmark_qa.terminal.options import JsonOption, OperatorOption, operator_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark_qa.tasks.connections import Connections
    from benchmark_qa.tasks.prelabelling import Prelabelled, PrelabelPlan, Prelabels

SHOWN = 10

prelabel = typer.Typer(
    name="prelabel", help="Pre-labels: a model's predictions on tasks that nobody has started.", no_args_is_help=True
)


@prelabel.callback()
def _group() -> None:
    """Pre-labels: a model's predictions on tasks that nobody has started."""


@prelabel.command()
def write(
    predictions: Annotated[
        str, typer.Argument(help="Predictions in any format that 'truth import' reads, of every waiting task.")
    ],
    *,
    share: Annotated[float, typer.Option(min=0, max=1, help="Share of the tasks that get pre-labels.")] = 0.8,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="car=Vehicle, as for 'truth import'. May be repeated.")
    ] = None,
    map_images: MapImagesOption = None,
    consensus_from_main: Annotated[
        bool,
        typer.Option(
            "--consensus-from-main", help="Consensus branches begin with the labels of main: you have seen it."
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    json: JsonOption = False,
    operator: OperatorOption = "",
) -> None:
    """Write predictions as labels onto waiting tasks of the production project, marked as made by a machine.

    A keyed hash decides which tasks get them; the rest stays blank as control. Benchmark items are treated like all
    others, so neither a blank nor a filled task tells anything. Nobody's work is touched: the state is read again just
    before each bundle. An untouched copy stands on the branch 'pre-labels'. 'actions undo' takes them back. Exit code
    0, 2 when something is refused (nothing was written), 3 when Encord cannot be used, 4 when tasks were left out.
    """
    with clear_failures():
        from benchmark_qa.commands.truth.import_command import (
            export_map_of,
            read_source,
            require_source,
            stated_mapping,
        )
        from benchmark_qa.commands.truth.importing import target_of

        who = "" if dry_run else operator_of(operator)
        export = export_map_of(map_images)
        require_source(predictions)
        connections, prelabels = _prelabels()
        production = connections.projects.production
        target = target_of(production, stated_mapping(mapping or [], None))
        reading, _ = read_source(connections.encord, predictions, target, production.project_hash, export)
        images = export.images if export else None
        plan = prelabels.plan(reading, share=share, image_map=images, consensus_from_main=consensus_from_main)
        done = None if dry_run or plan.faults else prelabels.write(plan, operator=who)
        _print_prelabels(plan, done, json=json)
        if plan.faults:
            refuse(f"{len(plan.faults):,} predictions have no counterpart, nothing was written")
        if done is not None and done.left:
            raise typer.Exit(INCOMPLETE)


def _prelabels() -> "tuple[Connections, Prelabels]":
    from benchmark_qa.config.settings import load_settings
    from benchmark_qa.store.action_log import ActionLog
    from benchmark_qa.tasks.connections import Connections
    from benchmark_qa.tasks.prelabelling import Prelabels

    connections = Connections(load_settings(endpoints=False))
    return connections, Prelabels(connections.projects, ActionLog(connections.store.database))


def _print_prelabels(plan: "PrelabelPlan", done: "Prelabelled | None", *, json: bool) -> None:
    action = done.action.action_id if done is not None and done.action is not None else None
    if json:
        outcome = plan.to_dict() | {"written": len(done.written) if done else 0, "action": action}
        typer.echo(json_module.dumps(outcome | {"left": dict(done.left) if done else {}}, indent=2))
    else:
        typer.echo(f"{len(plan.write):,} waiting tasks get pre-labels, {len(plan.control):,} stay blank as control")
        typer.echo(f"{plan.started:,} tasks are in work or done and are left alone")
        if done is not None:
            undo = f"; undo: benchmark-qa actions undo {action[:8]} --reason ..." if action else ""
            typer.echo(f"{len(done.written):,} written, a copy of each on branch 'pre-labels'{undo}")
            for reason, count in sorted(done.left.items()):
                typer.echo(f"  {count:,} left as they are: {reason}", err=True)
    for fault in plan.faults[:SHOWN]:
        typer.echo(f"{fault.subject}: {fault.reason}", err=True)


@prelabel.command()
def effect(json: JsonOption = False) -> None:
    """How much of people's work is a pre-label left as it was, and whether their scores differ from the control's.

    The control are the benchmark items that stayed blank. Intervals are 95 %.
    """
    with clear_failures():
        from benchmark_qa.quality.from_store import submissions_of
        from benchmark_qa.stats.failing_clusters import gap_between
        from benchmark_qa.stats.intervals import RatioTotals

        connections, prelabels = _prelabels()
        with_, control = prelabels.groups()
        if not with_:
            refuse("there are no pre-labels yet: benchmark-qa prelabel write")
        left = prelabels.left_as_they_were()
        submissions = submissions_of(connections.store, connections.settings.config)
        scores = {
            name: [one.record.score for one in submissions if one.record.identity.data_hash in units]
            for name, units in (("prelabelled", with_), ("control", control))
        }
        totals = {
            name: RatioTotals.of(known := [one for one in values if one is not None], [1.0] * len(known))
            for name, values in scores.items()
        }
        intervals = {name: one.interval() for name, one in totals.items()}
        gap = gap_between(*intervals.values()) if all(one.tasks for one in totals.values()) else None
        document = {
            "annotators": [
                {"annotator": person, "left_as_they_were": same, "prelabels": every}
                for person, (same, every) in left.items()
            ],
            "scores": {name: asdict(one) for name, one in intervals.items()},
            "difference": None if gap is None else {"estimate": gap[0], "low": gap[1], "high": gap[2]},
        }
        if json:
            typer.echo(json_module.dumps(document, indent=2))
            return
        for person, (same, every) in left.items():
            typer.echo(f"{person}: {same:,} of {every:,} pre-labels left as they were ({same / max(every, 1):.0%})")
        for name, one in intervals.items():
            typer.echo(f"score, {name}: {one}")
        if gap is not None:
            typer.echo(f"difference {gap[0]:+.2f} [{gap[1]:+.2f}, {gap[2]:+.2f}]")


def assign(
    person: Annotated[list[str] | None, typer.Option(help="E-mail of an annotator. May be repeated. [all]")] = None,
    *,
    rule: Annotated[str, typer.Option(help="load: fewest open tasks; round-robin; skill: by class.")] = "load",
    most: Annotated[int | None, typer.Option(min=1, help="Open tasks that a person may have.")] = None,
    classes: Annotated[
        Path | None, typer.Option(help="With --rule skill: JSON of {data hash: [classes]}, such as a model predicts.")
    ] = None,
    below_too: Annotated[bool, typer.Option("--below-too", help="People below the bar get tasks as well.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    json: JsonOption = False,
    operator: OperatorOption = "",
) -> None:
    """Assign the waiting tasks of the production project; nobody meets a data unit twice.

    Only tasks that nobody has are assigned. People below the bar get none. 'actions undo' releases what the same person
    still has. Exit code 0, 2 for a faulty setting, 3 when Encord cannot be used, 4 when nobody can get some tasks.
    """
    with clear_failures():
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.quality.assigning import RULES, Assigner
        from benchmark_qa.tasks.connections import Connections

        chosen = next((one for one in RULES if one == rule), None)
        if chosen is None:
            refuse(f"--rule is one of {', '.join(RULES)}, not {rule!r}")
        who = "" if dry_run else operator_of(operator)
        by_unit = _classes(classes) if classes else None
        assigner = Assigner(Connections(load_settings(endpoints=False)).scorer)
        plan = assigner.plan(person or [], rule=chosen, most=most, classes=by_unit, below_too=below_too)
        action = None if dry_run else assigner.take(plan, operator=who)
        if json:
            typer.echo(json_module.dumps(plan.to_dict() | {"action": action.action_id if action else None}, indent=2))
        else:
            for email, count in sorted(plan.people.items()):
                typer.echo(f"{email}: {count:,} tasks")
            done = (
                f"assigned: {action.action_id[:8]}" if action else "would be assigned" if dry_run else "nothing to do"
            )
            typer.echo(f"{len(plan.tasks):,} waiting tasks {done}")
            if plan.nobody:
                typer.echo(f"{plan.nobody:,} tasks nobody can get: all have met the data unit or have enough", err=True)
        if plan.nobody:
            raise typer.Exit(INCOMPLETE)


def _classes(path: Path) -> "dict[str, Sequence[str]]":
    from benchmark_qa.terminal.files import ExportError, load_json

    try:
        read = load_json(path)
    except ExportError as error:
        refuse(str(error))
    if not isinstance(read, dict) or not all(
        isinstance(names, list) and all(isinstance(name, str) for name in names) for names in read.values()
    ):
        refuse(f"{path}: needs a JSON object of data hashes, each with a list of class names")
    return read
