"""`benchmark-qa report`: figures of annotators, misunderstood classes, suspect ground truth."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark_qa.terminal.failures import USAGE_ERROR, clear_failures
from benchmark_qa.terminal.options import WideOption

if TYPE_CHECKING:
    from benchmark_qa.terminal.opening import Scores


class ReportFormat(StrEnum):
    """Output format."""

    TABLE = "table"
    JSON = "json"
    HTML = "html"
    CSV = "csv"
    PARQUET = "parquet"
    MARKDOWN = "markdown"


class ReportTable(StrEnum):
    """One list of the report."""

    ANNOTATORS = "annotators"
    RATINGS = "ratings"
    KAPPA = "kappa"
    TASKS = "tasks"
    CLASSES = "classes"
    REQUIREMENTS = "requirements"
    DATASETS = "datasets"
    WEEKS = "weeks"
    CONFLICTS = "conflicts"
    DRIFT = "drift"
    ITEMS = "items"
    SUSPECTS = "suspects"


def report(
    *,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    format: Annotated[  # noqa: A002 - the option's name
        ReportFormat,
        typer.Option(help="table: on the terminal; html: one page without network; markdown: a digest for chat."),
    ] = ReportFormat.TABLE,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; else standard output.")] = None,
    table: Annotated[ReportTable, typer.Option(help="What CSV and Parquet hold.")] = ReportTable.ANNOTATORS,
    as_of: Annotated[
        str | None, typer.Option(help="As it stood at a moment, e.g. 2026-03-01 or 2026-03-01T12:00.")
    ] = None,
    analytics_days: Annotated[
        float | None,
        typer.Option(min=0.01, help="First ask Encord's analytics about so many days: time, tasks done, reviews."),
    ] = None,
    wide: WideOption = False,
    timezone: Annotated[str, typer.Option(help="Whose days and weeks are meant, e.g. Europe/Zurich.")] = "UTC",
) -> None:
    """Report every annotator: tasks, matches, precision, recall, F1 with its 95 % interval, verdict; and much more.

    Reads score records from DATABASE_URL only. Encord is asked with --analytics-days alone; what its analytics say is
    kept for later reports, here and over HTTP. Exit code 0, 2 for faulty settings, 3 when the database (or Encord)
    cannot be used.
    """
    from benchmark_qa.terminal.options import moment_of, zone_of

    zone = zone_of(timezone)
    moment = moment_of(as_of, zone) if as_of else None
    chosen = ReportFormat.JSON if json else format
    with clear_failures():
        from benchmark_qa.quality.from_store import current_leaderboard, report_project
        from benchmark_qa.report.tables import print_leaderboard
        from benchmark_qa.terminal.opening import open_scores

        scores = open_scores()
        if analytics_days is not None:
            from benchmark_qa.report.reading_work import read_work
            from benchmark_qa.tasks.connections import Connections

            read_work(Connections(scores.settings).scorer, days=analytics_days)
        if chosen is ReportFormat.TABLE and as_of is None and output is None:
            board = current_leaderboard(scores.store, scores.config)
            if not board.lines:
                typer.echo(_without_scores(scores))
                return
            print_leaderboard(board, wide=wide)
            return
        whole = report_project(
            scores.store,
            scores.config,
            domain=scores.settings.domain,
            zone=zone,
            as_of=moment,
        )
        if chosen is ReportFormat.TABLE:
            print_leaderboard(whole.leaderboard, output, wide=wide)
            return
        from benchmark_qa.errors import MissingExtraError
        from benchmark_qa.report.files import write_report

        try:
            write_report(whole, chosen.value, output, table=table.value)
        except MissingExtraError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(USAGE_ERROR) from None


def _without_scores(scores: "Scores") -> str:
    """Why there is nothing to report: the database and project asked, and which projects have scores."""
    from sqlalchemy import make_url

    place = make_url(scores.settings.scores_url).render_as_string(hide_password=True)
    others = {project: number for project, number in scores.store.projects().items() if project != scores.project}
    said = f"no scores yet of production project {scores.project} in {place}"
    if others:
        listed = ", ".join(f"{project} ({number:,})" for project, number in sorted(others.items())[:5])
        return f"{said}\nit has scores of another project: {listed}\ncorrect 'production_project' or DATABASE_URL"
    return f"{said}\nrun 'benchmark-qa evaluate', or wait for Encord to call the scoring agent"
