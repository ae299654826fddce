"""`benchmark-qa send-back`: send chosen data units back to people."""

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark_qa.terminal.failures import INCOMPLETE, clear_failures
from benchmark_qa.terminal.files import read_choice
from benchmark_qa.terminal.options import OperatorOption, operator_of

if TYPE_CHECKING:
    from benchmark_qa.tasks.sending_back import SentBack


def send_back(
    choice: Annotated[Path, typer.Argument(help="A choice as 'find' and 'choose' write it (JSON).")],
    *,
    collection: Annotated[bool, typer.Option(help="Save the chosen frames as a collection of the project.")] = True,
    issues: Annotated[bool, typer.Option(help="Raise an issue on each suspected label.")] = True,
    reopen: Annotated[
        bool, typer.Option(help="Move finished and reviewed tasks back to annotation, with their labels.")
    ] = True,
    priority: Annotated[bool, typer.Option(help="Let the tasks come before others, the strongest first.")] = True,
    dataset: Annotated[
        bool,
        typer.Option(
            help="Link the files to a dataset of their own and attach it: labelled afresh, beside the old labels. "
            "Mostly instead of re-opening, hence --no-reopen."
        ),
    ] = False,
    to: Annotated[str | None, typer.Option(help="Annotation stage to re-open at, where there are several.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
    operator: OperatorOption = "",
) -> None:
    """Send chosen data units back: collected, with issues, re-opened, and first in the queue.

    Benchmark items are refused, because sending them back would give them away; those of suspect truth go to the
    reviewers of their benchmark project. Every step is in 'benchmark-qa actions list' and can be undone there. Killed
    and run again, it goes on; a second run of the same choice adds nothing. Exit code 0, 4 when items were refused
    (each with its reason), 2 for a faulty file or settings, 3 when Encord or the database cannot be used.
    """
    wanted = {
        "collection": collection,
        "issues": issues,
        "dataset": dataset,
        "reopen": reopen,
        "priority": priority,
    }
    with clear_failures():
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.store.action_log import ActionLog
        from benchmark_qa.tasks.connections import Connections
        from benchmark_qa.tasks.sending_back import SendBack, Wishes, as_dict
        from benchmark_qa.tasks.sending_back_steps import STEP_NAMES
        from benchmark_qa.terminal.files import only_run_of
        from benchmark_qa.terminal.printing import item_progress

        read = read_choice(choice)
        wishes = Wishes(frozenset(name for name in STEP_NAMES if wanted[name]), to)
        connections = Connections(load_settings(endpoints=False))
        sending = SendBack(connections.projects, ActionLog(connections.store.database))
        if dry_run:
            sent = sending.look(read, wishes)
        else:
            who = operator_of(operator)
            steps = len(read.items) * len(wishes.steps)
            with only_run_of(choice), item_progress("sending back", steps) as progress:
                sent = sending.send(read, wishes, operator=who, progress=progress)
        if json:
            typer.echo(json_module.dumps({"dry_run": dry_run, **as_dict(sent)}))
        else:
            _print(sent, dry_run=dry_run)
        if sent.refused:
            raise typer.Exit(INCOMPLETE)


def _print(sent: "SentBack", *, dry_run: bool) -> None:
    typer.echo(f"{sent.name}{': what would be done' if dry_run else ''}")
    for step in sent.steps:
        undo = f"  {step.action_id[:8]}" if step.action_id else ""
        typer.echo(f"  {step.project}, {step.step}: {step.what or step.state}{undo}" + _state(step.what, step.state))
    for item in sent.refused:
        typer.echo(f"  refused: {item.title} ({item.data_hash}) {item.reason}")
    did = "would be done" if dry_run else "done"
    typer.echo(f"{len(sent.steps):,} steps {did}, {len(sent.refused):,} data units refused")


def _state(what: str, state: str) -> str:
    return f"  ({state})" if what and state not in ("done", "planned") else ""
