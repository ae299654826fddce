"""The one place that touches cleanlab, an optional dependency: how likely is a given class the right one?

Confident learning (C. Northcutt, L. Jiang, I. Chuang, JAIR 2021) judges the class that something was given against
the probabilities that a model has for it, each class measured by how sure the model usually is of it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.engine.pairs import Indices, Numbers
from benchmark_qa.errors import MissingExtraError

ENOUGH_FOR_AVERAGES = 10
"""Things that were given a class from which the model's usual sureness of it says something"""


class FindingLibraryMissingError(MissingExtraError):
    """The library that scores labels is not installed."""

    def __init__(self) -> None:
        super().__init__("finding label errors needs cleanlab: pip install 'encord-benchmark-agents[findings]'")


def doubts(given: Indices, predicted: Indices, confidence: Numbers, rest: Indices) -> Numbers:
    """How likely each given class is wrong, in [0, 1], shape (n,); comparable among each other.

    Where a class that plays a part was given to fewer than `ENOUGH_FOR_AVERAGES` things, the probabilities are taken
    as they are.

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
    sides = np.stack((given, predicted, rest))
    usual = (np.bincount(given, minlength=int(sides.max()) + 1) >= ENOUGH_FOR_AVERAGES)[sides].all(axis=0)
    found = np.empty(len(given))
    for group, is_usual in ((usual, True), (~usual, False)):
        found[group] = _doubts(sides[:, group], confidence[group], by_averages=is_usual)
    return found


def _doubts(sides: Indices, confidence: Numbers, *, by_averages: bool) -> Numbers:
    things = sides.shape[1]
    if not things:
        return np.zeros(0)
    known, dense = np.unique(sides, return_inverse=True)
    given, predicted, rest = dense.reshape(sides.shape)
    probabilities: NDArray[np.float64] = np.zeros((things, len(known)))
    at = np.arange(things)
    probabilities[at, predicted] = confidence
    probabilities[at, rest] = 1.0 - confidence
    everyone_given = len(np.unique(given)) == len(known)
    quality = _rank().get_label_quality_scores(
        given, probabilities, method="normalized_margin", adjust_pred_probs=by_averages and everyone_given
    )
    return np.clip(1.0 - np.asarray(quality, dtype=np.float64), 0.0, 1.0)


def _rank() -> Any:
    try:
        from cleanlab import rank
    except ImportError:
        raise FindingLibraryMissingError from None
    return rank
