"""The command `benchmark-qa`. Each command imports what it needs when it runs, so that `--help` is instant."""

import typer

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
    help="Benchmark QA for Encord: route benchmark tasks, score annotators against ground truth, report.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback with local variables would print keys and labels
)
app.command()(serve)
app.command()(route)
app.command()(evaluate)
app.command()(doctor)
app.command()(act)
app.command()(evaluate_predictions)
app.command()(find)
app.command()(export)
app.command()(report)
app.command()(score)
app.command()(rescore)
app.command()(choose)
app.command()(send_back)
app.command()(alerts)
app.command()(upload)
app.command(hidden=True)(container)
app.command(hidden=True)(healthy)
app.add_typer(setup)
app.add_typer(register)
app.add_typer(benchmark)
app.add_typer(truth)
app.add_typer(pace)
app.add_typer(actions)
app.add_typer(db)
