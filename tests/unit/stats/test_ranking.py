from typing import Any

import numpy as np
import pytest

from benchmark_qa.stats.intervals import RatioTotals
from benchmark_qa.stats.ranking import fit_group, rank
from benchmarks.suspects import answer_arrays


def hits(successes: int, trials: int) -> RatioTotals:
    return RatioTotals.of([1] * successes + [0] * (trials - successes), [1] * trials)


def group_of(
    random: np.random.Generator, mean: float, trials: float, people: int, tasks: int
) -> dict[str, RatioTotals]:
    skills = random.beta(mean * trials, (1 - mean) * trials, size=people)
    return {f"{number}": hits(int(random.binomial(tasks, skill)), tasks) for number, skill in enumerate(skills)}


def test_a_lucky_beginner_does_not_outrank_a_proven_annotator() -> None:
    people = {f"usual-{number}": hits(220 + 10 * number, 300) for number in range(5)}
    places = rank({**people, "beginner": hits(4, 4), "proven": hits(380, 400)})
    order = [ranked.annotator for ranked in places]
    assert order.index("proven") < order.index("beginner")
    beginner = next(ranked for ranked in places if ranked.annotator == "beginner")
    assert beginner.raw.estimate == 1.0
    assert beginner.shrunk < 0.95
    assert beginner.n == 4
    proven = next(ranked for ranked in places if ranked.annotator == "proven")
    assert abs(proven.shrunk - 0.95) < 0.01


@pytest.mark.parametrize(("mean", "trials"), [(0.8, 20.0), (0.95, 60.0), (0.6, 5.0)])
def test_the_group_is_recovered_from_what_its_members_did(mean: float, trials: float) -> None:
    random = np.random.default_rng(2)
    fitted = [fit_group(group_of(random, mean, trials, people=60, tasks=40)) for _ in range(40)]
    assert np.mean([group.mean for group in fitted if group]) == pytest.approx(mean, abs=0.01)
    assert np.median([group.trials for group in fitted if group]) == pytest.approx(trials, rel=0.35)


def test_a_group_whose_members_do_not_differ_gives_everybody_nearly_one_figure() -> None:
    random = np.random.default_rng(5)
    same = {f"{number}": hits(int(random.binomial(10, 0.8)), 10) for number in range(50)}
    figures = [ranked.shrunk for ranked in rank(same)]
    raw = [ranked.raw.estimate for ranked in rank(same)]
    assert np.std(figures) < 0.3 * np.std(raw)


def test_from_few_answers_the_shrunk_figure_foretells_the_rest_better(bluebirds: dict[str, Any]) -> None:
    truth, answers = answer_arrays(bluebirds)
    right = (answers == truth).astype(float)
    random = np.random.default_rng(7)
    raw_error, shrunk_error = [], []
    for _ in range(50):
        shuffled = random.permuted(right, axis=1)
        seen, rest = shuffled[:, :10], shuffled[:, 10:].mean(axis=1)
        totals = {f"{number:02}": RatioTotals.of(row, np.ones(10)) for number, row in enumerate(seen)}
        shrunk = {ranked.annotator: ranked.shrunk for ranked in rank(totals)}
        raw_error.append(((seen.mean(axis=1) - rest) ** 2).mean())
        shrunk_error.append(((np.array([shrunk[name] for name in totals]) - rest) ** 2).mean())
    assert np.mean(shrunk_error) < 0.8 * np.mean(raw_error)


def test_equals_share_a_place_and_stand_by_name() -> None:
    places = rank({"b": hits(9, 10), "a": hits(9, 10), "c": hits(5, 10)})
    assert [(ranked.place, ranked.annotator) for ranked in places] == [(1, "a"), (1, "b"), (3, "c")]


def test_who_did_nothing_is_not_ranked() -> None:
    assert [ranked.annotator for ranked in rank({"idle": RatioTotals(), "busy": hits(3, 4)})] == ["busy"]
    assert rank({"idle": RatioTotals()}) == ()
    assert rank({}) == ()


def test_a_figure_with_a_floor_is_shrunk_on_its_own_scale() -> None:
    totals = {
        name: RatioTotals.of([iou] * 5, [1] * 5, floor=0.5) for name, iou in {"a": 0.9, "b": 0.8, "c": 0.7}.items()
    }
    places = rank(totals)
    assert [ranked.annotator for ranked in places] == ["a", "b", "c"]
    assert all(0.7 - 1e-9 <= ranked.shrunk <= 0.9 + 1e-9 for ranked in places)
    with pytest.raises(ValueError, match="different floors"):
        rank({**totals, "d": hits(3, 4)})


def test_a_place_prints_with_raw_figure_and_tasks_beside_it() -> None:
    (ranked,) = rank({"ann@example.com": hits(9, 10)})
    assert str(ranked).startswith("1. ann@example.com: 0.9")
    assert str(ranked).endswith("10 tasks)")
