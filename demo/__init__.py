"""One command from nothing to a scored production project (`python -m demo`)."""
