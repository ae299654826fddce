"""Benchmark QA for Encord: the service, its scoring engine and its command line."""

__version__ = "0.1.0"
