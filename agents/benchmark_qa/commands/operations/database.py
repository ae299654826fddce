"""`benchmark-qa db`: upgrade and rebuild the score store's tables, delete a person's or old scores."""

from typing import TYPE_CHECKING, Annotated

import typer

from benchmark_qa.terminal.failures import clear_failures
from benchmark_qa.terminal.options import JsonOption, OperatorOption
from benchmark_qa.terminal.printing import tell_done

if TYPE_CHECKING:
    from benchmark_qa.terminal.opening import Scores

db = typer.Typer(name="db", help="The database of scores.", no_args_is_help=True)


def _scores() -> "Scores":
    from benchmark_qa.terminal.opening import open_scores

    return open_scores()


@db.command()
def upgrade(json: JsonOption = False) -> None:
    """Bring the tables up to date. Safe to repeat, also at once; the service may be running.

    Needs nothing but DATABASE_URL. With SERVICE_DATABASE_URL it also makes the user of that URL, which owns no table.
    """
    with clear_failures():
        from benchmark_qa.config.hosting import load_database
        from benchmark_qa.store.database import Database

        settings = load_database()
        database = Database(settings.scores_url, connections=1)
        before, after = database.upgrade()
        if settings.service_database_url is not None:
            from benchmark_qa.store.service_user import make_service_user

            user = make_service_user(database, settings.service_database_url)
            typer.echo(f"user {user} may read and write scores", err=json)
        database.close()
        said = f"at revision {after}" if before == after else f"from revision {before or '(empty)'} to {after}"
        tell_done(said, {"before": before, "after": after}, as_json=json)


@db.command()
def rebuild(json: JsonOption = False) -> None:
    """Make the sums of every annotator anew from the score records."""
    with clear_failures():
        _scores().store.database.rebuild()
        tell_done("the sums are rebuilt", {"rebuilt": True}, as_json=json)


@db.command()
def forget(
    annotator: Annotated[str, typer.Argument(help="E-mail of the person.")],
    operator: OperatorOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: JsonOption = False,
) -> None:
    """Delete every score and figure of a person. This cannot be undone."""
    if not yes:
        typer.confirm(f"Delete every score of {annotator}, for good?", abort=True, err=True)
    with clear_failures():
        from benchmark_qa.store.erasure import erase_person
        from benchmark_qa.terminal.options import operator_of

        deleted = erase_person(_scores().store.database, annotator, operator=operator_of(operator))
        tell_done(f"{deleted:,} scores deleted", {"deleted": deleted}, as_json=json)


@db.command()
def purge(
    before: Annotated[str, typer.Option(help="Scores made before then are deleted, e.g. 2025-01-01.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: JsonOption = False,
) -> None:
    """Delete the scores that are past their time, and their share of the figures. This cannot be undone."""
    from benchmark_qa.terminal.options import moment_of

    moment = moment_of(before)
    if not yes:
        typer.confirm(f"Delete every score made before {moment.isoformat()}, for good?", abort=True, err=True)
    with clear_failures():
        from benchmark_qa.store.erasure import erase_before

        scores = _scores()
        deleted = erase_before(scores.store.database, scores.project, moment)
        tell_done(f"{deleted:,} scores deleted", {"deleted": deleted}, as_json=json)
