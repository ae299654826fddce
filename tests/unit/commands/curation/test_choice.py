"""The draw of benchmark items: in proportion, settled by the seed, near-duplicates out, nothing taken back."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark_qa.commands.curation.size import (
    Crew,
    SizeOptions,
    SizeUnclear,
    WidthUnreachableError,
    interval_width,
    items_for,
    pool_for,
    tasks_for_width,
    unusual_share,
)
from benchmark_qa.images.draw import Candidate, TooFewItemsError, allocate, draw_benchmark, stratum_of
from benchmark_qa.stats.intervals import mean_interval


def candidates(count: int, *, twice: int = 0) -> list[Candidate]:
    """Every fourth in rain; the first few once more with three bits of the hash flipped."""
    hashes = np.random.default_rng(0).integers(0, 2**64, size=count, dtype=np.uint64)
    made = [
        Candidate(f"item-{n}", f"{n}.jpg", ("rain" if n % 4 == 0 else "sun",), int(own)) for n, own in enumerate(hashes)
    ]
    again = [
        Candidate(f"{each.uuid}-again", each.title, each.stratum, (each.fingerprint or 0) ^ 0b111)
        for each in made[:twice]
    ]
    return made + again


@given(st.dictionaries(st.tuples(st.text(max_size=2)), st.integers(1, 50), min_size=1, max_size=8), st.data())
def test_every_stratum_gets_its_share_within_what_it_has(sizes: dict[tuple[str], int], data: st.DataObject) -> None:
    total = data.draw(st.integers(0, sum(sizes.values())))
    taken = allocate(sizes, total, minimum=1)
    assert all(1 <= taken[stratum] <= size for stratum, size in sizes.items())
    assert sum(taken.values()) == max(total, len(sizes))
    spare = [s for s in sizes if taken[s] > 1]
    for stratum in spare:  # the minima of rare strata are paid by the others: nobody is above their share by an item
        assert taken[stratum] < total * sizes[stratum] / sum(sizes.values()) + 1


def test_more_than_there_is_cannot_be_taken() -> None:
    with pytest.raises(TooFewItemsError, match="5 items are to be taken, and there are 4"):
        allocate({("a",): 4}, 5)
    with pytest.raises(
        TooFewItemsError, match=r"12 items are wanted, and there are 10 .* \(3 near-duplicates left out"
    ):
        draw_benchmark(candidates(10, twice=3), 12, seed=0, distance=4)


def test_the_same_seed_chooses_the_same_items_in_whatever_order_they_come() -> None:
    pool = candidates(200, twice=50)
    first = draw_benchmark(pool, 20, seed=1, distance=4)
    assert first == draw_benchmark(pool, 20, seed=1, distance=4)
    assert {each.uuid for each in first.added} == {
        each.uuid for each in draw_benchmark(pool[::-1], 20, seed=1, distance=4).added
    }
    assert {each.uuid for each in first.added} != {
        each.uuid for each in draw_benchmark(pool, 20, seed=2, distance=4).added
    }
    assert Counter(each.stratum[0] for each in first.added) == {"sun": 15, "rain": 5}
    assert len(first.near_duplicates) == 50


def test_a_second_draw_adds_nothing_and_a_larger_one_takes_nothing_back() -> None:
    pool = candidates(200, twice=50)
    first = {each.uuid for each in draw_benchmark(pool, 20, seed=1, distance=4).added}
    again = draw_benchmark(pool, 20, seed=1, distance=4, already=first)
    assert again.added == ()
    assert {each.uuid for each in again.kept} == first
    larger = draw_benchmark(pool, 30, seed=9, distance=4, already=first)
    assert len(larger.added) == 10
    assert {each.uuid for each in larger.kept} == first


def test_of_near_duplicates_the_one_that_is_in_the_benchmark_stays() -> None:
    pool = candidates(10, twice=1)
    for already in ("item-0", "item-0-again"):
        choice = draw_benchmark(pool, 10, seed=0, distance=4, already={already})
        assert [each.uuid for each in choice.kept] == [already]
        assert len(choice.near_duplicates) == 1


def test_items_without_a_field_are_a_stratum_of_their_own() -> None:
    assert stratum_of({"hour": 7, "night": False}, ["night", "hour", "city"]) == ("false", "7", "(none)")


def test_nobody_meets_an_item_twice_in_the_pool() -> None:
    """Dealt out in turn: each item to so many people, each person their number of different items."""
    for people, each, shared in ((7, 10, 3), (5, 4, 5), (3, 20, 1), (4, 6, 2)):
        items = items_for(Crew(people, shared), each).items
        dealt: list[set[int]] = [set() for _ in range(people)]
        for item in range(items):
            for hand in sorted(dealt, key=len)[:shared]:
                hand.add(item)
        assert min(len(hand) for hand in dealt) >= each


def test_the_width_of_the_interval_is_reached_with_the_fewest_tasks() -> None:
    for width in (0.1, 0.2, 0.4):
        tasks = tasks_for_width(width, lambda tasks: interval_width(tasks, 0.85))
        assert interval_width(tasks, 0.85) <= width < interval_width(tasks - 1, 0.85)
    with pytest.raises(WidthUnreachableError):
        tasks_for_width(1e-9, lambda tasks: interval_width(tasks, 0.5))


def test_what_is_said_about_the_size_is_enough_or_refused() -> None:
    assert pool_for(SizeOptions(), 500).items == 50
    assert pool_for(SizeOptions(share=0.05), 500).items == 25
    assert pool_for(SizeOptions(count=7), 500).items == 7
    assert pool_for(SizeOptions(annotators=7, tasks_each=500, per_item=7, spare=0.1), 9_000).items == 55
    assert pool_for(SizeOptions(interval_width=0.2), 9_000).items == 55  # 50 tasks, a tenth more
    for unclear in (
        SizeOptions(annotators=3),
        SizeOptions(share=0.1, interval_width=0.2),
        SizeOptions(interval_width=0.1, tasks_each=50, annotators=3),
    ):
        with pytest.raises(SizeUnclear):
            pool_for(unclear, 500)
    assert unusual_share(0.1) is None
    assert "less than" in str(unusual_share(0.01))


@pytest.mark.parametrize(("width", "expected"), [(0.2, 0.85), (0.3, 0.6)])
def test_simulated_annotators_have_intervals_as_wide_as_wanted_on_average_and_they_hold(
    width: float, expected: float
) -> None:
    """A thousand annotators, all or nothing in every task, as the rule supposes."""
    pool = pool_for(SizeOptions(interval_width=width, expected=expected), 1_000)
    draw = np.random.default_rng(11)
    intervals = [mean_interval((draw.random(pool.tasks_each) < expected).astype(float)) for _ in range(1_000)]
    assert 0.9 * width < np.mean([each.width for each in intervals]) <= width
    held = [each.low <= expected <= each.high for each in intervals]
    assert np.mean(held) >= 0.93
