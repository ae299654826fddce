"""Export labels."""
