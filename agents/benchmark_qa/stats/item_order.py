"""Test whether people got the items in a common order, or each in a random one.

A verdict against an absolute bar assumes a random order for each person: if hard items come first for everybody, people
who are not poor look poor. The positions of each person's items, standardised to mean 0 and variance 1, are compared
between people. Two statistics, over all pairs of people and the items that both have met:

- the mean product of their positions (a rank correlation, Spearman's if both met all items; positive: one order);
- the mean over pairs of its square times the shared items (finds groups with separate orders, and reversed orders).

If each order is random, every order of a person's items is equally likely, so shuffling gives the exact distribution
(permutation test, 2,999 shuffles with a fixed seed, stopped early if there is clearly no common order).

A queue with priorities gives everybody one order. Where a seed has drawn it, hard items come first by chance only, and
the evidence about each person holds as with an order of their own. So a common order that follows a known draw is not
systematic.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from benchmark_qa.labels.annotations import Numbers

LEVEL = 0.001
"""Probability of calling a random order systematic at one look; small, because there are many looks."""
SHUFFLES = 2_999
MOST_PEOPLE = 60
"""Most people in the test: those with the most items, who show a common order best."""
MOST_ITEMS = 500
"""Most items per person in the test: the first ones."""
_FEWEST_ITEMS = 5
_CHUNK = 40
_EXPLAINED = 0.8
"""Least share of the common order that must follow a draw: with noise, a whole queue stays near 1."""
_STOP = 10
"""The test ends after this many shuffles at least as extreme as the observed order."""


@dataclass(frozen=True, slots=True)
class ItemOrder:
    """Whether the order of items is systematic.

    ``correlation`` is the mean rank correlation of two people's orders.
    ``is_systematic`` is None, with the ``reason``, if it cannot be decided. ``drawn_with`` is the seed of the draw that
    a common order follows.
    """

    is_systematic: bool | None
    correlation: float | None
    p_value: float | None
    people: int
    reason: str | None = None
    drawn_with: int | None = None


def place_in_draw(name: str, seed: int | str) -> int:
    """The place of a name in the random order that a seed draws; smaller ones come first."""
    return int.from_bytes(blake2b(f"{seed}/{name}".encode(), digest_size=8).digest())


def item_order(met: Mapping[str, Mapping[str, float]], *, draws: Iterable[int] = (), seed: int = 0) -> ItemOrder:
    """Test the order of items.

    Args:
        met: of each person, the items and the time at which each was first met (any number that grows). Items with
            equal times share a position, so an unknown order is not a common one. The order of the dataset may be given
            as an additional person; then one person's work can be tested against it.
        draws: seeds with which `place_in_draw` has ordered queues of this project.
        seed: of the shuffles; the same input gives the same result.
    """
    shared = _shared(met)
    if len(shared) < 2:
        return ItemOrder(None, None, None, len(shared), f"fewer than two people share {_FEWEST_ITEMS} items")
    places = _places(shared)
    has_met = (places != 0).astype(float)
    both = has_met @ has_met.T
    np.fill_diagonal(both, 0.0)
    if both.max() < _FEWEST_ITEMS:
        return ItemOrder(None, None, None, len(shared), f"no two people share {_FEWEST_ITEMS} items")
    seen = _statistics(places[None], both)[:, 0]
    p_value = _p_value(places, both, seen, np.random.default_rng(seed))
    common = float(seen[0])
    if p_value > LEVEL:
        return ItemOrder(False, common, p_value, len(shared))
    drawn_with = next((drawn for drawn in draws if _follows(shared, common, drawn)), None)
    return ItemOrder(drawn_with is None, common, p_value, len(shared), drawn_with=drawn_with)


def _follows(shared: Sequence[tuple[list[str], Numbers]], common: float, drawn: int) -> bool:
    """Whether the common order is that of a draw.

    If each order is the draw with noise, the mean correlation of two people is the square of that with the draw.
    """
    correlations = [
        float(places @ _standardised([float(place_in_draw(item, drawn)) for item in items])) / len(items)
        for items, places in shared
    ]
    mean = sum(correlations) / len(correlations)
    return mean > 0 and mean**2 >= _EXPLAINED * common


def _shared(met: Mapping[str, Mapping[str, float]]) -> list[tuple[list[str], Numbers]]:
    """Items and positions of the people whose order can be compared; independent of the input's order."""
    found = []
    for name, moments in met.items():
        items = sorted(moments, key=lambda item: (moments[item], item))[:MOST_ITEMS]
        if len(items) >= _FEWEST_ITEMS and moments[items[0]] < moments[items[-1]]:
            found.append((-len(items), name, items, _standardised([moments[item] for item in items])))
    return [(items, places) for _, _, items, places in sorted(found, key=lambda each: each[:2])[:MOST_PEOPLE]]


def _standardised(moments: list[float]) -> Numbers:
    """Ranks with mean 0 and variance 1; equal times share the mean of their ranks."""
    _, group, sizes = np.unique(moments, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes + 1) / 2)[group] - (len(moments) - 1) / 2
    # A middle rank is 0, like an item that was not met; a tiny offset distinguishes the two.
    return np.where(ranks == 0, 1e-12, ranks / ranks.std())


def _places(shared: Sequence[tuple[list[str], Numbers]]) -> Numbers:
    """(people, items): the standardised position; 0 for an item that was not met."""
    columns = {item: column for column, item in enumerate(sorted({item for items, _ in shared for item in items}))}
    places = np.zeros((len(shared), len(columns)))
    for row, (items, own) in zip(places, shared, strict=True):
        row[[columns[item] for item in items]] = own
    return places


def _statistics(places: Numbers, both: Numbers) -> Numbers:
    """(2, shuffles) from places (shuffles, people, items) and the number of shared items (people, people)."""
    products = places @ places.transpose(0, 2, 1)
    products *= both > 0
    pairs = np.count_nonzero(both)
    common = products.sum(axis=(1, 2)) / both.sum()
    squared = (products**2 / np.maximum(both, 1.0)).sum(axis=(1, 2)) / pairs
    return np.stack([common, squared])


def _p_value(places: Numbers, both: Numbers, seen: Numbers, random: np.random.Generator) -> float:
    """Twice the smaller of the two statistics' p-values."""
    columns = [np.flatnonzero(row) for row in places]
    extreme, done = np.zeros(2), 0
    while done < SHUFFLES and extreme.min() < _STOP:
        chunk = min(_CHUNK, SHUFFLES - done)
        shuffled = np.zeros((chunk, *places.shape))
        for person, (row, met) in enumerate(zip(places, columns, strict=True)):
            shuffled[:, person, met] = random.permuted(np.tile(row[met], (chunk, 1)), axis=1)
        # A difference within rounding counts as equally extreme.
        extreme += (_statistics(shuffled, both) >= seen[:, None] - 1e-9).sum(axis=1)
        done += chunk
    return min(1.0, 2.0 * float((extreme.min() + 1) / (done + 1)))
