"""Annotations against ground truth: pure functions and frozen results."""
