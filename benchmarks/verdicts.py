"""Do verdicts about people hold, and what do they cost? `python -m benchmarks verdicts`, RUNS=50 for a quick look.

Crowds of 41, a look after every task for 500 tasks, 1,000 runs. The bar is 0.7. "At most 5 %" means at most 6.7 % of
1,000 runs. Without the real labels beside the checkout, those rows are skipped, and said to be.
"""

import os
from collections.abc import Iterator

import numpy as np

from benchmark_qa.stats.evidence import Floats, cap_for, evidence_paths, named_of_many, naming_level
from benchmarks._simulated_people import BAR, Kind, kinds, mostly_empty, silent
from benchmarks._verdict_conditions import drift_rows, order_check_rows, order_rows, others_rows, split_half
from benchmarks.intervals import DATA

RUNS = int(os.environ.get("RUNS", "1000"))
CROWD = 41
TASKS = 500
POOR = 5
BATCH = 50
NEVER = 10**6


def first(reached: np.ndarray) -> np.ndarray:
    """The task (from 1) at which each row is first true; a million where never."""
    return np.where(reached.any(axis=-1), reached.argmax(axis=-1) + 1, NEVER)


def batches(runs: int) -> Iterator[int]:
    return (min(BATCH, runs - done) for done in range(0, runs, BATCH))


def crowd_named(paths: Floats, crowd: int = CROWD) -> np.ndarray:
    """(crowds, people, tasks): who is named at each look, from paths (crowds x people, tasks)."""
    shaped = paths.reshape(-1, crowd, paths.shape[1])
    return np.stack([named_of_many(shaped[:, :, task]) for task in range(paths.shape[1])], axis=2)


def at_the_bar(kind: Kind, runs: int, random: np.random.Generator) -> dict[str, float]:
    """Everybody exactly at the bar: shares of people, and of crowds, ever named."""
    alone, crowds, habit, above = [], [], [], []
    for size in batches(runs):
        gains = kind.draw(BAR, size * CROWD, TASKS, random)
        paths = evidence_paths(gains.for_below, cap=cap_for(CROWD))
        passed = (paths >= naming_level()).any(axis=1)
        alone.append(passed)
        habit.append(passed.reshape(size, CROWD).any(axis=1))
        crowds.append(crowd_named(paths).any(axis=(1, 2)))
        above.append((evidence_paths(gains.for_above, cap=cap_for()) >= naming_level()).any(axis=1))
    return {
        "alone, ever below": float(np.concatenate(alone).mean()),
        "alone, ever above": float(np.concatenate(above).mean()),
        "crowd of 41, ever names anybody below": float(np.concatenate(crowds).mean()),
        "the same, each at 5 % alone": float(np.concatenate(habit).mean()),
    }


def some_poor(kind: Kind, figure: float, runs: int, random: np.random.Generator) -> tuple[float, float]:
    """Five of 41 poor, the others at the bar: median task of being named, largest mean share of false names."""
    when, false = [], np.zeros(TASKS)
    for size in batches(runs):
        poor = kind.draw(figure, size * POOR, TASKS, random)
        others = kind.draw(BAR, size * (CROWD - POOR), TASKS, random).for_below.reshape(size, CROWD - POOR, TASKS)
        units = np.concatenate([poor.for_below.reshape(size, POOR, TASKS), others], axis=1)
        named = crowd_named(evidence_paths(units.reshape(-1, TASKS), cap=cap_for(CROWD)))
        when.append(first(named[:, :POOR]).ravel())
        false += (named[:, POOR:].sum(axis=1) / np.maximum(named.sum(axis=1), 1)).sum(axis=0)
    return float(np.median(np.concatenate(when))), float(false.max() / runs)


def costs(kind: Kind, runs: int, random: np.random.Generator) -> dict[str, str]:
    """Medians of tasks: alone, in a crowd, after a change, above, after recovery."""

    def after(parts: list[tuple[float, int]], *, below: bool = True, crowd: int = 1) -> Floats:
        drawn = [kind.draw(figure, runs, tasks, random) for figure, tasks in parts]
        units = np.concatenate([each.for_below if below else each.for_above for each in drawn], axis=1)
        return evidence_paths(units, cap=cap_for(crowd))

    def median(paths: Floats, level: float, since: int = 0) -> float:
        return float(np.median(first(paths >= level)) - since)

    level, crowd_level = naming_level(), naming_level(CROWD)
    drop = [(0.95, 200), (0.5, 400)]
    recovery = [(0.5, 300), (0.95, 200)]
    poor = [some_poor(kind, figure, runs, random) for figure in (0.5, 0.6)]
    gone = [after(recovery, crowd=crowd)[:, 300:] < at for crowd, at in ((1, level), (CROWD, crowd_level))]
    back = after(recovery, below=False)[:, 300:] >= level
    return {
        "alone, true .5 / .6": " / ".join(f"{median(after([(each, 900)]), level):.0f}" for each in (0.5, 0.6)),
        "five poor among 41, .5 / .6": " / ".join(f"{task:.0f}" for task, _ in poor),
        "the same, largest mean share of false names": " / ".join(f"{share:.1%}" for _, share in poor),
        "from .95 to .5 after 200, alone / in the crowd": " / ".join(
            f"+{median(after(drop, crowd=crowd), at, 200):.0f}" for crowd, at in ((1, level), (CROWD, crowd_level))
        ),
        "above alone, true .95 / .85": " / ".join(
            f"{median(after([(each, 400)], below=False), level):.0f}" for each in (0.95, 0.85)
        ),
        "poor for 300 tasks, then .95: no longer named, alone / in the crowd": " / ".join(
            f"+{np.median(first(each)):.0f}" for each in gone
        ),
        "the same, above again": f"+{np.median(first(back)):.0f}",
    }


def likelihood_ratio_test(figure: float, runs: int, random: np.random.Generator) -> float:
    """Median tasks of a sequential test that is told the alternative (Wald), on Bernoulli tasks."""
    right = random.random((runs, 3_000)) < figure
    steps = np.where(right, np.log(figure / BAR), np.log((1 - figure) / (1 - BAR)))
    return float(np.median(first(np.cumsum(steps, axis=1) >= np.log(naming_level()))))


def horizon(kind: Kind, tasks: int, runs: int, random: np.random.Generator) -> float:
    units = kind.draw(BAR, runs, tasks, random).for_below
    return float((evidence_paths(units, cap=cap_for()) >= naming_level()).any(axis=1).mean())


def known_kinds() -> list[Kind]:
    """The kinds that can be simulated here."""
    found = list(kinds())
    for kind, file in (("pedestrians", "pedestrians.json"), ("bluebirds", "bluebirds.json")):
        if not (DATA / file).is_file():
            print(f"SKIPPED: {kind}, because the real labels are not at {DATA / file}\n")
            found = [each for each in found if each.name != kind]
    return found


def table(columns: list[str], rows: list[tuple[str, list[str]]]) -> str:
    lines = ["| | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    return "\n".join(lines + [f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows])


def turned(columns: list[dict[str, str]]) -> list[tuple[str, list[str]]]:
    return [(name, [column[name] for column in columns]) for name in columns[0]]


def main() -> None:
    random = np.random.default_rng(16)
    found = known_kinds()
    names = [kind.name for kind in found]
    print(f"{RUNS:,} runs, crowds of {CROWD}, bar {BAR}, a look after each of {TASKS} tasks\n")
    print("Everybody exactly at the bar\n", flush=True)
    null = [at_the_bar(kind, RUNS, random) for kind in found]
    print(table(names, turned([{name: f"{share:.1%}" for name, share in each.items()} for each in null])))
    print("\nMedian tasks until it is said\n", flush=True)
    print(table(names, turned([costs(kind, RUNS, random) for kind in found])), flush=True)
    known = [f"{likelihood_ratio_test(figure, RUNS, random):.0f}" for figure in (0.5, 0.6)]
    print(f"\nA test that knows the alternative (Bernoulli, alone, .5 / .6): {' / '.join(known)}")
    share = horizon(found[0], 2_000, 4 * RUNS, random)
    print(f"Alone at the bar, Bernoulli, ever named in 2,000 tasks: {share:.1%}\n", flush=True)
    if "pedestrians" in names:
        empty = at_the_bar(Kind("", mostly_empty), RUNS, random)
        print("90 % empty items (pedestrian tasks), everybody at the bar\n")
        print(table(["share"], [(name, [f"{share:.1%}"]) for name, share in empty.items()]))
        units = silent(RUNS, TASKS, random).for_below
        when = np.median(first(evidence_paths(units, cap=cap_for()) >= naming_level()))
        print(f"\nSomebody who never draws anything there is named after {when:.0f} tasks (median)\n", flush=True)
    if len(found) == 4:
        print("Split halves of real people with 40 tasks or more: verdict on the first half, figure on the second\n")
        print(split_half(), end="\n\n")
    for title, columns, rows_of in (
        ("Order of items", ["below the bar, crowds", "order called systematic"], order_rows),
        ("Below the others on these items", ["crowds", "poor named after"], others_rows),
        ("The check of the order", ["called systematic"], order_check_rows),
        ("Drift", ["result"], drift_rows),
    ):
        print(f"{title}\n", flush=True)
        print(table(columns, rows_of(RUNS, random)), end="\n\n", flush=True)
