"""The label editor page: an item with its labels, and the agents that a person can run on it from the browser."""
