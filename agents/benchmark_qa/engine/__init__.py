"""The scoring engine: matching, answers, attributes, tracks, totals. Pure functions, frozen results."""
