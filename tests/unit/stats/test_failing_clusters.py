"""Clusters in which more fails than elsewhere."""

import numpy as np
import pytest

from benchmark_qa.stats.failing_clusters import failing_clusters, gap_between
from benchmark_qa.stats.intervals import Interval, RatioTotals


def test_the_cluster_that_fails_most_surely_is_first() -> None:
    clusters = [0] * 200 + [1] * 200 + [2] * 10
    failed = [1] * 20 + [0] * 180 + [1] * 80 + [0] * 120 + [1] * 5 + [0] * 5
    found = failing_clusters(clusters, failed)
    assert [one.cluster for one in found] == [1, 2, 0]  # ten pictures prove little, whatever their share
    assert found[0].certain
    assert (found[0].inside, found[0].outside) == (0.4, pytest.approx(25 / 210))
    assert [one.certain for one in found] == [True, False, False]


def test_the_gap_is_newcombes_over_the_intervals_at_a_level_for_all_clusters() -> None:
    clusters, failed = [0] * 50 + [1] * 150, [1] * 20 + [0] * 30 + [1] * 30 + [0] * 120
    found = next(one for one in failing_clusters(clusters, failed) if one.cluster == 0)
    inside = RatioTotals.of(failed[:50], [1] * 50).interval(level=0.975)
    rest = RatioTotals.of(failed[50:], [1] * 150).interval(level=0.975)
    assert (found.gap, found.gap_low, found.gap_high) == gap_between(inside, rest)
    assert found.gap == pytest.approx(0.2)


def test_pictures_in_no_cluster_are_part_of_the_rest() -> None:
    found = failing_clusters([0] * 10 + [-1] * 90, [1] * 10 + [0] * 90)
    assert [one.cluster for one in found] == [0]
    assert found[0].outside == 0


def test_objects_count_and_pictures_without_any_do_not() -> None:
    found = failing_clusters([0, 0, 0, 1, 1, 1], [2, 3, 0, 0, 1, 0], [4, 4, 0, 5, 5, 0], least=2)
    one = next(one for one in found if one.cluster == 0)
    assert (one.pictures, one.count, one.inside) == (2, 8, 0.625)


def test_small_clusters_and_one_cluster_alone_are_not_held_against_anything() -> None:
    assert failing_clusters([0] * 4 + [1] * 50, [1] * 4 + [0] * 50) == []
    assert failing_clusters([0] * 50, [1] * 50) == []
    assert failing_clusters([], []) == []


def test_a_figure_that_is_not_applicable_has_no_gap() -> None:
    with pytest.raises(ValueError, match="nothing there"):
        gap_between(Interval.not_applicable("nothing there"), Interval(0.5, 0.4, 0.6, 9))


def test_nothing_planted_is_seldom_called() -> None:
    """40 draws here, 400 in `python -m benchmarks curate`."""
    clusters = np.repeat(np.arange(10), 100)
    wrong = sum(
        failing_clusters(clusters, np.random.default_rng(seed).random(1000) < 0.15)[0].certain for seed in range(40)
    )
    assert wrong <= 5
