"""The confusion matrix over many tasks, and the figures derived from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class ConfusionMatrix:
    """Counts (k, k): row = class in the ground truth, column = class that the annotator gave.

    For objects, a class named for "nothing" holds missed objects (its column) and spurious objects (its row).
    Undefined figures are NaN, for example the recall of a class that the truth does not contain.
    """

    labels: tuple[str, ...]
    counts: NDArray[np.float64]

    def __post_init__(self) -> None:
        size = len(self.labels)
        if self.counts.shape != (size, size) or not (np.isfinite(self.counts) & (self.counts >= 0)).all():
            raise ValueError(f"{size} labels need {size} x {size} counts of zero or more")

    @classmethod
    def of(cls, truth: NDArray[np.int64], answers: NDArray[np.int64], labels: Sequence[str]) -> Self:
        """The matrix of class numbers, one entry per answer."""
        size = len(labels)
        if truth.shape != answers.shape:
            raise ValueError(f"{truth.shape} true classes and {answers.shape} answers do not pair")
        given = np.concatenate([truth, answers])
        if given.size and (given.min() < 0 or given.max() >= size):
            raise ValueError(f"a class lies outside 0..{size - 1}")
        counts = np.bincount(truth * size + answers, minlength=size * size)
        return cls(tuple(labels), counts.reshape(size, size).astype(float))

    def __add__(self, other: "ConfusionMatrix") -> "ConfusionMatrix":
        if self.labels != other.labels:
            raise ValueError("confusion matrices over different labels do not add")
        return ConfusionMatrix(self.labels, self.counts + other.counts)

    @property
    def total(self) -> float:
        """The number of answers."""
        return float(self.counts.sum())

    @property
    def accuracy(self) -> float:
        """The share of answers on the diagonal; equal to micro F1 if every item has one answer."""
        return _ratio(np.trace(self.counts), self.counts.sum())

    @property
    def recall(self) -> NDArray[np.float64]:
        """(k,): of the items of each class in the truth, the share that was given this class."""
        return _ratios(np.diag(self.counts), self.counts.sum(axis=1))

    @property
    def precision(self) -> NDArray[np.float64]:
        """(k,): of the items that were given each class, the share of this class in the truth."""
        return _ratios(np.diag(self.counts), self.counts.sum(axis=0))

    @property
    def f1(self) -> NDArray[np.float64]:
        """(k,): 2 x diagonal / (row + column)."""
        return _ratios(2 * np.diag(self.counts), self.counts.sum(axis=0) + self.counts.sum(axis=1))

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall over the classes in the truth; always answering the majority class gives 1 / classes.

        With classes of 85 % and 15 %, such an annotator has a raw accuracy of 0.85, more than an honest annotator who
        is right 8 times in 10.
        """
        return _mean(self.recall)

    @property
    def macro_f1(self) -> float:
        """Mean F1 over the classes that occur; rare classes count as much as common ones."""
        return _mean(self.f1)

    @property
    def worst_class(self) -> tuple[str, float] | None:
        """The class with the lowest F1, the first of equals; None if no class occurs."""
        scores = self.f1
        if np.isnan(scores).all():
            return None
        index = int(np.nanargmin(scores))
        return self.labels[index], float(scores[index])

    @property
    def kappa(self) -> float:
        """Cohen's kappa (1960), agreement beyond chance; NaN if both sides have only one and the same class."""
        return float(kappa_of(self.counts))

    def __str__(self) -> str:
        width = max((len(label) for label in self.labels), default=0)
        cells = [[f"{count:g}" for count in row] for row in self.counts]
        size = max([len(cell) for row in cells for cell in row] + [len(label) for label in self.labels])
        head = " " * width + "".join(f"  {label:>{size}}" for label in self.labels)
        rows = [
            f"{label:<{width}}" + "".join(f"  {cell:>{size}}" for cell in row)
            for label, row in zip(self.labels, cells, strict=True)
        ]
        return "\n".join([head, *rows])


def kappa_of(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cohen's kappa of matrices (..., k, k): (observed - expected) / (1 - expected); NaN if expected is 1."""
    total = counts.sum(axis=(-1, -2))
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = np.trace(counts, axis1=-2, axis2=-1) / total
        expected = (counts.sum(axis=-1) * counts.sum(axis=-2)).sum(axis=-1) / total**2
        kappa: NDArray[np.float64] = np.where(expected < 1 - 1e-12, (observed - expected) / (1 - expected), np.nan)
    return kappa


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below > 0 else float("nan")


def _ratios(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    ratios: NDArray[np.float64] = np.divide(above, below, where=below > 0, out=np.full(above.shape, np.nan))
    return ratios


def _mean(figures: NDArray[np.float64]) -> float:
    defined = figures[~np.isnan(figures)]
    return float(defined.mean()) if len(defined) else float("nan")
