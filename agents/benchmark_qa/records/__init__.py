"""Stored scores: the score record, the figures it contributes to, and a sketch of truth and labels."""
