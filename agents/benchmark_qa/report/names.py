"""What the figures are called on the page."""

NAMES = {"f1": "F1", "accuracy": "accuracy", "score": "score"}
