"""`benchmark-qa evaluate`: score by hand what calls from Encord have missed."""

from typing import Annotated

import typer

from benchmark_qa.terminal.failures import INCOMPLETE, clear_failures


def evaluate(
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Score every benchmark task that waits at a scoring stage or is finished without a score.

    Tasks at a scoring stage are sent on once they are scored. Safe to repeat and to interrupt: scores that are there
    are not made again. Alerts that follow from the scores are sent. Exit code 0 when everything is scored, 4 when some
    tasks could not be (the reasons are printed), 2 for faulty settings, 3 when Encord or the database cannot be used.
    """
    with clear_failures():
        from benchmark_qa.alerts.alerts import tell_alerts
        from benchmark_qa.commands.operations.rescoring import evaluate_project
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.service.service import Service
        from benchmark_qa.terminal.progress import print_outcome, task_progress

        service = Service(load_settings(endpoints=False))
        with task_progress("scoring") as progress:
            outcome = evaluate_project(service.scorer, progress)
        tell_alerts(service.store, service.settings)
        print_outcome(outcome, as_json=json)
        if outcome.refused:
            raise typer.Exit(INCOMPLETE)
