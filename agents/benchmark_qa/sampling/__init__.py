"""Which data units to take: strata, near-duplicates, how many are enough. Pure: numbers and pixels in, choices out."""
