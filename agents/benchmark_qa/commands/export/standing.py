"""Where annotators stand, for exports: whose work is left out, and what everybody's counts for."""

from dataclasses import dataclass
from datetime import datetime

from benchmark_qa.config.deployment import Deployment
from benchmark_qa.formats.writer import Weights
from benchmark_qa.quality.from_store import report_project
from benchmark_qa.store.score_store import SqlScoreStore


@dataclass(frozen=True)
class Standing:
    """The verdicts as of a moment."""

    below_the_bar: frozenset[str]
    weights: Weights
    """The shrunk headline figure of each; of who has none, everybody's together"""


def standing(store: SqlScoreStore, deployment: Deployment, *, as_of: datetime | None) -> Standing:
    """Verdicts and weights from the score records, as the report has them.

    Raises:
        StoreError
    """
    board = report_project(store, deployment, domain="", as_of=as_of).leaderboard
    pooled = getattr(board.pooled, board.headline).estimate
    weights = {line.annotator: round(line.shrunk, 6) for line in board.lines if line.shrunk is not None}
    return Standing(
        frozenset(line.annotator for line in board.lines if line.verdict == "below the bar"),
        Weights(weights, 1.0 if pooled is None else round(float(pooled), 6)),
    )
