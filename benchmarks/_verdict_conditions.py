"""Simulations of what verdicts assume: the order of items, people beside the others, labels that drift, real halves."""

from collections.abc import Iterator

import numpy as np

from benchmark_qa.stats.drift_test import LabelledTask, all_drift_looks
from benchmark_qa.stats.evidence import (
    Floats,
    cap_for,
    evidence_paths,
    fold,
    named_of_many,
    object_figure,
    object_gains,
    standings,
    value_gains,
)
from benchmark_qa.stats.item_order import item_order
from benchmarks._simulated_people import BAR, FEWEST_TASKS
from benchmarks.intervals import answer_crowd, box_crowd

CROWD = 41
TASKS = 500
BATCH = 25
"""Crowds at once, for memory"""
Rows = list[tuple[str, list[str]]]
SPREADS = ((0.65, 0.75), (0.6, 0.8), (0.5, 0.9), (0.4, 1.0))
RARE = [0.6, 0.37, 0.01, 0.01, 0.01]


def order_rows(runs: int, random: np.random.Generator) -> Rows:
    """Crowds at the bar on items of a spread, in a random order for each person or with hard items first for all."""
    rows = []
    for low, high in SPREADS:
        chances = np.linspace(low, high, TASKS)
        for common in (False, True):
            named = [_named(_answers(chances, size, common, random)).any(axis=(1, 2)) for size in _batches(runs)]
            checks = [_is_systematic(_orders(1.0 if common else 0.0, random)) for _ in range(min(runs, 20))]
            name = f"chances {low:g} to {high:g}, {'hard items first for all' if common else 'random order each'}"
            rows.append((name, [f"{np.concatenate(named).mean():.1%}", f"{np.mean(checks):.0%}"]))
    return rows


def _batches(runs: int) -> Iterator[int]:
    return (min(BATCH, runs - done) for done in range(0, runs, BATCH))


def _answers(chances: Floats, crowds: int, common: bool, random: np.random.Generator) -> Floats:
    """(crowds x people, tasks) for `evidence_paths`."""
    people = np.tile(chances, (crowds * CROWD, 1))
    right = random.random(people.shape) < (people if common else random.permuted(people, axis=1))
    return value_gains(right, BAR).for_below


def _named(units: Floats) -> np.ndarray:
    """(crowds, people, tasks): who is named at each look."""
    paths = evidence_paths(units, cap=cap_for(CROWD)).reshape(-1, CROWD, TASKS)
    return np.stack([named_of_many(paths[:, :, task]) for task in range(TASKS)], axis=2)


def _orders(agreement: float, random: np.random.Generator, *, people: int = CROWD, items: int = 100) -> list[list[str]]:
    """Orders of items: ``agreement`` 1 is one order for all, 0 is random, between them a mean of both."""
    common = np.arange(items) / items
    keys = agreement * common + (1 - agreement) * random.random((people, items))
    return [[str(item) for item in row] for row in np.argsort(keys, axis=1)]


def _is_systematic(orders: list[list[str]]) -> bool:
    met = {f"p{number}": {item: float(at) for at, item in enumerate(order)} for number, order in enumerate(orders)}
    return bool(item_order(met).is_systematic)


def others_rows(runs: int, random: np.random.Generator) -> Rows:
    """Everybody alike, or one of 41 poor, on items with hard ones first for everybody."""
    hard_first = np.linspace(0.5, 0.9, TASKS)
    alike = np.concatenate([_beside(hard_first, 0.0, size, random).any(axis=(1, 2)) for size in _batches(runs)])
    rows = [("everybody alike: ever names anybody", [f"{alike.mean():.1%}", ""])]
    for less in (0.2, 0.1):
        named = np.concatenate([_beside(hard_first, less, size, random) for size in _batches(runs)])
        when = np.where(named[:, 0].any(axis=1), named[:, 0].argmax(axis=1) + 1, 10**6)
        false = named[:, 1:].sum(axis=1) / np.maximum(named.sum(axis=1), 1)
        name = f"one poor by {less:g}; largest mean share of false names"
        rows.append((name, [f"{false.mean(axis=0).max():.1%}", f"{np.median(when):.0f}"]))
    return rows


def _beside(chances: Floats, less: float, crowds: int, random: np.random.Generator) -> np.ndarray:
    """(crowds, people, tasks): who is named at each look; the first person is worse by ``less``."""
    skills = np.zeros((CROWD, 1))
    skills[0] = less
    right = (random.random((crowds, CROWD, len(chances))) < chances - skills).astype(float)
    differences = right - (right.sum(axis=1, keepdims=True) - right) / (CROWD - 1)
    return _named(-differences.reshape(-1, len(chances)))


def order_check_rows(runs: int, random: np.random.Generator) -> Rows:
    """How often the check calls an order systematic."""
    rows: Rows = []
    at_looks = [
        any(_is_systematic([order[:met] for order in orders]) for met in range(25, TASKS + 1, 25))
        for orders in (_orders(0.0, random, people=8, items=TASKS) for _ in range(max(runs // 4, 1)))
    ]
    rows.append(("random orders, 8 people, 20 looks: ever", [f"{np.mean(at_looks):.1%}"]))
    for name, people, items, agreement in (
        ("random orders, 41 people, 100 items, one look", CROWD, 100, 0.0),
        ("one order for all, 2 people, 30 items", 2, 30, 1.0),
        ("half random (mean of a common and a random order), 5 people, 50 items", 5, 50, 0.5),
        ("a quarter common, 41 people, 100 items", CROWD, 100, 0.25),
        ("a tenth common, 41 people, 100 items", CROWD, 100, 0.1),
    ):
        tries = runs if agreement == 0 else min(runs, 100)
        found = [_is_systematic(_orders(agreement, random, people=people, items=items)) for _ in range(tries)]
        rows.append((name, [f"{np.mean(found):.1%}"]))
    return rows


def drift_rows(runs: int, random: np.random.Generator) -> Rows:
    """Crowds with classes of 1 %, looked at every 25 tasks of 500 (7 people an item)."""
    rows: Rows = []
    for most in (1, 6):
        found = [_accused(_labelled(RARE, most, random)) for _ in range(runs)]
        name = f"equal people, up to {most} labels a task: crowds that ever accuse anybody"
        rows.append((name, [f"{np.mean([any(each.values()) for each in found]):.1%}"]))
    for odd, said in (([0.4, 0.57, 0.01, 0.01, 0.01], ".6 to .4"), ([0.55, 0.37, 0.06, 0.01, 0.01], ".01 to .06")):
        when = [_accused(_labelled(RARE, 1, random, odd))["p0"] for _ in range(max(1, runs // 10))]
        name = f"one of 41 gives a class of {said}, one label a task: found after (median)"
        rows.append((name, [f"{np.median([each or 10**6 for each in when]):.0f} tasks"]))
    return rows


def _labelled(
    shares: list[float], most: int, random: np.random.Generator, odd: list[float] | None = None
) -> dict[str, list[LabelledTask]]:
    """Everybody has 500 tasks of as many items as make seven people an item; an item leans towards its own labels."""
    items = CROWD * TASKS // 7
    leaning = random.dirichlet(np.array(shares) * 5, size=items)
    people = {}
    for person in range(CROWD):
        met = random.permutation(items)[:TASKS]
        sizes = random.integers(1, most, size=TASKS, endpoint=True)
        of_odd = odd is not None and person == 0
        chances = random.dirichlet(np.array(odd) * 5, size=TASKS) if of_odd else leaning[met]
        counts = random.multinomial(sizes, chances).astype(float).tolist()
        people[f"p{person}"] = [
            LabelledTask(number + person / 100, str(item), tuple(given))
            for number, (item, given) in enumerate(zip(met.tolist(), counts, strict=True))
        ]
    return people


def _accused(people: dict[str, list[LabelledTask]]) -> dict[str, int]:
    """For each person the number of tasks at the first look that called them different, 0 without one."""
    return {
        name: min((look.tasks for look in looks if look.is_different), default=0)
        for name, looks in all_drift_looks(people).items()
    }


def split_half() -> str:
    """Markdown: real people by their verdict on the first half of their tasks, and their figure on the second.

    The halves are drawn at random (seed 0): the files tell no order of submission.
    """
    lines = [
        "| | verdict on the first half | people | second half below the bar | second half: lowest, mean, highest |"
    ]
    lines.append("| --- | --- | --- | --- | --- |")
    random = np.random.default_rng(0)
    boxes = [rows[random.permutation(len(rows))] for rows in box_crowd() if len(rows) >= FEWEST_TASKS]
    truth, answers = answer_crowd()
    birds = [(row == truth)[random.permutation(len(truth))].astype(float) for row in answers]
    for name, first, second in (
        (
            "pedestrians",
            [object_gains(*_counts(rows[: len(rows) // 2]), BAR) for rows in boxes],
            [object_figure(*_counts(rows[len(rows) // 2 :])) for rows in boxes],
        ),
        (
            "bluebirds",
            [value_gains(row[: len(row) // 2], BAR) for row in birds],
            [float(row[len(row) // 2 :].mean()) for row in birds],
        ),
    ):
        people = {f"p{number}": fold(gains, crowd=len(first)) for number, gains in enumerate(first)}
        sides = [each.side for each in standings(people).values()]
        for side in ("below", "undecided", "above"):
            held = [figure for each, figure in zip(sides, second, strict=True) if each == side and figure is not None]
            spread = f"{min(held):.2f}, {np.mean(held):.2f}, {max(held):.2f}" if held else ""
            lines.append(f"| {name} | {side} | {len(held)} | {sum(each < BAR for each in held)} | {spread} |")
    return "\n".join(lines)


def _counts(rows: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    tp, fp, fn = rows.T[:3]
    return tp, fp, fn, tp + fn
