import numpy as np
import pytest

from benchmark_qa.stats.confusion import ConfusionMatrix

LABELS = ("car", "cyclist", "pedestrian", "tram")


@pytest.fixture(params=range(20))
def answered(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(request.param)
    size = int(random.integers(5, 300))
    truth = random.integers(4, size=size)
    return truth, np.where(random.random(size) < 0.7, truth, random.integers(4, size=size))


def test_an_always_majority_answerer_does_not_beat_an_honest_one_on_balanced_accuracy() -> None:
    majority = ConfusionMatrix(("no", "yes"), np.array([[85.0, 0.0], [15.0, 0.0]]))
    honest = ConfusionMatrix(("no", "yes"), np.array([[68.0, 17.0], [3.0, 12.0]]))
    assert majority.accuracy > honest.accuracy
    assert majority.balanced_accuracy == 0.5
    assert honest.balanced_accuracy == pytest.approx(0.8)
    assert majority.kappa == 0.0
    assert honest.kappa > 0.4


def test_matrices_add_up_to_that_of_all_answers(answered: tuple[np.ndarray, np.ndarray]) -> None:
    truth, answers = answered
    halves = ConfusionMatrix.of(truth[::2], answers[::2], LABELS) + ConfusionMatrix.of(
        truth[1::2], answers[1::2], LABELS
    )
    assert (halves.counts == ConfusionMatrix.of(truth, answers, LABELS).counts).all()
    with pytest.raises(ValueError, match="different labels"):
        halves + ConfusionMatrix(("a",), np.ones((1, 1)))


def test_figures_without_ground_are_nan_and_not_zero() -> None:
    empty = ConfusionMatrix(("no", "yes"), np.zeros((2, 2)))
    for figure in (empty.accuracy, empty.balanced_accuracy, empty.macro_f1, empty.kappa):
        assert np.isnan(figure)
    assert empty.worst_class is None
    one_sided = ConfusionMatrix(("no", "yes"), np.array([[9.0, 0.0], [0.0, 0.0]]))
    assert np.isnan(one_sided.kappa)
    assert np.isnan(one_sided.recall[1])
    assert one_sided.balanced_accuracy == 1.0


def test_it_prints_as_a_table() -> None:
    matrix = ConfusionMatrix(("no", "yes"), np.array([[68.0, 17.0], [3.0, 12.0]]))
    assert str(matrix) == "      no  yes\nno    68   17\nyes    3   12"


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match="2 labels need 2 x 2"):
        ConfusionMatrix(("a", "b"), np.ones((3, 3)))
    with pytest.raises(ValueError, match="2 labels need 2 x 2"):
        ConfusionMatrix(("a", "b"), np.full((2, 2), np.nan))
    with pytest.raises(ValueError, match=r"outside 0\.\.1"):
        ConfusionMatrix.of(np.array([0, 2]), np.array([0, 1]), ("a", "b"))
    with pytest.raises(ValueError, match="do not pair"):
        ConfusionMatrix.of(np.array([0, 1]), np.array([0]), ("a", "b"))
