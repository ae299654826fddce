"""Records to tables, plots, a page, files."""

from agents.reporting.leaderboard import Bar, Leaderboard, Line, leaderboard
from agents.reporting.report import Evidence, Question, Report, build_report
from agents.reporting.ruling import Rule

__all__ = ["Bar", "Evidence", "Leaderboard", "Line", "Question", "Report", "Rule", "build_report", "leaderboard"]
