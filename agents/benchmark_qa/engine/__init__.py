"""Geometry, matching, classifications, attributes, tracks, aggregation: pure functions and frozen results."""
