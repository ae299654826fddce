"""Trying what the ledger says: the same steps through the SDK, the same observations."""
