"""The reference figures of the two real data sets, through real label row JSON."""

import statistics
from collections import Counter
from typing import Any

import pytest

from benchmark_qa.engine.result import ObjectScore, TaskScore
from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.annotations import Annotations
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row
from tests.unit.rows import BLUEBIRD_EDITOR, PEDESTRIAN_EDITOR, answer_row, box_row


@pytest.fixture(scope="module")
def pedestrian_scores(pedestrians: dict[str, Any]) -> dict[tuple[str, str], TaskScore]:
    ontology = Ontology.from_editor(PEDESTRIAN_EDITOR)
    scores = {}
    for image in pedestrians["images"]:
        size = {"width": image["width"], "height": image["height"]}
        truth = read_label_row(box_row(image["id"], image["ground_truth"], **size), ontology)
        for annotator, boxes in image["annotations"].items():
            labels = read_label_row(box_row(image["id"], boxes, **size), ontology)
            scores[image["id"], annotator] = score_task(truth, labels, ontology)
    return scores


def test_the_pedestrian_crowd_has_the_reference_figures(
    pedestrian_scores: dict[tuple[str, str], TaskScore],
) -> None:
    pooled = sum((score.objects for score in pedestrian_scores.values()), ObjectScore())
    assert len(pedestrian_scores) == 3283
    assert (pooled.true_positives, pooled.false_positives, pooled.false_negatives) == (3556, 340, 756)
    assert pooled.f1 == pytest.approx(0.8665, abs=5e-5)


def test_the_pair_that_lies_exactly_on_the_threshold_is_a_match(
    pedestrian_scores: dict[tuple[str, str], TaskScore],
) -> None:
    score = pedestrian_scores["102145", "annotator-24@example.com"].objects
    assert (score.true_positives, score.false_positives, score.false_negatives) == (1, 0, 0)
    assert score.similarity_sum == pytest.approx(0.5, abs=1e-12)


def test_an_image_without_pedestrians_left_empty_scores_one_and_has_no_precision(
    pedestrian_scores: dict[tuple[str, str], TaskScore],
) -> None:
    empty = [score for score in pedestrian_scores.values() if score.objects.is_empty]
    assert len(empty) > 400
    assert {score.score for score in empty} == {1.0}
    assert {score.objects.f1 for score in empty} == {None}
    assert all("precision" in score.objects.not_applicable for score in empty)


def test_a_submitted_task_without_a_label_row_is_an_empty_answer() -> None:
    ontology = Ontology.from_editor(PEDESTRIAN_EDITOR)
    truth = read_label_row(box_row("image", [[10, 10, 50, 50]]), ontology)
    score = score_task(truth, Annotations.empty(), ontology)
    assert (score.objects.false_negatives, score.objects.f1, score.score) == (1, 0.0, 0.0)


def test_the_bluebird_crowd_has_the_reference_figures(bluebirds: dict[str, Any]) -> None:
    ontology = Ontology.from_editor(BLUEBIRD_EDITOR)
    truths = {
        image: read_label_row(answer_row(image, bool(answer)), ontology)
        for image, answer in bluebirds["ground_truth"].items()
    }
    accuracies, votes = [], Counter[str]()
    for answers in bluebirds["annotations"].values():
        scores = []
        for image, answer in answers.items():
            labels = read_label_row(answer_row(image, bool(answer)), ontology)
            scores.append(score_task(truths[image], labels, ontology))
            votes[image] += 1 if answer else -1
        accuracies.append(statistics.fmean(score.score for score in scores if score.score is not None))
    majority = [(votes[image] > 0) == bool(answer) for image, answer in bluebirds["ground_truth"].items()]
    assert len(accuracies) == 39
    assert statistics.fmean(accuracies) == pytest.approx(0.6356, abs=5e-5)
    assert (min(accuracies), max(accuracies)) == pytest.approx((0.3241, 0.8889), abs=5e-5)
    assert statistics.fmean(majority) == pytest.approx(0.7593, abs=5e-5)


def test_a_score_survives_json(pedestrian_scores: dict[tuple[str, str], TaskScore]) -> None:
    import json

    for score in list(pedestrian_scores.values())[:200]:
        assert TaskScore.from_dict(json.loads(json.dumps(score.to_dict()))) == score
