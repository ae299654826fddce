import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from benchmark_qa.stats.drift import LabelTotals, drift, drift_of_each, holm, jensen_shannon, level_at_look

SHARES = np.array([0.6, 0.25, 0.15])


def labels(random: np.random.Generator, tasks: int, shares: np.ndarray, *, clustered: bool) -> np.ndarray:
    """Counts (tasks, 3) of 1 to 8 objects; clustered tasks lean towards one label each."""
    sizes = random.integers(1, 9, size=tasks)
    leaning = random.dirichlet(shares * (2.0 if clustered else 1e6), size=tasks)
    return np.array([random.multinomial(size, lean) for size, lean in zip(sizes, leaning, strict=True)])


def test_the_distance_equals_scipys() -> None:
    random = np.random.default_rng(1)
    for first, second in random.dirichlet([1, 1, 1, 1], size=(50, 2)):
        assert jensen_shannon(first, second) == pytest.approx(jensenshannon(first, second, base=2) ** 2, abs=1e-12)
    assert jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1.0


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("tasks", [10, 60])
def test_who_labels_like_the_group_is_seldom_called_different(tasks: int, clustered: bool) -> None:
    random = np.random.default_rng(2)
    called = 0
    for _ in range(600):
        own = labels(random, tasks, SHARES, clustered=clustered)
        called += drift(own, labels(random, 200, SHARES, clustered=clustered)).p_value < 0.05
    assert 0.01 <= called / 600 <= 0.075


def test_a_plain_chi_square_would_call_too_many_of_them_different() -> None:
    random = np.random.default_rng(2)
    called = 0
    for _ in range(200):
        own, group = (labels(random, tasks, SHARES, clustered=True).sum(axis=0) for tasks in (60, 200))
        called += stats.chi2_contingency([own, group]).pvalue < 0.05
    assert called / 200 > 0.15


def test_who_prefers_a_label_is_found_and_the_label_is_named() -> None:
    random = np.random.default_rng(3)
    found = []
    for _ in range(100):
        own = labels(random, 60, np.array([0.35, 0.5, 0.15]), clustered=False)
        found.append(drift(own, labels(random, 200, SHARES, clustered=False)))
    assert np.mean([verdict.p_value < 0.01 for verdict in found]) > 0.9
    assert np.mean([verdict.label in (0, 1) for verdict in found]) == 1.0
    assert all(abs(verdict.difference) > 0.05 for verdict in found)


def test_a_label_that_nobody_else_gives_is_a_difference() -> None:
    own, group = np.tile([2, 0, 1], (20, 1)), np.tile([2, 1, 0], (50, 1))
    verdict = drift(own + np.random.default_rng(1).integers(0, 2, own.shape) * [1, 0, 1], group)
    assert verdict.p_value < 1e-6
    assert verdict.distance > 0.1


def test_corrected_p_values_are_holms_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_testing_a_group_of_people_who_are_alike_seldom_accuses_any_of_them() -> None:
    random = np.random.default_rng(6)
    accused = 0
    for _ in range(200):
        people = {str(who): LabelTotals.of(labels(random, 25, SHARES, clustered=True)) for who in range(15)}
        accused += min(each.p_value for each in drift_of_each(people).values()) < 0.05
    assert accused <= 15


def test_each_against_everybody_is_the_same_as_one_against_the_others_put_together() -> None:
    random = np.random.default_rng(7)
    people = {str(who): labels(random, 20 + who, SHARES, clustered=True) for who in range(6)}
    one_by_one = {
        who: drift(own, np.vstack([other for name, other in people.items() if name != who]))
        for who, own in people.items()
    }
    together = drift_of_each({who: LabelTotals.of(own) for who, own in people.items()})
    corrected = holm([each.p_value for each in one_by_one.values()])
    assert [each.p_value for each in together.values()] == pytest.approx(corrected, abs=1e-9)
    assert [each.distance for each in together.values()] == pytest.approx(
        [each.distance for each in one_by_one.values()], abs=1e-12
    )
    assert drift_of_each({"alone": LabelTotals.of([[1, 2]])})["alone"].reason == "nobody to compare with"


def test_all_looks_together_stay_within_the_level() -> None:
    spent = [level_at_look(look) for look in range(1, 100_000)]
    assert sum(spent) == pytest.approx(0.05, abs=1e-6)
    assert sum(spent) < 0.05
    with pytest.raises(ValueError, match="first look"):
        level_at_look(0)


def test_too_little_to_say_is_said() -> None:
    few = drift(np.ones((4, 2)), np.ones((50, 2)))
    assert (few.p_value, few.reason, few.n) == (None, "fewer than 5 tasks with labels on a side", 4)
    assert drift(np.tile([3, 0], (9, 1)), np.tile([1, 0], (9, 1))).reason == "only one label is in use"


def test_people_who_are_the_same_to_the_letter_are_not_different() -> None:
    same = np.tile([2, 1], (30, 1))
    verdict = drift(same, same)
    assert (verdict.distance, verdict.p_value) == (0.0, 1.0)


@pytest.mark.parametrize("own", [[1, 2], [[1, -2]], [[1, np.nan]], [[1, 2, 3]]])
def test_counts_that_are_none_are_refused(own: list) -> None:
    with pytest.raises(ValueError, match=r"label counts|cannot be compared"):
        drift(own, [[1, 2]])
