"""One command from nothing to a scored production project."""
