"""Agreement beyond chance: Cohen's kappa with the truth, Krippendorff's alpha, F1 between annotators."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.engine.pairs import SLACK, Pairs, best_pairs, box_iou, touching
from benchmark_qa.labels.annotations import Numbers
from benchmark_qa.stats.confusion import kappa_of
from benchmark_qa.stats.crowd_boxes import BoxItem, Crowd, flatten
from benchmark_qa.stats.intervals import Interval, RatioTotals, student_quantile

_MOST_DRAWS, _FEWEST_DRAWS = 2_000, 400
_CELLS_DRAWN = 50_000
_MINIMUM_UNITS = 3


def kappa_interval(
    truth: NDArray[np.int64],
    answers: NDArray[np.int64],
    *,
    tasks: NDArray[np.int64] | None = None,
    level: float = 0.95,
) -> Interval:
    """Cohen's kappa of one annotator with the ground truth.

    A jackknife or the usual standard error has a coverage of about two thirds at ten answers. This interval comes from
    the posterior of kappa, with multinomial cells of the confusion matrix and a Dirichlet prior. Its two ends use two
    priors, like the two Beta distributions of the exact interval of a proportion: a sceptical one (half of its mass
    on disagreement) and a trusting one (a fifth). The ends come from draws with a fixed seed, so equal input gives
    equal output. Coverage: docs/statistics/intervals.md.

    Args:
        truth: (answers,) class numbers.
        answers: (answers,) class numbers.
        tasks: (answers,) the task of each answer; by default every answer is a task. Several answers of one task count
            for fewer, by the design effect of their agreement (see `intervals`).
        level: of the interval.
    """
    if truth.shape != answers.shape or truth.ndim != 1:
        raise ValueError(f"{truth.shape} true classes and {answers.shape} answers do not pair")
    task = np.arange(len(truth)) if tasks is None else np.unique(tasks, return_inverse=True)[1]
    n = int(task.max()) + 1 if len(task) else 0
    _, codes = np.unique(np.concatenate([truth, answers]), return_inverse=True)
    classes = int(codes.max()) + 1 if len(codes) else 0
    if classes < 2:
        reason = "both sides know one and the same class only" if classes else "no answer"
        return Interval.not_applicable(reason, n=n, level=level)
    cells = codes[: len(truth)] * classes + codes[len(truth) :]
    counts = np.bincount(cells, minlength=classes**2).reshape(classes, classes).astype(float)
    agreed = RatioTotals.of(np.bincount(task, weights=truth == answers), np.bincount(task))
    trials = min(agreed.effective_trials(), float(len(truth)))
    estimate = float(kappa_of(counts))
    low, high = _kappa_ends(counts * trials / len(truth), level)
    return Interval(estimate, min(low, estimate), max(high, estimate), n, level)


def _kappa_ends(counts: Numbers, level: float) -> tuple[float, float]:
    random = np.random.default_rng(0)
    draws = min(max(_CELLS_DRAWN // counts.size, _FEWEST_DRAWS), _MOST_DRAWS)
    agree = np.eye(len(counts)) / len(counts)
    differ = (1 - np.eye(len(counts))) / (len(counts) * (len(counts) - 1))
    ends = []
    for prior, probability in (
        (1.0 * agree + 1.0 * differ, 0.5 - level / 2),
        (2.0 * agree + 0.5 * differ, 0.5 + level / 2),
    ):
        cells = random.standard_gamma(counts + prior, size=(draws, *counts.shape))
        ends.append(float(np.nanquantile(kappa_of(cells), probability)))
    return ends[0], ends[1]


def alpha_nominal(values: Numbers, *, level: float = 0.95) -> Interval:
    """Krippendorff's alpha of unordered categories, with a jackknife interval over units.

    alpha = 1 - observed / expected disagreement (Krippendorff 2011, "Computing Krippendorff's alpha-reliability").

    Args:
        values: (annotators, units) category numbers, NaN where an annotator did not do a unit.
        level: of the interval.
    """
    present = ~np.isnan(values)
    _, codes = np.unique(values[present], return_inverse=True)
    units = np.nonzero(present)[1]
    categories = int(codes.max()) + 1 if len(codes) else 0
    counts = np.zeros((values.shape[1], categories))
    np.add.at(counts, (units, codes), 1.0)
    return _alpha(counts.sum(axis=1), _Nominal(counts), level)


def alpha_interval(values: Numbers, *, level: float = 0.95) -> Interval:
    """Krippendorff's alpha of numbers (squared differences), with a jackknife interval over units.

    Args:
        values: (annotators, units) numbers on an interval scale, NaN where an annotator did not do a unit.
        level: of the interval.
    """
    present = ~np.isnan(values)
    centred = np.where(present, values - (values[present].mean() if present.any() else 0.0), 0.0)
    sums = np.stack([centred.sum(axis=0), (centred**2).sum(axis=0)], axis=1)
    return _alpha(present.sum(axis=0).astype(float), _Squares(sums), level)


@dataclass(frozen=True, slots=True, eq=False)
class _Nominal:
    """Category counts (units, categories); a pair's difference is 1 if its categories differ."""

    sums: Numbers

    @staticmethod
    def differing_pairs(sums: Numbers, number: Numbers) -> Numbers:
        """Ordered pairs with different categories, from summed counts (..., categories) of (...,) values."""
        result: Numbers = number**2 - (sums**2).sum(axis=-1)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class _Squares:
    """Sum and sum of squares (units, 2); a pair's difference is its squared difference."""

    sums: Numbers

    @staticmethod
    def differing_pairs(sums: Numbers, number: Numbers) -> Numbers:
        """Squared differences over ordered pairs, from summed (sum, sum of squares) of (...,) values."""
        result: Numbers = 2.0 * (number * sums[..., 1] - sums[..., 0] ** 2)
        return result


def _alpha(number: Numbers, values: _Nominal | _Squares, level: float) -> Interval:
    """Alpha with its interval.

    The interval is the jackknife's over units, joined with the one after adding a unit of pure chance. The added unit
    widens the interval of a few unanimous units. A few units make up most of the variance, so Student's t gets a
    quarter of the usual degrees of freedom; with all of them the coverage is 0.84 at five units.
    """
    paired = number >= 2
    number, sums = number[paired], values.sums[paired]
    n = len(number)
    if n < _MINIMUM_UNITS:
        return Interval.not_applicable(f"fewer than {_MINIMUM_UNITS} units with two answers", n=n, level=level)
    if values.differing_pairs(sums.sum(axis=0), number.sum()) <= 0.0:
        return Interval.not_applicable("all answers are the same", n=n, level=level)
    estimate, error = _jackknife(number, sums, values)
    chance = np.append(number, number.mean()), np.vstack([sums, sums.mean(axis=0)])
    humbler, humbler_error = _jackknife(*chance, values)
    deviate = student_quantile(0.5 + level / 2, max((n - 1) / 4, 1.0))
    low = min(estimate - deviate * error, humbler - deviate * humbler_error)
    high = max(estimate + deviate * error, humbler + deviate * humbler_error)
    return Interval(estimate, max(low, -1.0), min(high, 1.0), n, level)


def _jackknife(number: Numbers, sums: Numbers, values: _Nominal | _Squares) -> tuple[float, float]:
    """Alpha of the units, and its standard error from leaving out one unit at a time."""
    within = values.differing_pairs(sums, number) / (number - 1.0)
    total, all_sums = number.sum(), sums.sum(axis=0)
    estimate = float(_alpha_of(within.sum(), values.differing_pairs(all_sums, total), total))
    rest = total - number
    without_one = _alpha_of(within.sum() - within, values.differing_pairs(all_sums - sums, rest), rest)
    without_one = np.where(np.isnan(without_one), estimate, without_one)
    spread = ((without_one - without_one.mean()) ** 2).sum()
    return estimate, float(np.sqrt((len(number) - 1) / len(number) * spread))


def _alpha_of(within: Numbers, among_all: Numbers, total: Numbers) -> Numbers:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Numbers = 1.0 - (total - 1.0) * within / np.where(among_all > 1e-12 * total, among_all, np.nan)
    return ratio


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Agreement of two annotators' boxes: F1 of one against the other, over the tasks that both did."""

    first: str
    second: str
    f1: Interval


def box_agreement(items: Sequence[BoxItem], *, threshold: float = 0.5) -> tuple[PairAgreement, ...]:
    """Agreement of every pair of annotators who share an item, ordered by name.

    Kappa is not defined for boxes, because the number of places where both correctly drew nothing is unknown. F1
    between two annotators is the limit of kappa as that number grows (Hripcsak & Rothschild 2005). It is symmetric and
    needs no truth. An item without boxes on both sides is not counted.
    """
    crowd = flatten(items)
    number = {name: index for index, name in enumerate(crowd.names)}
    matched = _matches_between(crowd, threshold)
    shared: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for row, item in enumerate(items):
        for pair in combinations(sorted(item.answers), 2):
            drawn = sum(len(item.answers[name]) for name in pair)
            hits = matched[row, number[pair[0]], number[pair[1]]]
            shared.setdefault(pair, []).append((2 * hits, drawn))
    return tuple(
        PairAgreement(*pair, RatioTotals.of(*np.array(tasks).T).interval()) for pair, tasks in sorted(shared.items())
    )


def pooled_agreement(pairs: Sequence[PairAgreement]) -> float:
    """Mean F1 over pairs, weighted by the number of shared tasks; NaN if there is none."""
    known = [(pair.f1.estimate, pair.f1.n) for pair in pairs if pair.f1.estimate is not None]
    tasks = sum(n for _, n in known)
    return sum(f1 * n for f1, n in known) / tasks if tasks else float("nan")


def _matches_between(crowd: Crowd, threshold: float) -> Counter[tuple[int, int, int]]:
    """Number of matching boxes by item and pair of annotators (lower number first), from one sweep."""
    boxes, item, who = crowd.label, crowd.label_item, crowd.label_annotator
    touch = touching(boxes, item, boxes, item)
    touch = touch.where(who[touch.truth] < who[touch.label])
    overlap = box_iou(boxes[touch.truth], boxes[touch.label])
    near = overlap >= threshold - SLACK
    pairs = touch.where(near)
    # A box takes part in the matching of many pairs of annotators, so it is repeated once per partner.
    _, first = np.unique(pairs.truth * len(crowd.names) + who[pairs.label], return_inverse=True)
    _, second = np.unique(pairs.label * len(crowd.names) + who[pairs.truth], return_inverse=True)
    ranks = np.arange(len(pairs))
    chosen = pairs.where(best_pairs(Pairs(first, second), overlap[near], ranks, ranks))
    keys = item[chosen.truth].tolist(), who[chosen.truth].tolist(), who[chosen.label].tolist()
    return Counter(zip(*keys, strict=True))
