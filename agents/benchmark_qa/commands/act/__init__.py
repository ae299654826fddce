"""Actions that follow from verdicts."""
