"""Choose the items of a benchmark."""
