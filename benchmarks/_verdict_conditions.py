"""Simulations of what verdicts assume: the order of items, people beside the others, labels that drift, real halves."""

from collections.abc import Iterator

import numpy as np

from benchmark_qa.labels.annotations import Numbers
from benchmark_qa.stats.crowd_evidence import named_of_many, standings
from benchmark_qa.stats.evidence import (
    cap_for,
    evidence_paths,
    fold,
    naming_level,
    object_figure,
    object_gains,
    value_gains,
)
from benchmark_qa.stats.item_order import item_order
from benchmarks._drift_crowds import first_accusation, labelled
from benchmarks._simulated_people import BAR, FEWEST_TASKS
from benchmarks.intervals import answer_crowd, box_crowd

CROWD = 41
TASKS = 500
BATCH = 25
"""Crowds at once, for memory"""
Rows = list[tuple[str, list[str]]]
SPREADS = ((0.65, 0.75), (0.6, 0.8), (0.5, 0.9), (0.4, 1.0))


def order_rows(runs: int, random: np.random.Generator) -> Rows:
    """Crowds at the bar on items of a spread, by the order in which people meet the items."""
    rows = []
    for low, high in SPREADS:
        chances = np.linspace(low, high, TASKS)
        for order, said in (
            ("each", "random order each"),
            ("drawn", "one random order for all"),
            ("hard first", "hard items first for all"),
        ):
            named = [_named(_answers(chances, size, order, random)).any(axis=(1, 2)) for size in _batches(runs)]
            checks = [_is_systematic(_orders(float(order != "each"), random)) for _ in range(min(runs, 20))]
            cells = [f"{np.concatenate(named).mean():.1%}", f"{np.mean(checks):.0%}"]
            rows.append((f"chances {low:g} to {high:g}, {said}", cells))
    return rows


def _batches(runs: int) -> Iterator[int]:
    return (min(BATCH, runs - done) for done in range(0, runs, BATCH))


def _answers(chances: Numbers, crowds: int, order: str, random: np.random.Generator) -> Numbers:
    """(crowds x people, tasks) for `evidence_paths`."""
    people = np.tile(chances, (crowds * CROWD, 1))
    if order == "each":
        people = random.permuted(people, axis=1)
    elif order == "drawn":
        people = np.repeat(random.permuted(np.tile(chances, (crowds, 1)), axis=1), CROWD, axis=0)
    return value_gains(random.random(people.shape) < people, BAR).for_below


def named_at_looks(paths: Numbers, crowd: int = CROWD) -> np.ndarray:
    """(crowds, people, tasks): who is named at each look, from paths (crowds x people, tasks)."""
    shaped = paths.reshape(-1, crowd, paths.shape[1])
    named = np.zeros(shaped.shape, bool)
    # Below the level of one person alone nobody is named in any crowd.
    which, task = np.nonzero((shaped >= naming_level()).any(axis=1))
    named[which, :, task] = named_of_many(shaped[which, :, task])
    return named


def _named(units: Numbers) -> np.ndarray:
    return named_at_looks(evidence_paths(units, cap=cap_for(CROWD)))


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


def _beside(chances: Numbers, less: float, crowds: int, random: np.random.Generator) -> np.ndarray:
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
    for most, said in ((1, "one label a task"), (6, "up to 6 labels a task")):
        crowds = (labelled(most, random) for _ in range(runs))
        found = [any(first_accusation(crowd, person) for person in range(CROWD)) for crowd in crowds]
        rows.append((f"equal people, {said}: crowds that ever accuse anybody", [f"{np.mean(found):.1%}"]))
    for odd, said in (((0.4, 0.57, 0.01, 0.01, 0.01), ".6 to .4"), ((0.55, 0.37, 0.06, 0.01, 0.01), ".01 to .06")):
        when = [first_accusation(labelled(1, random, odd), 0) or 10**6 for _ in range(runs)]
        name = f"one of 41 gives a class of {said}, one label a task: found after (median)"
        rows.append((name, [f"{np.median(when):.0f} tasks"]))
    return rows


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


def _counts(rows: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    tp, fp, fn = rows.T[:3]
    return tp, fp, fn, tp + fn
