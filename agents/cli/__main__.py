"""`python -m agents.cli`, the same as `benchmark-qa`."""

from agents.cli import app

app()
