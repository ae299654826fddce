"""Choosing benchmark items."""
