"""Agreement beside other packages, and its interval on a real crowd."""

from typing import Any

import krippendorff
import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from benchmark_qa.stats.agreement import alpha_interval, alpha_nominal, box_agreement, kappa_interval
from benchmarks.suspects import answer_arrays, box_items


def holes(random: np.random.Generator, values: np.ndarray, share: float) -> np.ndarray:
    return np.where(random.random(values.shape) < share, np.nan, values)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_alpha_equals_the_krippendorff_package_with_missing_answers(seed: int, share: float) -> None:
    random = np.random.default_rng(seed)
    unit = random.integers(4, size=40)
    nominal = np.where(random.random((6, 40)) < 0.6, unit, random.integers(4, size=(6, 40))).astype(float)
    numbers = unit * 2.5 + random.normal(100.0, 1.0, (6, 40))
    nominal, numbers = holes(random, nominal, share), holes(random, numbers, share)
    assert alpha_nominal(nominal).estimate == pytest.approx(
        krippendorff.alpha(nominal, level_of_measurement="nominal"), abs=1e-10
    )
    assert alpha_interval(numbers).estimate == pytest.approx(
        krippendorff.alpha(numbers, level_of_measurement="interval"), abs=1e-10
    )


def test_alpha_of_the_bluebirds_equals_the_krippendorff_package(bluebirds: dict[str, Any]) -> None:
    _, answers = answer_arrays(bluebirds)
    ours = alpha_nominal(answers.astype(float))
    assert ours.estimate == pytest.approx(
        krippendorff.alpha(answers.astype(float), level_of_measurement="nominal"), abs=1e-12
    )
    assert ours.n == 108
    assert ours.low is not None
    assert ours.high is not None
    assert ours.low < ours.estimate < ours.high


@pytest.mark.parametrize("people", [3, 7, 39])
@pytest.mark.parametrize("units", [5, 20, 100])
def test_the_interval_of_alpha_holds_on_bluebirds(bluebirds: dict[str, Any], people: int, units: int) -> None:
    _, answers = answer_arrays(bluebirds)
    random = np.random.default_rng(8)
    covered = []
    for _ in range(500):
        values = answers[random.permutation(39)[:people]].astype(float)
        whole, drawn = alpha_nominal(values), alpha_nominal(values[:, random.integers(108, size=units)])
        if drawn.estimate is not None:
            covered.append(drawn.low <= whole.estimate <= drawn.high)
    assert np.mean(covered) >= 0.93


def test_kappa_equals_scikit_learns_for_every_bluebird_annotator(bluebirds: dict[str, Any]) -> None:
    truth, answers = answer_arrays(bluebirds)
    for given in answers:
        interval = kappa_interval(truth, given)
        assert interval.estimate == pytest.approx(cohen_kappa_score(truth, given), abs=1e-12)
        assert interval.low <= interval.estimate <= interval.high
        assert interval.n == 108


def test_agreement_of_real_pairs_equals_scipys_assignment(pedestrians: dict[str, Any]) -> None:
    items = box_items(pedestrians)
    pairs = {(pair.first, pair.second): pair.f1 for pair in box_agreement(items)}
    for first, second in list(pairs)[::40]:
        hits = drawn = 0
        for item in items:
            if {first, second} <= item.answers.keys():
                hits += scipy_matches(item.answers[first], item.answers[second])
                drawn += len(item.answers[first]) + len(item.answers[second])
        assert pairs[first, second].estimate == pytest.approx(2 * hits / drawn, abs=1e-12)


def scipy_matches(first: np.ndarray, second: np.ndarray) -> int:
    import pycocotools.mask
    from scipy.optimize import linear_sum_assignment

    if not len(first) or not len(second):
        return 0
    near = pycocotools.mask.iou(first, second, [0] * len(second)) >= 0.5 - 1e-9
    return int(near[linear_sum_assignment(near, maximize=True)].sum())
