"""`python -m benchmark_qa`, the same as `benchmark-qa`."""

from benchmark_qa.cli import app

if __name__ == "__main__":  # worker processes import this module, too
    app()
