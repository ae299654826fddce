"""Datasets and their data rows."""
