"""Scoring exported label rows offline."""
