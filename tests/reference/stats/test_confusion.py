"""Figures of a confusion matrix beside scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics

from benchmark_qa.stats.confusion import ConfusionMatrix
from tests.unit.stats.test_confusion import LABELS


@pytest.fixture(params=range(20))
def answered(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(request.param)
    size = int(random.integers(5, 300))
    truth = random.integers(4, size=size)
    return truth, np.where(random.random(size) < 0.7, truth, random.integers(4, size=size))


def test_its_figures_equal_scikit_learns(answered: tuple[np.ndarray, np.ndarray]) -> None:
    truth, answers = answered
    matrix = ConfusionMatrix.of(truth, answers, LABELS)
    assert (matrix.counts == metrics.confusion_matrix(truth, answers, labels=range(4))).all()
    assert matrix.accuracy == pytest.approx(metrics.accuracy_score(truth, answers), abs=1e-12)
    assert matrix.kappa == pytest.approx(metrics.cohen_kappa_score(truth, answers), abs=1e-12)
    known = np.isin(range(4), truth)
    recalls = metrics.recall_score(truth, answers, average=None, labels=range(4), zero_division=np.nan)
    assert matrix.recall[known] == pytest.approx(recalls[known], abs=1e-12)
    assert matrix.balanced_accuracy == pytest.approx(recalls[known].mean(), abs=1e-12)
    present = np.isin(range(4), np.concatenate([truth, answers]))
    scores = metrics.f1_score(truth, answers, average=None, labels=range(4))
    assert matrix.f1[present] == pytest.approx(scores[present], abs=1e-12)
    assert matrix.macro_f1 == pytest.approx(scores[present].mean(), abs=1e-12)
    assert matrix.worst_class == (LABELS[np.flatnonzero(present)[scores[present].argmin()]], scores[present].min())
