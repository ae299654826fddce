"""`benchmark-qa` in the test's own process: interpreters take their time to start."""

from click.testing import Result
from typer.testing import CliRunner

from benchmark_qa.cli import app
from tests.integration.service.sandbox import Sandbox


def run(both: Sandbox, *arguments: str) -> Result:
    """The command with the settings of the sandbox's service."""
    return CliRunner().invoke(app, list(arguments), env=dict(both.environment))
