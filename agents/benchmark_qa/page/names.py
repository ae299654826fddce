"""Plots as SVG that take the page's colours, light or dark."""

NAMES = {"f1": "F1", "accuracy": "accuracy", "score": "score"}
