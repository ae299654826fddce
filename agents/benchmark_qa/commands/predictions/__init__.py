"""Evaluate a model's predictions."""
