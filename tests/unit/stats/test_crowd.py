import doctest
from typing import Any

import numpy as np
import pytest

from benchmark_qa.stats import crowd_answers as crowd
from benchmark_qa.stats.crowd_answers import NOT_ANSWERED, item_difficulty, item_rating, suspect_answers
from benchmarks.suspects import answer_arrays, flip_and_find


def test_the_examples_in_the_docstrings_are_true() -> None:
    outcome = doctest.testmod(crowd)
    assert (outcome.attempted, outcome.failed) == (1, 0)


def test_flipped_bluebirds_are_found_without_crying_wolf(bluebirds: dict[str, Any]) -> None:
    truth, answers = answer_arrays(bluebirds)
    outcomes = [flip_and_find(truth, answers, seed) for seed in range(200)]
    assert np.mean([outcome.recall for outcome in outcomes]) >= 0.80
    assert np.mean([outcome.false_alarms for outcome in outcomes]) <= 0.10


def test_a_plain_majority_would_cry_wolf_on_bluebirds(bluebirds: dict[str, Any]) -> None:
    truth, answers = answer_arrays(bluebirds)
    majority = (answers.mean(axis=0) > 0.5) != truth
    assert majority.mean() > 0.2 > 2 * len(suspect_answers(truth, answers, classes=2).suspects) / len(truth)


def dawid_skene(answers: np.ndarray, classes: int, rounds: int = 100) -> np.ndarray:
    """The classes that the crowd alone holds right, without any truth (Dawid & Skene 1979)."""
    said = np.stack([answers == label for label in range(classes)], axis=2).astype(float)
    belief = said.mean(axis=0)
    for _ in range(rounds):
        confusion = np.einsum("ik,jia->jka", belief, said) + 0.01
        confusion /= confusion.sum(axis=2, keepdims=True)
        likelihood = np.einsum("jia,jka->ik", said, np.log(confusion)) + np.log(belief.mean(axis=0))
        belief = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
        belief /= belief.sum(axis=1, keepdims=True)
    return belief.argmax(axis=1)


def test_a_dawid_skene_that_is_told_no_truth_contradicts_most_of_the_suspects_too(
    bluebirds: dict[str, Any],
) -> None:
    truth, answers = answer_arrays(bluebirds)
    contradicted = np.flatnonzero(dawid_skene(answers, 2) != truth)
    suspects = suspect_answers(truth, answers, classes=2).suspects
    assert len(contradicted) < 0.2 * len(truth)
    assert np.isin(suspects, contradicted).mean() >= 0.75


def expert_crowd(items: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Five annotators who are right nine times in ten."""
    random = np.random.default_rng(seed)
    truth = random.integers(classes, size=items)
    answers = np.where(random.random((5, items)) < 0.9, truth, random.integers(classes, size=(5, items)))
    return truth, answers


def test_the_suspect_comes_with_the_answer_that_the_crowd_holds_right() -> None:
    truth, answers = expert_crowd(200, 4, seed=1)
    answers[:, 7] = (truth[7] + 1) % 4
    verdict = suspect_answers(truth, answers, classes=4)
    assert verdict.suspects[0] == 7
    assert verdict.instead[7] == (truth[7] + 1) % 4
    assert (verdict.voices[7], verdict.answered[7]) == (5, 5)
    assert verdict.voices.max() == 5


def test_someone_who_is_always_wrong_is_a_witness_for_the_truth() -> None:
    truth = np.arange(100) % 2
    contrary = np.tile(1 - truth, (3, 1))
    assert len(suspect_answers(truth, contrary, classes=2).suspects) == 0
    contrary[:, 4] = truth[4]
    assert suspect_answers(truth, contrary, classes=2).suspects.tolist() == [4]


def test_one_voice_is_not_enough_to_suspect_the_truth() -> None:
    truth = np.arange(400) % 2
    answers = truth[None].copy()
    answers[0, 9] = 1 - truth[9]
    verdict = suspect_answers(truth, answers, classes=2)
    assert verdict.wrong[9] > 0.5
    assert len(verdict.suspects) == 0


def test_items_that_nobody_answered_keep_their_prior() -> None:
    truth, answers = expert_crowd(50, 3, seed=2)
    answers[:, 11] = NOT_ANSWERED
    verdict = suspect_answers(truth, answers, classes=3)
    assert verdict.wrong[11] == pytest.approx(0.05)
    assert verdict.answered[11] == 0
    assert 11 not in verdict.suspects


def test_the_order_of_annotators_and_items_does_not_matter() -> None:
    truth, answers = expert_crowd(80, 3, seed=3)
    random = np.random.default_rng(4)
    people, items = random.permutation(5), random.permutation(80)
    shuffled = suspect_answers(truth[items], answers[people][:, items], classes=3)
    assert shuffled.wrong == pytest.approx(suspect_answers(truth, answers, classes=3).wrong[items], abs=1e-12)


@pytest.mark.parametrize(
    ("truth", "answers", "classes", "message"),
    [
        ([0, 1], [[0, 1]], 1, "cannot be answered wrongly"),
        ([0, 1], [[0, 1, 1]], 2, r"\(1, 3\)"),
        ([0, 2], [[0, 1]], 2, "truth names classes outside"),
        ([0, 1], [[0, -2]], 2, "an answer lies outside"),
    ],
)
def test_what_does_not_fit_is_named(truth: list, answers: list, classes: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        suspect_answers(np.array(truth), np.array(answers), classes=classes)


def test_a_rating_counts_one_acceptance_in_advance() -> None:
    assert item_rating(9, 9) == 1.0
    with pytest.raises(ValueError, match="5 accepted of 4 uses"):
        item_rating(5, 4)


def test_difficulty_is_what_the_mean_score_lacks() -> None:
    scores = np.array([[1.0, 0.5, np.nan], [0.5, 0.0, np.nan]])
    assert item_difficulty(scores) == pytest.approx([0.25, 0.75, np.nan], nan_ok=True)
