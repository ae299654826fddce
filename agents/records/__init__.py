"""What is kept of a score: the record, the figures it adds to, and a sketch of both sides."""

from agents.records.figures import (
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
from agents.records.score import ScoreIdentity, ScoreRecord
from agents.records.sketch import Answered, Mark, Sketch, sketch_of

__all__ = [
    "FIGURES",
    "Answered",
    "Figure",
    "Mark",
    "ScoreIdentity",
    "ScoreRecord",
    "Share",
    "Sketch",
    "Totals",
    "join_totals",
    "object_shares",
    "shares_of",
    "sketch_of",
    "totals_of",
    "totals_of_shares",
]
