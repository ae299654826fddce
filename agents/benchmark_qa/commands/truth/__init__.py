"""Importing ground truth, and its status."""
