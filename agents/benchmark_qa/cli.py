"""The command `benchmark-qa`. Each command imports what it needs when it runs, so that `--help` is instant."""

from typing import Annotated

import typer

from benchmark_qa import __version__
from benchmark_qa.alerts.command import alerts
from benchmark_qa.commands.act.command import act
from benchmark_qa.commands.curation.command import benchmark
from benchmark_qa.commands.export.command import export
from benchmark_qa.commands.findings.choose_command import choose
from benchmark_qa.commands.findings.command import find
from benchmark_qa.commands.operations.audit import actions
from benchmark_qa.commands.operations.by_hand import evaluate, rescore, route
from benchmark_qa.commands.operations.database import db
from benchmark_qa.commands.operations.doctor import doctor
from benchmark_qa.commands.pace.command import pace
from benchmark_qa.commands.predictions.command import evaluate_predictions
from benchmark_qa.commands.register.command import register
from benchmark_qa.commands.register.upload_command import upload
from benchmark_qa.commands.score_exports.command import score
from benchmark_qa.commands.send_back.command import send_back
from benchmark_qa.commands.serve.command import container, healthy, serve
from benchmark_qa.commands.setup.command import setup
from benchmark_qa.commands.truth.command import truth
from benchmark_qa.report.command import report
from benchmark_qa.terminal.printing import guard_terminal

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
    version: Annotated[  # noqa: ARG001 - its callback prints it
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Benchmark QA for Encord: route benchmark tasks, score annotators against ground truth, report."""
    guard_terminal()
