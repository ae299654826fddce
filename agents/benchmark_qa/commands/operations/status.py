"""`benchmark-qa status`: show where tasks and scores are, and the next command."""

import json as json_module
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark_qa.terminal.failures import clear_failures
from benchmark_qa.terminal.options import WideOption

if TYPE_CHECKING:
    from rich.console import Console

    from benchmark_qa.tasks.connections import Connections
    from benchmark_qa.tasks.standing import DeploymentState, ProjectStanding


_CALLS_SHOWN = 5


def status(
    *,
    url: Annotated[
        str | None,
        typer.Option(help="Address of the service: its last calls of Encord, too (METRICS_TOKEN or REPORT_TOKEN)."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=1, help="Seconds between two looks of --watch.")] = 10,
    wide: WideOption = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON; with --watch one line for each look.")] = False,
) -> None:
    """Where everything is: tasks by stage, whom the oldest wait for, scores, and what to type next.

    A task counts as unchanged since Encord last changed it: it came to its stage, was assigned, or a part of it was
    submitted. Exit code 0, 2 for faulty settings, 3 when Encord or the database cannot be used.
    """
    with clear_failures():
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.tasks.connections import Connections
        from benchmark_qa.tasks.standing import deployment_state
        from benchmark_qa.terminal.printing import plain_console

        connections = Connections(load_settings(endpoints=False))
        console = plain_console(highlight=False)
        if not watch:
            found = deployment_state(connections.projects, connections.store)
            _show(console, found, _calls(connections, url), as_json=json, wide=wide)
            return
        try:
            for looked in _looks(connections, every):
                if console.is_terminal and not json:
                    console.clear()
                if isinstance(looked, str):
                    typer.echo(looked, err=True)
                else:
                    _show(console, looked, _calls(connections, url), as_json=json, wide=wide, one_line=True)
        except KeyboardInterrupt:
            raise typer.Exit from None


def _looks(connections: "Connections", every: float) -> "Iterator[DeploymentState | str]":
    """The status, repeatedly; or the reason why it is not available now."""
    from benchmark_qa.encord_api.errors import PlatformError
    from benchmark_qa.store.errors import StoreError
    from benchmark_qa.tasks.standing import deployment_state

    while True:
        try:
            yield deployment_state(connections.projects, connections.store)
        except (PlatformError, StoreError) as error:
            yield str(error)
        time.sleep(every)


_CALL_SECONDS = 15
"""Seconds to wait for the service: it looks at its projects first"""


def _calls(connections: "Connections", url: str | None) -> list[dict[str, Any]] | str | None:
    """The last calls of Encord that one instance has answered, or why they are not known; None: not asked."""
    import requests

    token = connections.settings.metrics_token or connections.settings.report_token
    if url is None or token is None:
        return None if url is None else "set METRICS_TOKEN or REPORT_TOKEN as the service has it"
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
    try:
        answer = requests.get(
            f"{url.rstrip('/')}/readyz", headers=headers, timeout=_CALL_SECONDS, allow_redirects=False
        )
        said = answer.json()["calls"]
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return f"nothing that is this service answers at {url}; 'benchmark-qa doctor --url {url}' says more"
    return [{key: call[key] for key in ("at", "endpoint", "status", "seconds")} for call in said]


def _show(
    console: "Console",
    found: "DeploymentState",
    calls: list[dict[str, Any]] | str | None,
    *,
    as_json: bool,
    wide: bool,
    one_line: bool = False,
) -> None:
    if as_json:
        document = asdict(found) | {"calls": calls}
        typer.echo(json_module.dumps(document, default=datetime.isoformat, indent=None if one_line else 2))
        return
    for project in found.projects:
        console.print(f"{project.role} project '{project.title}' {project.project_hash}", soft_wrap=True)
        _print_stages(console, project, found.at, wide=wide)
        console.print()
    scores = found.scores
    console.print(
        f"scores: {scores.recorded:,} recorded, of {scores.data_units:,} data units; {scores.owed:,} tasks without one"
    )
    if found.recent:
        last = found.recent[0]
        ago = duration_in_words(found.at - last.scored_at)
        figure = "n/a" if last.score is None else f"{last.score:.3f}"
        said = f"last scored: {ago} ago, {figure} of {last.annotator or 'nobody known'} on '{last.data_title}'"
        console.print(said, soft_wrap=True)
    if isinstance(calls, str):
        console.print(f"calls of Encord: {calls}", soft_wrap=True)
    elif calls is not None:
        for call in calls[-_CALLS_SHOWN:]:
            moment = datetime.fromisoformat(call["at"])
            done = f"HTTP {call['status']} in {call['seconds']:.2f} s"
            console.print(f"call of Encord: {moment:%H:%M:%S} UTC {call['endpoint']}, {done}", soft_wrap=True)
        if not calls:
            console.print("calls of Encord: none since this instance was started", soft_wrap=True)
    if scores.truth_missing:
        console.print(f"truth: not finished for {scores.truth_missing:,} benchmark items")
    console.print(f"next: {found.next.command}\n      {found.next.why}", soft_wrap=True)


def _print_stages(console: "Console", project: "ProjectStanding", now: datetime, *, wide: bool) -> None:
    from benchmark_qa.terminal.printing import Column, print_columns

    stages = project.stages
    ages = [duration_in_words(now - stage.unchanged_since) if stage.unchanged_since else "" for stage in stages]
    columns = [
        Column("stage", [stage.title for stage in stages], rank=0, right=False),
        Column("tasks", [f"{stage.tasks:,}" for stage in stages], rank=0),
        Column("unchanged for", ages, rank=1),
        Column("the oldest waits for", [stage.waits_for or "" for stage in stages], rank=1, right=False),
        Column("data unit", [stage.oldest or "" for stage in stages], rank=2, right=False),
    ]
    print_columns(console, columns, wide=wide)


def duration_in_words(length: timedelta) -> str:
    """A duration in its two largest units: `3 d 4 h`, `12 min`, `under 1 min`."""
    minutes = max(int(length.total_seconds()) // 60, 0)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {rest} min"
    return f"{minutes} min" if minutes else "under 1 min"
