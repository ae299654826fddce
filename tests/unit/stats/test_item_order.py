from collections.abc import Iterable

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmark_qa.stats.item_order import item_order, place_in_draw


def moments(items: Iterable[str]) -> dict[str, float]:
    return {item: float(moment) for moment, item in enumerate(items)}


def orders(random: np.random.Generator, people: int, items: int, met: int, noise: float) -> dict[str, dict[str, float]]:
    """Each person meets ``met`` of the items, by number plus noise: 0 one order for all, very large a random one."""
    found = {}
    for person in range(people):
        chosen = random.choice(items, met, replace=False)
        order = chosen[np.argsort(chosen / items + noise * random.random(met))]
        found[f"p{person}"] = moments(map(str, order))
    return found


@pytest.mark.parametrize(("people", "met"), [(41, 60), (7, 30), (2, 80)])
def test_one_order_for_all_is_found_also_where_people_meet_different_items(people: int, met: int) -> None:
    assert item_order(orders(np.random.default_rng(2), people, 100, met, 0.0)).is_systematic


def test_a_common_tendency_is_found() -> None:
    found = item_order(orders(np.random.default_rng(3), 41, 100, 80, 2.0))
    assert found.is_systematic
    assert found.correlation is not None
    assert 0.05 < found.correlation < 0.5


def test_reversed_orders_are_systematic_too() -> None:
    items = [str(item) for item in range(40)]
    people = {f"p{number}": moments(items if number % 2 else items[::-1]) for number in range(10)}
    found = item_order(people)
    assert found.is_systematic
    assert found.correlation is not None
    assert found.correlation < 0


def test_the_correlation_of_two_people_is_spearmans() -> None:
    random = np.random.default_rng(4)
    first, second = ([str(item) for item in random.permutation(21)] for _ in range(2))
    ranks = [[order.index(str(item)) for item in range(21)] for order in (first, second)]
    assert item_order({"a": moments(first), "b": moments(second)}).correlation == pytest.approx(
        spearmanr(*ranks).statistic, abs=1e-9
    )


def test_the_order_of_the_dataset_shows_one_persons_order() -> None:
    items = moments(str(item) for item in range(30))
    assert item_order({"ann": items}).is_systematic is None
    assert item_order({"ann": items, "the dataset": items}).is_systematic


def test_the_answer_is_the_same_again_and_does_not_depend_on_the_order_of_people() -> None:
    people = orders(np.random.default_rng(5), 9, 50, 30, 3.0)
    assert item_order(people) == item_order(people) == item_order(dict(reversed(people.items())))


def test_too_little_to_tell() -> None:
    assert item_order({}).is_systematic is None
    assert item_order({"a": moments("abc"), "b": moments("abc")}).reason == "fewer than two people share 5 items"
    assert item_order({"a": moments("abcdef"), "b": moments("uvwxyz")}).reason == "no two people share 5 items"


def test_items_of_one_moment_are_no_order() -> None:
    at_once = {f"p{number}": {str(item): 7.0 for item in range(40)} for number in range(10)}
    assert item_order(at_once).is_systematic is None
    random = np.random.default_rng(6)
    # Ten items a day: the same days for everybody are an order, days of their own are none.
    days = {str(item): float(item // 10) for item in range(40)}
    assert item_order({f"p{number}": days for number in range(10)}).is_systematic
    own = {f"p{number}": dict(zip(days, random.permutation(list(days.values())), strict=True)) for number in range(10)}
    assert item_order(own).is_systematic is False


def test_the_correlation_with_shared_places_is_spearmans() -> None:
    random = np.random.default_rng(7)
    first, second = random.integers(0, 6, size=(2, 25)).astype(float).tolist()
    found = item_order(
        {name: {str(n): at for n, at in enumerate(each)} for name, each in (("a", first), ("b", second))}
    )
    assert found.correlation == pytest.approx(spearmanr(first, second).statistic, abs=1e-9)


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_an_order_that_a_known_seed_has_drawn_is_not_systematic(noise: float) -> None:
    random = np.random.default_rng(8)
    drawn = sorted((str(item) for item in range(100)), key=lambda item: place_in_draw(item, 5))
    places = np.array([drawn.index(str(item)) / 100 for item in range(100)])
    people = {
        f"p{person}": moments(str(item) for item in np.argsort(places + noise * random.random(100)))
        for person in range(12)
    }
    assert item_order(people).is_systematic
    assert item_order(people, draws=[4]).is_systematic
    found = item_order(people, draws=[4, 5])
    assert (found.is_systematic, found.drawn_with) == (False, 5)
