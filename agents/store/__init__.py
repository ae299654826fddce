"""Score records in a SQL database."""

from agents.store.score_store import SqlScoreStore, StoreError

__all__ = ["SqlScoreStore", "StoreError"]
