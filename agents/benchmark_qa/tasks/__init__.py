"""Use cases: route a task, score it, record the score, move the task."""
