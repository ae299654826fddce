"""Quantiles of the normal and of Student's t, so that the service needs no statistics package."""

from functools import lru_cache
from math import exp, floor, lgamma, log, log1p
from statistics import NormalDist

_NORMAL_FROM = 2_000.0
_STEPS_PER_DEGREE = 50


def normal_quantile(probability: float) -> float:
    """The standard normal quantile of ``probability``."""
    return NormalDist().inv_cdf(probability)


def student_quantile(probability: float, degrees: float) -> float:
    """The quantile of Student's t of ``probability``.

    ``degrees`` of freedom may be fractional; they are rounded down to a fiftieth, which widens an interval by
    less than two per cent and allows caching of the results.
    """
    if not 0.0 < probability < 1.0:
        raise ValueError(f"a probability lies between 0 and 1, not {probability!r}")
    if not degrees >= 1.0:
        raise ValueError(f"Student's t needs at least one degree of freedom, not {degrees!r}")
    if degrees >= _NORMAL_FROM:
        return normal_quantile(probability)
    if probability < 0.5:
        return -student_quantile(1.0 - probability, degrees)
    return _upper_quantile(probability, floor(degrees * _STEPS_PER_DEGREE) / _STEPS_PER_DEGREE)


@lru_cache(maxsize=8_192)
def _upper_quantile(probability: float, degrees: float) -> float:
    low, high = 0.0, 2.0
    while _student_cdf(high, degrees) < probability:
        low, high = high, 2.0 * high
    while high - low > 1e-12 * high:
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        if _student_cdf(middle, degrees) < probability:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _student_cdf(deviate: float, degrees: float) -> float:
    """P(T <= deviate) for deviate >= 0, from the incomplete beta function (Abramowitz & Stegun 26.7.1)."""
    return 1.0 - 0.5 * incomplete_beta(0.5 * degrees, 0.5, degrees / (degrees + deviate * deviate))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), from its continued fraction (DLMF 8.17.22)."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - incomplete_beta(b, a, 1.0 - x)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    return front / _beta_fraction(a, b, x)


def _beta_fraction(a: float, b: float, x: float) -> float:
    """The denominator 1 + d1/(1 + d2/(1 + ...)), evaluated forwards by Lentz's method."""
    tiny = 1e-300
    fraction = numerator = 1.0
    denominator = 0.0
    for step in range(1, 500):
        m = step // 2
        if step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        denominator = 1.0 / ((1.0 + term * denominator) or tiny)
        numerator = (1.0 + term / numerator) or tiny
        change = numerator * denominator
        fraction *= change
        if abs(change - 1.0) < 1e-15:
            break
    return fraction
