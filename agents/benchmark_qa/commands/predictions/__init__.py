"""Evaluating a model's predictions."""
