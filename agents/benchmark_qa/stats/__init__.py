"""Statistics: intervals, tests, drift, ranking, rating, agreement, crowd."""
