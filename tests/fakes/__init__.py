"""Fakes of our own boundaries, for unit tests."""
