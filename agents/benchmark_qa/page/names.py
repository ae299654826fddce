"""The names of figures on pages."""

NAMES = {
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "mean_similarity": "mean overlap",
    "accuracy": "accuracy",
    "attribute_accuracy": "attributes right",
    "score": "score",
    "passed": "tasks passed",
}
