"""`benchmark-qa truth`: status of the ground truth, and people's decisions about benchmark items."""

import json as json_module
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark_qa.commands.truth.import_command import import_truth
from benchmark_qa.terminal.failures import INCOMPLETE, USAGE_ERROR, clear_failures
from benchmark_qa.terminal.options import JsonOption, OperatorOption, WideOption, operator_of
from benchmark_qa.terminal.printing import tell_done

if TYPE_CHECKING:
    from benchmark_qa.commands.truth.status import TruthItem
    from benchmark_qa.store.action_log import Action
    from benchmark_qa.terminal.opening import Scores


def status(
    every: Annotated[bool, typer.Option("--all", help="List the items that are in order, too.")] = False,
    wide: WideOption = False,
    json: Annotated[bool, typer.Option("--json", help="Print every item as JSON.")] = False,
) -> None:
    """Say of every benchmark item whether its truth is complete, empty, unreviewed, or newer than its scores.

    Exit code 0, 4 when an item that is not excluded is unreviewed or has scores made against older truth ('rescore'
    makes them anew), 2 for faulty settings, 3 when Encord or the database cannot be used.
    """
    with clear_failures():
        from benchmark_qa.commands.truth.status import truth_status
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.tasks.connections import Connections

        connections = Connections(load_settings(endpoints=False))
        items = truth_status(connections.projects, connections.scorer.truth, connections.store)
        if json:
            typer.echo(json_module.dumps({"counts": _counts(items), "items": [asdict(item) for item in items]}))
        else:
            _print(items, every=every, wide=wide)
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


def _print(items: "list[TruthItem]", *, every: bool, wide: bool) -> None:
    from benchmark_qa.terminal.printing import Column, plain_console, print_columns

    console = plain_console(highlight=False)
    listed = [item for item in items if every or item.needs_work or item.excluded is not None or item.state == "empty"]
    if listed:
        rows = [_cells(item) for item in listed]
        columns = [
            Column(heading, [row[number] for row in rows], rank, right="score" in heading or "older" in heading)
            for number, (heading, rank) in enumerate(_RANKS.items())
        ]
        print_columns(console, columns, wide=wide)
    counts = _counts(items)
    words = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
    console.print(words)


_RANKS = {"title": 0, "data hash": 0, "truth": 0, "excluded": 1, "of older truth": 2, "stage": 3, "scores": 4}


def _cells(item: "TruthItem") -> list[str]:
    scores, outdated = f"{item.scores:,}", f"{item.outdated:,}" if item.outdated else ""
    return [item.title, item.data_hash, item.state, item.excluded or "", outdated, item.stage or "", scores]


truth = typer.Typer(
    name="truth",
    help="Ground truth: import it, list items, take out, put back, accept another answer.",
    no_args_is_help=True,
)


truth.command(name="import")(import_truth)


truth.command()(status)


ItemArgument = Annotated[str, typer.Argument(help="Data hash of the item.")]


ReasonOption = Annotated[str, typer.Option(help="Why, for the audit trail.")]


@truth.command(name="list")
def list_items(
    suspects: Annotated[bool, typer.Option("--suspects", help="Only items that the annotators contradict.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List every scored item, the hardest first: rating, uses, what is suspect, what is excluded or accepted."""
    with clear_failures():
        from benchmark_qa.quality.from_store import report_project
        from benchmark_qa.terminal.opening import open_scores

        scores = open_scores()
        report = report_project(scores.store, scores.config, domain=scores.settings.domain)
        accepted = scores.rulings.accepted(scores.project)
        places: dict[str, list[str]] = {}
        for suspect in report.suspects:
            places.setdefault(suspect.data_hash, []).append(f"{suspect.feature} {suspect.fault}")
        items = [
            {
                **item.to_dict(),
                "suspect": places.get(item.data_hash, []),
                "accepted_answers": [answer.label_hash for answer in accepted.get(item.data_hash, [])],
            }
            for item in report.items
            if not suspects or item.data_hash in places
        ]
        if json:
            typer.echo(json_module.dumps({"items": items, "excluded": dict(report.excluded)}))
            return
        for entry in items:
            doubts = f"  suspect: {', '.join(entry['suspect'])}" if entry["suspect"] else ""
            rating = f"rating {entry['rating']:.2f}  {entry['uses']} uses"
            typer.echo(f"{entry['data_hash']}  {rating}  {entry['data_title']}{doubts}")
        for data_hash, reason in report.excluded.items():
            typer.echo(f"{data_hash}  excluded: {reason}")
        typer.echo(f"{len(items):,} items, {len(report.excluded):,} excluded")


@truth.command()
def exclude(
    data_hash: ItemArgument, reason: ReasonOption, operator: OperatorOption = "", json: JsonOption = False
) -> None:
    """Take an item out of every figure. Its scores stay, and it can be restored."""
    with clear_failures():
        scores = _scores()
        _require_item(scores, data_hash)
        _done(scores.rulings.exclude(scores.project, data_hash, operator=operator_of(operator), reason=reason), json)


@truth.command()
def restore(
    data_hash: ItemArgument, reason: ReasonOption, operator: OperatorOption = "", json: JsonOption = False
) -> None:
    """Let an excluded item count again."""
    with clear_failures():
        scores = _scores()
        _done(scores.rulings.restore(scores.project, data_hash, operator=operator_of(operator), reason=reason), json)


@truth.command(name="accept-also")
def accept_also(
    data_hash: ItemArgument,
    reason: ReasonOption,
    branch: Annotated[str, typer.Option(help="The branch whose labels are right, too.")],
    operator: OperatorOption = "",
    json: JsonOption = False,
) -> None:
    """Count what stands on a branch of an item as right besides the ground truth; 'rescore' then applies it."""
    with clear_failures():
        scores = _scores()
        history = scores.store.history(scores.project, data_hash)
        on_branch = [record.identity.label_hash for record in history if record.identity.branch_name == branch]
        label_hash = on_branch[-1] if on_branch else None
        if label_hash is None:
            typer.echo(f"no scored labels on branch {branch!r} of data unit {data_hash}", err=True)
            raise typer.Exit(USAGE_ERROR)
        action = scores.rulings.accept_also(
            scores.project,
            data_hash,
            label_hash=label_hash,
            branch_name=branch,
            operator=operator_of(operator),
            reason=reason,
        )
        _done(action, json)


def _require_item(scores: "Scores", data_hash: str) -> None:
    """Refuse a data hash that is no benchmark item: neither scored yet, nor in a benchmark project."""
    from benchmark_qa.encord_api.folders import is_uuid
    from benchmark_qa.errors import did_you_mean
    from benchmark_qa.tasks.connections import Connections
    from benchmark_qa.terminal.failures import refuse

    if scores.store.history(scores.project, data_hash):
        return
    known = {record.identity.data_hash: record.data_title for record in scores.store.latest(scores.project)}
    if is_uuid(data_hash):
        projects = Connections(scores.settings).projects
        for benchmark in projects.benchmarks:
            if projects.encord.label_rows(benchmark.project_hash, data_hashes=[data_hash]):
                return
    hint = did_you_mean(data_hash, known) if known else ""
    hint = hint if hint.startswith("did") else "'benchmark-qa truth list' lists them"
    refuse(f"there is no benchmark item {data_hash}: {hint}")


def _scores() -> "Scores":
    from benchmark_qa.terminal.opening import open_scores

    return open_scores()


def _done(action: "Action", as_json: bool) -> None:
    facts = {"kind": action.kind, "subject": action.subject, "action": action.action_id, "operator": action.operator}
    said = f"{action.kind} {action.subject}: recorded as {action.action_id[:8]} by {action.operator}"
    tell_done(said, facts, as_json=as_json)
