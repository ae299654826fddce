"""Answers of the ground truth that the crowd contradicts, weighted by how good each annotator is.

As in Dawid & Skene (1979), every annotator has a confusion matrix P(answer | true class). Unlike there, the ground
truth is known; it is a vote that is wrong with a small prior probability. An annotator's matrix is counted against the
ground truth of all *other* items, so that an item is no evidence for itself. It is shrunk to the group's matrix by
`PRIOR_ANSWERS` pseudo-answers per class, so that a few answers have little effect. An annotator who is always wrong is
as informative as one who is always right; a plain majority cannot use this.

Measured on planted errors: docs/statistics/suspects.md.
"""

from dataclasses import dataclass
from math import log
from typing import Self

import numpy as np
from numpy.typing import NDArray

NOT_ANSWERED = -1
PRIOR_WRONG = 0.05
"""Prior share of wrong answers in the ground truth, before any annotator's answer."""
SUSPECT_FROM = 0.5
"""Probability of being wrong from which an item is listed: more likely wrong than right."""
MINIMUM_VOICES = 2
"""Fewest annotators who must give the same answer; one alone against the truth is probably wrong."""
PRIOR_ANSWERS = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class AnswerSuspicion:
    """The crowd's view of each item's true answer; all arrays are (items,).

    ``wrong`` is the probability that the ground truth is wrong, ``instead`` the class that the crowd considers right,
    ``voices`` the number of annotators who support it (their answer is more likely if it is right), ``answered`` the
    number who answered at all.
    """

    wrong: NDArray[np.float64]
    instead: NDArray[np.int64]
    voices: NDArray[np.int64]
    answered: NDArray[np.int64]

    @property
    def suspects(self) -> NDArray[np.int64]:
        """Indices of the items to look at, the most suspicious first."""
        listed = np.flatnonzero((self.wrong >= SUSPECT_FROM) & (self.voices >= MINIMUM_VOICES))
        return listed[np.argsort(-self.wrong[listed], kind="stable")]


def suspect_answers(
    truth: NDArray[np.int64], answers: NDArray[np.int64], *, classes: int, prior_wrong: float = PRIOR_WRONG
) -> AnswerSuspicion:
    """The probability that each true answer is wrong, given everybody's answers.

    Args:
        truth: (items,) classes 0 .. classes-1.
        answers: (annotators, items) classes, `NOT_ANSWERED` if there is none.
        classes: number of classes, at least two.
        prior_wrong: prior share of wrong answers in the truth.

    Raises:
        ValueError: shapes or classes do not fit; the message names them.
    """
    _check(truth, answers, classes)
    given = _Given.of(answers)
    evidence = _evidence(truth, given, classes)
    items = np.arange(len(truth))
    posterior = np.stack([np.bincount(given.item, weights, len(truth)) for weights in evidence], axis=1, dtype=float)
    posterior += log(prior_wrong / (classes - 1))
    posterior[items, truth] += log((1.0 - prior_wrong) * (classes - 1) / prior_wrong)
    posterior -= np.logaddexp.reduce(posterior, axis=1, keepdims=True)
    others = posterior.copy()
    others[items, truth] = -np.inf
    instead = others.argmax(axis=1)
    each = np.arange(len(given.item))
    speaks = evidence[instead[given.item], each] > evidence[truth[given.item], each]
    return AnswerSuspicion(
        wrong=np.clip(-np.expm1(posterior[items, truth]), 0.0, 1.0),
        instead=instead,
        voices=np.bincount(given.item[speaks], minlength=len(truth)),
        answered=np.bincount(given.item, minlength=len(truth)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """The g answers that were given; sparse, because in a large crowd most people answered few items."""

    annotators: int
    annotator: NDArray[np.int64]
    item: NDArray[np.int64]
    answer: NDArray[np.int64]

    @classmethod
    def of(cls, answers: NDArray[np.int64]) -> Self:
        annotator, item = np.nonzero(answers != NOT_ANSWERED)
        return cls(len(answers), annotator, item, answers[annotator, item])


def _evidence(truth: NDArray[np.int64], given: _Given, classes: int) -> NDArray[np.float64]:
    """Log probability (classes, g) of each answer, for each class as the true one."""
    counts = _confusions(truth, given, classes)
    group = counts.sum(axis=0) + 1.0
    group /= group.sum(axis=1, keepdims=True)
    evidence = np.empty((classes, len(given.item)))
    for true in range(classes):
        own = truth[given.item] == true
        said = counts[given.annotator, true, given.answer] - own
        total = counts[:, true].sum(axis=1)[given.annotator] - own
        evidence[true] = np.log((said + PRIOR_ANSWERS * group[true, given.answer]) / (total + PRIOR_ANSWERS))
    return evidence


def _confusions(truth: NDArray[np.int64], given: _Given, classes: int) -> NDArray[np.float64]:
    """Counts (annotators, true class, answer)."""
    cell = (given.annotator * classes + truth[given.item]) * classes + given.answer
    counts = np.bincount(cell, minlength=given.annotators * classes**2)
    return counts.reshape(given.annotators, classes, classes).astype(float)


def _check(truth: NDArray[np.int64], answers: NDArray[np.int64], classes: int) -> None:
    if classes < 2:
        raise ValueError(f"a question with {classes} possible answer cannot be answered wrongly")
    if truth.ndim != 1 or answers.ndim != 2 or answers.shape[1] != len(truth):
        raise ValueError(f"answers {answers.shape} are not (annotators, items) for truth {truth.shape}")
    if truth.size and (truth.min() < 0 or truth.max() >= classes):
        raise ValueError(f"the truth names classes outside 0..{classes - 1}")
    if answers.size and (answers.min() < NOT_ANSWERED or answers.max() >= classes):
        raise ValueError(f"an answer lies outside 0..{classes - 1} and is not {NOT_ANSWERED} for none")


def item_rating(accepted: int, uses: int) -> float:
    """Rating of a benchmark item: (accepted + 1) / (uses + 1), 1.0 before its first use.

    >>> item_rating(0, 0), item_rating(1, 9)
    (1.0, 0.2)
    """
    if not 0 <= accepted <= uses:
        raise ValueError(f"{accepted} accepted of {uses} uses")
    return (accepted + 1) / (uses + 1)


def item_difficulty(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """One minus the mean score of each item over all annotators who did it.

    Args:
        scores: (annotators, items) in [0, 1], NaN if an annotator did not do the item.

    Returns:
        (items,), NaN if nobody did the item.
    """
    done = ~np.isnan(scores)
    number = done.sum(axis=0)
    total = np.where(done, scores, 0.0).sum(axis=0)
    return np.where(number > 0, 1.0 - total / np.maximum(number, 1), np.nan)
