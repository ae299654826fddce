"""Statistics: intervals, tests, drift, ranking, rating, agreement and the crowd."""
