"""Which image a name means; brightness and sharpness; near-duplicates."""
