"""What the score records say about annotators, benchmark items and ground truth."""
