from typing import Any

import krippendorff
import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from benchmark_qa.stats.agreement import alpha_interval, alpha_nominal, box_agreement, kappa_interval, pooled_agreement
from benchmark_qa.stats.crowd_boxes import BoxItem
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


def test_unanimous_answers_to_a_few_units_are_not_certainty() -> None:
    few = np.tile([0.0, 1.0, 1.0, 0.0, 1.0], (3, 1))
    assert alpha_nominal(few).estimate == 1.0
    assert alpha_nominal(few).low < 0.6
    assert alpha_nominal(np.tile(few, 40)).low > 0.95


@pytest.mark.parametrize("alpha", [alpha_nominal, alpha_interval])
def test_alpha_without_ground_is_not_applicable(alpha: Any) -> None:
    assert alpha(np.full((3, 5), np.nan)).reason == "fewer than 3 units with two answers"
    assert alpha(np.full((3, 5), 1.0)).reason == "all answers are the same"


def test_kappa_equals_scikit_learns_for_every_bluebird_annotator(bluebirds: dict[str, Any]) -> None:
    truth, answers = answer_arrays(bluebirds)
    for given in answers:
        interval = kappa_interval(truth, given)
        assert interval.estimate == pytest.approx(cohen_kappa_score(truth, given), abs=1e-12)
        assert interval.low <= interval.estimate <= interval.high
        assert interval.n == 108


def test_kappa_of_few_perfect_answers_is_not_certain() -> None:
    few, many = np.array([0, 1, 0, 1, 1]), np.tile([0, 1, 0, 1, 1], 40)
    assert kappa_interval(few, few).estimate == kappa_interval(many, many).estimate == 1.0
    assert kappa_interval(few, few).low < 0.5
    assert kappa_interval(many, many).low > 0.95


def test_answers_of_one_task_that_err_together_count_for_fewer() -> None:
    truth = np.tile([0, 1], 100)
    answers = truth.copy()
    answers[:40] = 1 - answers[:40]
    alone = kappa_interval(truth, answers)
    clustered = kappa_interval(truth, answers, tasks=np.repeat(np.arange(10), 20))
    assert clustered.estimate == alone.estimate
    assert (clustered.n, alone.n) == (10, 200)
    assert clustered.width > 2 * alone.width


def test_kappa_is_the_same_whenever_it_is_asked() -> None:
    truth, answers = np.array([0, 1, 2, 1, 0, 2]), np.array([0, 1, 1, 1, 0, 0])
    assert kappa_interval(truth, answers) == kappa_interval(truth, answers)


def test_kappa_without_two_classes_is_not_applicable() -> None:
    assert "one and the same class" in str(kappa_interval(np.zeros(4, int), np.zeros(4, int)))
    assert kappa_interval(np.zeros(0, int), np.zeros(0, int)).reason == "no answer"
    with pytest.raises(ValueError, match="do not pair"):
        kappa_interval(np.zeros(4, int), np.zeros(5, int))


def test_agreement_between_box_annotators_is_symmetric_and_counts_by_hand() -> None:
    box = [10.0, 10, 20, 40]
    items = [
        BoxItem("1", np.empty((0, 4)), {"a": np.array([box]), "b": np.array([box, [90.0, 0, 9, 9]])}),
        BoxItem("2", np.empty((0, 4)), {"a": np.array([box]), "b": np.empty((0, 4))}),
        BoxItem("3", np.empty((0, 4)), {"a": np.empty((0, 4)), "b": np.empty((0, 4)), "c": np.array([box])}),
    ]
    pairs = {(pair.first, pair.second): pair.f1 for pair in box_agreement(items)}
    assert pairs["a", "b"].estimate == pytest.approx(2 * 1 / (1 + 2 + 1))
    assert pairs["a", "b"].n == 2
    assert pairs["a", "c"].estimate == 0.0
    swapped = [BoxItem(item.key, item.truth, {f"-{name}": b for name, b in item.answers.items()}) for item in items]
    assert [pair.f1 for pair in box_agreement(swapped)] == list(pairs.values())


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


def test_real_box_annotators_agree_and_a_bad_one_stands_out(pedestrians: dict[str, Any]) -> None:
    pairs = box_agreement(box_items(pedestrians))
    assert pooled_agreement(pairs) > 0.7
    bad = [pair for pair in pairs if "annotator-04@example.com" in (pair.first, pair.second)]
    assert pooled_agreement(bad) < 0.3
    assert np.isnan(pooled_agreement([]))
