"""The command `benchmark-qa`. Each command imports what it needs when it runs, so that `--help` is instant."""

from typing import Annotated

import typer

from agents import __version__
from agents.cli.act import act
from agents.cli.actions import actions
from agents.cli.alerts import alerts
from agents.cli.benchmark import benchmark
from agents.cli.choose import choose
from agents.cli.container import container, healthy
from agents.cli.db import db
from agents.cli.doctor import doctor
from agents.cli.evaluate import evaluate
from agents.cli.export import export
from agents.cli.find import find
from agents.cli.pace import pace
from agents.cli.predictions import evaluate_predictions
from agents.cli.register import register
from agents.cli.report import report
from agents.cli.rescore import rescore
from agents.cli.route import route
from agents.cli.score import score
from agents.cli.send_back import send_back
from agents.cli.serve import serve
from agents.cli.setup import setup
from agents.cli.truth import truth
from agents.cli.upload import upload

app = typer.Typer(
    name="benchmark-qa",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback with local variables would print keys and labels
)

SETTING_UP, AT_WORK, RESULTS, LOOP = (
    "Setting up",
    "At work (the same as Encord's calls do, by hand)",
    "Scores and people",
    "Round again: models, and what to label next",
)

app.add_typer(setup, rich_help_panel=SETTING_UP)
app.add_typer(register, rich_help_panel=SETTING_UP)
app.command(rich_help_panel=SETTING_UP)(upload)
app.add_typer(benchmark, rich_help_panel=SETTING_UP)
app.add_typer(truth, rich_help_panel=SETTING_UP)
app.command(rich_help_panel=SETTING_UP)(doctor)

app.command(rich_help_panel=AT_WORK)(serve)
app.command(rich_help_panel=AT_WORK)(route)
app.command(rich_help_panel=AT_WORK)(evaluate)
app.add_typer(pace, rich_help_panel=AT_WORK)

app.command(rich_help_panel=RESULTS)(report)
app.command(rich_help_panel=RESULTS)(alerts)
app.command(rich_help_panel=RESULTS)(act)
app.add_typer(actions, rich_help_panel=RESULTS)
app.command(rich_help_panel=RESULTS)(rescore)
app.command(rich_help_panel=RESULTS)(score)
app.add_typer(db, rich_help_panel=RESULTS)

app.command(rich_help_panel=LOOP)(export)
app.command(rich_help_panel=LOOP)(evaluate_predictions)
app.command(rich_help_panel=LOOP)(find)
app.command(rich_help_panel=LOOP)(choose)
app.command(rich_help_panel=LOOP)(send_back)

app.command(hidden=True)(container)
app.command(hidden=True)(healthy)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Benchmark QA for Encord: route benchmark tasks, score annotators against ground truth, report."""
