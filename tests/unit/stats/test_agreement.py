from typing import Any

import numpy as np
import pytest

from benchmark_qa.stats.agreement import alpha_interval, alpha_nominal, box_agreement, kappa_interval, pooled_agreement
from benchmark_qa.stats.crowd_boxes import BoxItem
from benchmarks.suspects import box_items


def test_unanimous_answers_to_a_few_units_are_not_certainty() -> None:
    few = np.tile([0.0, 1.0, 1.0, 0.0, 1.0], (3, 1))
    assert alpha_nominal(few).estimate == 1.0
    assert alpha_nominal(few).low < 0.6
    assert alpha_nominal(np.tile(few, 40)).low > 0.95


@pytest.mark.parametrize("alpha", [alpha_nominal, alpha_interval])
def test_alpha_without_ground_is_not_applicable(alpha: Any) -> None:
    assert alpha(np.full((3, 5), np.nan)).reason == "fewer than 3 units with two answers"
    assert alpha(np.full((3, 5), 1.0)).reason == "all answers are the same"


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


def test_real_box_annotators_agree_and_a_bad_one_stands_out(pedestrians: dict[str, Any]) -> None:
    pairs = box_agreement(box_items(pedestrians))
    assert pooled_agreement(pairs) > 0.7
    bad = [pair for pair in pairs if "annotator-04@example.com" in (pair.first, pair.second)]
    assert pooled_agreement(bad) < 0.3
    assert np.isnan(pooled_agreement([]))
