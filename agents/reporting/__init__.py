"""Records to tables, plots, a page, files."""

from agents.reporting.leaderboard import Leaderboard, Line, leaderboard

__all__ = ["Leaderboard", "Line", "leaderboard"]
