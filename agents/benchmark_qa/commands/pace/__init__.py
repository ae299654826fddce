"""When annotators meet benchmark items."""
