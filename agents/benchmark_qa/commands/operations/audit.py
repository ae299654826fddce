"""`benchmark-qa actions`: show the audit trail and undo actions."""

import json as json_module
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark_qa.terminal.failures import clear_failures
from benchmark_qa.terminal.options import JsonOption, OperatorOption, operator_of
from benchmark_qa.terminal.printing import tell_done

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmark_qa.store.action_log import Action, ActionLog
    from benchmark_qa.tasks.connections import Connections

actions = typer.Typer(name="actions", help="What people and rules have done: list it, undo it.", no_args_is_help=True)

RULINGS = ("exclude", "restore", "accept-also")
SHADOW = "shadow-decision"
"""Action of shadow mode: one per task, so they would outnumber people's actions in the list"""


@actions.command(name="list")
def list_actions(
    limit: Annotated[int, typer.Option(help="How many of the newest.", min=1)] = 100,
    json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the newest actions first: when, who, what, to what, why, and whether it was undone."""
    with clear_failures():
        from benchmark_qa.store.action_log import ActionLog
        from benchmark_qa.terminal.opening import open_scores

        scores = open_scores()
        entries = ActionLog(scores.store.database).entries(scores.project, limit=limit, without=SHADOW)
        if json:
            typer.echo(json_module.dumps([vars(entry) for entry in entries], default=str))
            return
        for entry in entries:
            undone = f"  (undone by {entry.undone_by[:8]})" if entry.undone_by else ""
            moment = f"{entry.taken_at:%Y-%m-%d %H:%M} UTC"
            what = f"{entry.kind} {entry.subject}: {entry.reason}"
            if entry.facts.get("outcome", "done") != "done":
                what += f" (not certain to have been done: {entry.facts['outcome']})"
            typer.echo(f"{entry.action_id[:8]}  {moment}  {entry.operator}  {what}{undone}")
        if not entries:
            typer.echo("nothing was done yet")


@actions.command()
def undo(
    action_id: Annotated[str, typer.Argument(help="Its id as 'list' shows it; eight digits are enough.")],
    reason: Annotated[str, typer.Option(help="Why, for the audit trail.")],
    operator: OperatorOption = "",
    json: JsonOption = False,
) -> None:
    """Take back an action, on Encord too where it changed something there. The trail shows both."""
    with clear_failures():
        from benchmark_qa.store.action_log import ActionLog
        from benchmark_qa.terminal.opening import open_scores

        who = operator_of(operator)
        scores = open_scores()
        log = ActionLog(scores.store.database)
        action = log.find(action_id)
        if action.kind in RULINGS:
            undoing = scores.rulings.undo(action.action_id, operator=who, reason=reason)
        else:
            from benchmark_qa.quality.actions import Actor
            from benchmark_qa.tasks.connections import Connections
            from benchmark_qa.tasks.sending_back import KIND_PREFIX, SendBack

            connections = Connections(scores.settings)
            if action.kind.startswith(KIND_PREFIX):
                SendBack(connections.projects, log).undo(action)
            elif action.kind in _OTHERS:
                _OTHERS[action.kind](connections, log, action)
            else:
                Actor(connections.scorer).undo(action)
            undoing = log.mark_undone(action.action_id, operator=who, reason=reason)
        facts = {"undone": action.action_id, "kind": action.kind, "subject": action.subject}
        facts |= {"action": undoing.action_id, "operator": who}
        said = f"{action.kind} {action.subject} undone: recorded as {undoing.action_id[:8]} by {who}"
        tell_done(said, facts, as_json=json)


def _delete_collection(connections: "Connections", _: "ActionLog", action: "Action") -> None:
    from benchmark_qa.encord_api.collections import FolderCollections

    FolderCollections(connections.encord).delete(action.facts["collection"])


def _take_prelabels_back(connections: "Connections", log: "ActionLog", action: "Action") -> None:
    from benchmark_qa.tasks.prelabelling import Prelabels

    taken = Prelabels(connections.projects, log).undo(action)
    typer.echo(f"{taken:,} tasks are blank again; tasks that somebody has or has changed stay as they are", err=True)


def _release_assigned(connections: "Connections", _: "ActionLog", action: "Action") -> None:
    from benchmark_qa.quality.assigning import Assigner

    typer.echo(f"{Assigner(connections.scorer).undo(action):,} tasks are released", err=True)


_OTHERS: "Mapping[str, Callable[[Connections, ActionLog, Action], None]]" = {
    "curate-collection": _delete_collection,
    "prelabel": _take_prelabels_back,
    "assign-tasks": _release_assigned,
}
"""What undoes the kinds of actions that neither a ruling nor a rule has taken"""
