import numpy as np
import pytest
from scipy import special, stats

from benchmark_qa.stats.intervals import incomplete_beta, normal_quantile, student_quantile


@pytest.mark.parametrize("degrees", [1.0, 1.5, 2.0, 3.7, 10.0, 50.02, 400.0, 1999.0])
@pytest.mark.parametrize("probability", [0.02, 0.5, 0.6, 0.9, 0.975, 0.9999])
def test_student_quantiles_equal_scipys(probability: float, degrees: float) -> None:
    assert student_quantile(probability, degrees) == pytest.approx(stats.t.ppf(probability, degrees), abs=1e-8)


def test_degrees_between_two_fiftieths_take_the_wider_one() -> None:
    assert student_quantile(0.975, 2.519) == student_quantile(0.975, 2.5)


def test_many_degrees_are_the_normal() -> None:
    assert student_quantile(0.975, 1e7) == normal_quantile(0.975)
    assert normal_quantile(0.975) == pytest.approx(stats.norm.ppf(0.975), abs=1e-12)


def test_the_incomplete_beta_function_equals_scipys() -> None:
    rng = np.random.default_rng(3)
    for a, b, x in rng.uniform([0.1, 0.1, 0.0], [60.0, 60.0, 1.0], size=(500, 3)):
        assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), abs=1e-12)


@pytest.mark.parametrize(("probability", "degrees"), [(0.0, 5), (1.0, 5), (0.9, 0.5), (float("nan"), 5)])
def test_impossible_questions_are_refused(probability: float, degrees: float) -> None:
    with pytest.raises(ValueError, match=r"probability|degree"):
        student_quantile(probability, degrees)
