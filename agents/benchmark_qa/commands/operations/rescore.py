"""`benchmark-qa rescore`: after the truth, the rules or the engine have changed."""

from typing import Annotated

import typer

from benchmark_qa.terminal.failures import INCOMPLETE, clear_failures


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
        from benchmark_qa.commands.operations.workflows_rescore import rescore as rescore_project
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.quality.from_store import stale_scores
        from benchmark_qa.service.service import Service
        from benchmark_qa.terminal.progress import task_progress

        service = Service(load_settings(endpoints=False))
        with task_progress("scoring again") as progress:
            outcome = rescore_project(service.scorer, since=moment, progress=progress)
        tell_alerts(service.store, service.settings)
        still_stale = len(stale_scores(service.store, service.settings.config))
        if json:
            typer.echo(json_module.dumps({"refused": outcome.refused, "still_stale": still_stale}))
        else:
            typer.echo(f"{still_stale:,} scores are still out of date")
            for data_hash, reason in outcome.refused:
                typer.echo(f"{data_hash} not scored: {reason}")
        if outcome.refused:
            raise typer.Exit(INCOMPLETE)
