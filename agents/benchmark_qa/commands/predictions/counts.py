"""Right and wrong of one class, image by image."""

import functools
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.predictions.outcome import Outcome
from benchmark_qa.stats.intervals import Interval, ratio_interval

NO_TRUTH = "no ground truth of this class"


@dataclass(frozen=True, eq=False)
class Counts:
    """One class at one confidence; each array has one entry per cluster of images, shape (c,)."""

    hits: NDArray[np.int64]
    spurious: NDArray[np.int64]
    truths: NDArray[np.int64]

    @classmethod
    def of(cls, outcome: Outcome, number: int, confidence: float, clusters: NDArray[np.int64]) -> Self:
        """Count one class; `clusters` gives the cluster number from 0 of each image."""
        of_class = (outcome.class_of == number) & (outcome.score >= confidence)
        size = int(clusters.max(initial=-1)) + 1
        count = functools.partial(np.bincount, minlength=size)
        return cls(
            hits=count(clusters[outcome.image_of[of_class & outcome.right]]),
            spurious=count(clusters[outcome.image_of[of_class & ~outcome.right]]),
            truths=count(clusters[outcome.truth_image[outcome.truth_class == number]]),
        )

    def only(self, kept: NDArray[np.bool_]) -> "Counts":
        """The counts of some of the clusters (c,)."""
        return Counts(self.hits[kept], self.spurious[kept], self.truths[kept])

    def precision(self) -> Interval:
        """TP / (TP + FP)."""
        return self._ratio(self.hits, self.hits + self.spurious, "no predictions of this class")

    def recall(self) -> Interval:
        """TP / (TP + FN)."""
        return self._ratio(self.hits, self.truths, NO_TRUTH)

    def f1(self) -> Interval:
        """2 TP / (2 TP + FP + FN)."""
        return self._ratio(2 * self.hits, self.hits + self.spurious + self.truths, NO_TRUTH)

    def _ratio(self, part: NDArray[np.int64], whole: NDArray[np.int64], empty: str) -> Interval:
        if not self.truths.sum():
            return Interval.not_applicable(NO_TRUTH)
        return ratio_interval(part, whole) if whole.sum() else Interval.not_applicable(empty)
