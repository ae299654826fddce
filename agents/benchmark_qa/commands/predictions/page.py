"""One evaluation of a model's predictions, as it is written into files and onto a page."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from benchmark_qa.commands.predictions.comparison import Difference
from benchmark_qa.commands.predictions.result import PredictionScore
from benchmark_qa.commands.predictions.slices import Slice
from benchmark_qa.errors import MissingExtraError


@dataclass(frozen=True)
class Evaluation:
    """The figures, and what they are of."""

    score: PredictionScore
    differences: Sequence[Difference] | None
    """From the other model; None: there is none"""
    slices: Sequence[Slice] | None
    """None: not looked for"""
    truth: str
    predictions: str
    against: str | None
    """The other model"""
    asked_at: datetime

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: the score's own, with `differences` and `slices` where they were asked for."""
        result = self.score.to_dict()
        if self.differences is not None:
            result["differences"] = [asdict(difference) for difference in self.differences]
        if self.slices is not None:
            result["slices"] = [one.to_dict() for one in self.slices]
        return result


def evaluation_page(evaluation: Evaluation) -> bytes:
    """The evaluation as one HTML file that needs nothing from anywhere.

    Raises:
        MissingExtraError: the extra `report` is not installed.
    """
    try:
        from benchmark_qa.commands.predictions.predictions import render_evaluation
    except ModuleNotFoundError:
        raise MissingExtraError(
            "the page needs the extra 'report': pip install 'encord-benchmark-agents[report]'"
        ) from None
    return render_evaluation(evaluation).encode("utf-8")
