"""From the database alone: the figures of the real labels equal an independent computation."""

from typing import Any

import krippendorff
import numpy as np
import pytest
from pycocotools import mask as coco_mask
from scipy.optimize import linear_sum_assignment

from benchmark_qa.quality.leaderboard import leaderboard
from benchmark_qa.quality.report import ReportEvidence, ReportQuestion, build_report
from benchmark_qa.quality.submissions import in_order
from benchmark_qa.quality.verdict import Bar, judge, order_of_items
from benchmark_qa.store.score_store import SqlScoreStore
from tests.real_records import bluebird_records, pedestrian_records
from tests.records import PROJECT


def matches(truth: list[list[float]], labels: list[list[float]]) -> tuple[int, float]:
    """Pairs at IoU 0.5 that are most in number, then in similarity: pycocotools and SciPy."""
    if not truth or not labels:
        return 0, 0.0
    overlap = np.asarray(coco_mask.iou(np.array(labels), np.array(truth), [0] * len(truth)))
    eligible = overlap >= 0.5 - 1e-9
    rows, columns = linear_sum_assignment(np.where(eligible, 1000.0 + overlap, 0.0), maximize=True)
    chosen = eligible[rows, columns]
    return int(chosen.sum()), float(overlap[rows, columns][chosen].sum())


def independent(pedestrians: dict[str, Any]) -> dict[str, np.ndarray]:
    """Per annotator: matches, drawn, true, similarity."""
    sums: dict[str, np.ndarray] = {}
    for image in pedestrians["images"]:
        for annotator, boxes in image["annotations"].items():
            count, similarity = matches(image["ground_truth"], boxes)
            row = np.array([count, len(boxes), len(image["ground_truth"]), similarity])
            sums[annotator] = sums.get(annotator, np.zeros(4)) + row
    return sums


def test_every_annotators_figures_equal_pycocotools_and_scipy(
    store: SqlScoreStore, pedestrians: dict[str, Any]
) -> None:
    store.save(list(pedestrian_records(pedestrians)))
    submissions = in_order(store.latest(PROJECT, whole=False))
    verdicts = judge(submissions, Bar(), order_of_items(submissions))
    board = leaderboard(store.totals(PROJECT), verdicts)
    expected = independent(pedestrians)
    assert {line.annotator for line in board.lines} == set(expected)
    for line in board.lines:
        found, drawn, true, similarity = expected[line.annotator]
        assert line.true_positives == found
        assert line.precision.estimate == pytest.approx(found / drawn, abs=1e-9)
        assert line.recall.estimate == pytest.approx(found / true, abs=1e-9)
        assert line.f1.estimate == pytest.approx(2 * found / (drawn + true), abs=1e-9)
        assert line.mean_similarity.estimate == pytest.approx(similarity / found, abs=1e-9)
    pooled = board.pooled
    assert (pooled.tasks, pooled.true_positives, pooled.false_positives, pooled.false_negatives) == (
        3283,
        3556,
        340,
        756,
    )


def test_accuracy_and_alpha_of_the_bluebirds_equal_the_reference(
    store: SqlScoreStore, bluebirds: dict[str, Any]
) -> None:
    store.save(list(bluebird_records(bluebirds)))
    whole = build_report(ReportQuestion(PROJECT), ReportEvidence(store.latest(PROJECT)))
    images = bluebirds["images"]
    for line in whole.leaderboard.lines:
        answers = bluebirds["annotations"][line.annotator]
        right = sum(answers[image] == bluebirds["ground_truth"][image] for image in images)
        assert line.accuracy.estimate == pytest.approx(right / len(images), abs=1e-9)
    assert np.mean([line.accuracy.estimate for line in whole.leaderboard.lines]) == pytest.approx(0.6356, abs=5e-5)
    values = [[float(given[image]) for image in images] for given in bluebirds["annotations"].values()]
    (question,) = whole.questions
    expected = krippendorff.alpha(reliability_data=values, level_of_measurement="nominal")
    assert question.alpha.estimate == pytest.approx(expected, abs=1e-9)
