"""`benchmark-qa report`: how good is each annotator?"""

from typing import Annotated

import typer

from agents.cli.failures import clear_failures


def report(
    json: Annotated[bool, typer.Option("--json", help="Print every figure as JSON.")] = False,
) -> None:
    """Print one line per annotator: tasks, matches, precision, recall, F1 with its 95 % interval, verdict.

    Reads score records from DATABASE_URL only; Encord is not asked.
    """
    with clear_failures():
        from agents.cli.tables import print_leaderboard
        from agents.config import load_settings
        from agents.reporting import leaderboard
        from agents.service import Service

        service = Service(load_settings(endpoints=False))
        config = service.settings.config
        board = leaderboard(
            service.store.latest(str(config.production_project)),
            threshold=config.verdict.threshold,
            minimum_tasks=config.verdict.minimum_tasks,
            level=config.verdict.confidence,
        )
        print_leaderboard(board, as_json=json)
