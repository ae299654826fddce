"""`python -m agents.cli`, the same as `benchmark-qa`."""

from agents.cli import app

if __name__ == "__main__":  # worker processes import this module, too
    app()
