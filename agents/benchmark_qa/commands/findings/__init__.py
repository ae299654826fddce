"""Finding what is wrong in labels."""
