"""What the score records say of annotators, items and the truth."""
