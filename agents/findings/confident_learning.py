"""The one place that touches cleanlab, an optional dependency: how likely is a given class the right one?

Confident learning (C. Northcutt, L. Jiang, I. Chuang, JAIR 2021) judges the class that something was given against
the probabilities that a model has for it, each class measured by how sure the model usually is of it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.errors import MissingExtraError
from agents.scoring.pairs import Indices, Numbers


ENOUGH_FOR_AVERAGES = 50
"""Things from which a class's usual probability says something; with fewer, all classes are measured alike"""


class FindingLibraryMissingError(MissingExtraError):
    """The library that scores labels is not installed."""

    def __init__(self) -> None:
        super().__init__("finding label errors needs cleanlab: pip install 'encord-benchmark-agents[findings]'")


def doubts(given: Indices, predicted: Indices, confidence: Numbers, rest: Indices) -> Numbers:
    """How likely each given class is wrong, in [0, 1], shape (n,); comparable among each other.

    Args:
        given: the class that each thing was given, (n,).
        predicted: the class that the model gives it.
        confidence: of the model, in [0, 1].
        rest: the class that has what is left of 1, as a detector names but one confidence; not `predicted`.

    Raises:
        FindingLibraryMissingError: the extra `findings` is not installed.
    """
    if not len(given):
        return np.zeros(0)
    known, dense = np.unique(np.concatenate((given, predicted, rest)), return_inverse=True)
    given, predicted, rest = np.split(dense, 3)
    probabilities: NDArray[np.float64] = np.zeros((len(given), len(known)))
    at = np.arange(len(given))
    probabilities[at, predicted] = confidence
    probabilities[at, rest] = 1.0 - confidence
    quality = _rank().get_label_quality_scores(
        given, probabilities, method="normalized_margin", adjust_pred_probs=len(given) >= ENOUGH_FOR_AVERAGES
    )
    return np.clip(1.0 - np.asarray(quality, dtype=np.float64), 0.0, 1.0)


def _rank() -> Any:
    try:
        from cleanlab import rank  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise FindingLibraryMissingError from None
    return rank
