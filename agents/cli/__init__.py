"""The command `benchmark-qa`."""

import typer

app = typer.Typer(
    name="benchmark-qa",
    help="Benchmark QA for Encord: route, score, evaluate, report.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # a traceback must never print keys or labels
)
