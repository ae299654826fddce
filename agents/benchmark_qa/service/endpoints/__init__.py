"""One module for each family of URLs."""
