"""Do verdicts about people hold, and what do they cost? `python -m benchmarks verdicts`, RUNS=50 for a quick look.

Crowds of 41, a look after every task for 500 tasks, 1,000 runs. The bar is 0.7. "At most 5 %" means at most 6.7 % of
1,000 runs. Without the real labels beside the checkout, those rows are skipped, and said to be. SECTIONS=drift,order
runs these sections only; each has a seed of its own, so its figures are the same as in the whole. WRITE=1 puts the
tables into docs/statistics/evidence.md.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from benchmark_qa.labels.annotations import Numbers
from benchmark_qa.stats.evidence import cap_for, evidence_paths, naming_level
from benchmarks._simulated_people import BAR, Kind, kinds, mostly_empty, silent
from benchmarks._verdict_conditions import (
    drift_rows,
    named_at_looks,
    order_check_rows,
    order_rows,
    others_rows,
    split_half,
)
from benchmarks.intervals import DATA

RUNS = int(os.environ.get("RUNS", "1000"))
CROWD = 41
TASKS = 500
POOR = 5
BATCH = 50
NEVER = 10**6
PAGE = Path(__file__).parents[1] / "docs" / "statistics" / "evidence.md"


def first(reached: np.ndarray) -> np.ndarray:
    """The task (from 1) at which each row is first true; a million where never."""
    return np.where(reached.any(axis=-1), reached.argmax(axis=-1) + 1, NEVER)


def batches(runs: int) -> Iterator[int]:
    return (min(BATCH, runs - done) for done in range(0, runs, BATCH))


def at_the_bar(kind: Kind, runs: int, random: np.random.Generator) -> dict[str, float]:
    """Everybody exactly at the bar: shares of people, and of crowds, ever named."""
    alone, crowds, habit, above = [], [], [], []
    for size in batches(runs):
        gains = kind.draw(BAR, size * CROWD, TASKS, random)
        paths = evidence_paths(gains.for_below, cap=cap_for(CROWD))
        passed = (paths >= naming_level()).any(axis=1)
        alone.append(passed)
        habit.append(passed.reshape(size, CROWD).any(axis=1))
        crowds.append(named_at_looks(paths).any(axis=(1, 2)))
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
        named = named_at_looks(evidence_paths(units.reshape(-1, TASKS), cap=cap_for(CROWD)))
        when.append(first(named[:, :POOR]).ravel())
        false += (named[:, POOR:].sum(axis=1) / np.maximum(named.sum(axis=1), 1)).sum(axis=0)
    return float(np.median(np.concatenate(when))), float(false.max() / runs)


def costs(kind: Kind, runs: int, random: np.random.Generator) -> dict[str, str]:
    """Medians of tasks: alone, in a crowd, after a change, above, after recovery."""

    def after(parts: list[tuple[float, int]], *, below: bool = True, crowd: int = 1) -> Numbers:
        drawn = [kind.draw(figure, runs, tasks, random) for figure, tasks in parts]
        units = np.concatenate([each.for_below if below else each.for_above for each in drawn], axis=1)
        return evidence_paths(units, cap=cap_for(crowd))

    def median(paths: Numbers, level: float, since: int = 0) -> float:
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


def bar_section(runs: int, random: np.random.Generator) -> str:
    found = known_kinds()
    null = [at_the_bar(kind, runs, random) for kind in found]
    rows = turned([{name: f"{share:.1%}" for name, share in each.items()} for each in null])
    share = horizon(found[0], 2_000, 4 * runs, random)
    return f"{table([kind.name for kind in found], rows)}\n\nAlone in 2,000 tasks (Bernoulli): {share:.1%}."


def costs_section(runs: int, random: np.random.Generator) -> str:
    found = known_kinds()
    rows = turned([costs(kind, runs, random) for kind in found])
    known = " / ".join(f"{likelihood_ratio_test(figure, runs, random):.0f}" for figure in (0.5, 0.6))
    text = f"A sequential test that is told the alternative (Bernoulli, alone, true .5 / .6) needs {known}."
    return f"{table([kind.name for kind in found], rows)}\n\n{text}"


def empty_section(runs: int, random: np.random.Generator) -> str:
    if "pedestrians" not in [kind.name for kind in known_kinds()]:
        return ""
    empty = at_the_bar(Kind("", mostly_empty), runs, random)
    units = silent(runs, TASKS, random).for_below
    when = np.median(first(evidence_paths(units, cap=cap_for()) >= naming_level()))
    rows = table(["share"], [(name, [f"{share:.1%}"]) for name, share in empty.items()])
    return f"{rows}\n\nSomebody who never draws anything there is named after {when:.0f} tasks (median)."


def halves_section(_runs: int, _random: np.random.Generator) -> str:
    return split_half() if len(known_kinds()) == len(kinds()) else ""


SECTIONS: Mapping[str, Callable[[int, np.random.Generator], str]] = {
    "bar": bar_section,
    "costs": costs_section,
    "empty": empty_section,
    "order": lambda runs, random: table(
        ["ever names anybody", "the check calls the order systematic"], order_rows(runs, random)
    ),
    "others": lambda runs, random: table(["crowds", "named after"], others_rows(runs, random)),
    "check": lambda runs, random: table(["called systematic"], order_check_rows(runs, random)),
    "drift": lambda runs, random: table(["result"], drift_rows(runs, random)),
    "halves": halves_section,
}


def main() -> None:
    wanted = [name for name in os.environ.get("SECTIONS", ",".join(SECTIONS)).split(",") if name]
    unknown = sorted(set(wanted) - set(SECTIONS))
    if unknown:
        sys.exit(f"no section called {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    for number, (name, section) in enumerate(SECTIONS.items()):
        if name in wanted:
            made = section(RUNS, np.random.default_rng((16, number)))
            text = made if name == "halves" else f"{RUNS:,} runs.\n\n{made}"
            print(f"{name}\n\n{text}\n", flush=True)
            if os.environ.get("WRITE") and made:
                PAGE.write_text(with_section(PAGE.read_text(), name, text))


def with_section(page: str, name: str, text: str) -> str:
    """The page with another text between the marks of a section."""
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->\n"
    before, _, rest = page.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        sys.exit(f"{PAGE} has no marks {begin.strip()} and {end.strip()}")
    return f"{before}{begin}{text}\n{end}{after}"
