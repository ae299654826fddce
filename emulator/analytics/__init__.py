"""Who did what, and how long it took: task actions, time spent, label logs and editor logs."""
