"""Accounts, their keys and their bearer tokens."""
