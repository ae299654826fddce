"""Find what is wrong in labels."""
