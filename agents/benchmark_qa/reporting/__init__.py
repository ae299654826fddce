"""Records to tables, plots, a page, files."""

from benchmark_qa.reporting.leaderboard import Bar, Leaderboard, Line, leaderboard
from benchmark_qa.reporting.report import Evidence, Question, Report, build_report
from benchmark_qa.reporting.ruling import Rule

__all__ = ["Bar", "Evidence", "Leaderboard", "Line", "Question", "Report", "Rule", "build_report", "leaderboard"]
