"""Prepare waiting tasks for people: pre-labels, and who gets which."""
