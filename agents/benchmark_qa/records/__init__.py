"""What is kept of a score: the record, the figures it adds to, and a sketch of both sides."""

from benchmark_qa.records.conflicts import CONFLICTS_KEPT, ConflictKey, conflict_counts, details_of
from benchmark_qa.records.figures import (
    FIGURES,
    Figure,
    Share,
    Totals,
    join_totals,
    object_shares,
    shares_of,
    totals_of,
    totals_of_shares,
)
from benchmark_qa.records.score import ScoreIdentity, ScoreRecord
from benchmark_qa.records.sketch import Answered, Mark, Sketch, sketch_of
from benchmark_qa.records.work import PersonsWork, WorkReading

__all__ = [
    "CONFLICTS_KEPT",
    "FIGURES",
    "Answered",
    "ConflictKey",
    "Figure",
    "Mark",
    "PersonsWork",
    "ScoreIdentity",
    "ScoreRecord",
    "Share",
    "Sketch",
    "Totals",
    "WorkReading",
    "conflict_counts",
    "details_of",
    "join_totals",
    "object_shares",
    "shares_of",
    "sketch_of",
    "totals_of",
    "totals_of_shares",
]
