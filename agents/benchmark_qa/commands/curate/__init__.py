"""See what is in the pictures, find what is worth labelling, keep the choice."""
