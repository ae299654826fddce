"""Do the intervals hold? Coverage and mean width over simulated annotators made of real ones.

A simulated annotator has a true figure and does n tasks; a nominal 95 % interval from those n should hold the true
figure at least 93 times in 100. Skill, the sizes of tasks and the way errors cluster are those of the real crowds:

- *one*: a real annotator with at least 20 tasks; his pooled figure over everything he did is the truth, and the n
  tasks are drawn from his with replacement;
- *mix*: two real annotators mixed in a random proportion, which makes skills that lie between the real ones.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from benchmark_qa.stats.agreement import kappa_interval
from benchmark_qa.stats.confusion import kappa_of
from benchmark_qa.stats.intervals import Interval, mean_interval, proportion_interval, ratio_interval

DATA = Path(__file__).parents[2] / "shared" / "data"
SIMULATED = 2_000
SIZES = (5, 20, 100)
MINIMUM_TASKS = 20
SLACK = 1e-9

Array = NDArray[np.float64]
Method = Callable[[Array, Array, float], Interval]


@dataclass(frozen=True, slots=True)
class Cell:
    """Coverage and mean width of one figure at one number of tasks."""

    figure: str
    design: str
    n: int
    coverage: float
    width: float
    without: int
    """Simulated annotators of whom the figure was not applicable."""


# --- boxes: rows (tp, fp, fn, summed IoU) per task ------------------------------------------------------------------


@cache
def box_crowd() -> tuple[Array, ...]:
    """(tasks, 4) for every real annotator with enough tasks."""
    counts: dict[str, list[tuple[float, ...]]] = {}
    for image in json.loads((DATA / "pedestrians.json").read_text())["images"]:
        truth = np.array(image["ground_truth"], float).reshape(-1, 4)
        for name, boxes in image["annotations"].items():
            counts.setdefault(name, []).append(_count(truth, np.array(boxes, float).reshape(-1, 4)))
    return tuple(np.array(rows) for rows in counts.values() if len(rows) >= MINIMUM_TASKS)


def _count(truth: Array, boxes: Array) -> tuple[float, ...]:
    corner = np.minimum((truth[:, :2] + truth[:, 2:])[:, None], boxes[:, :2] + boxes[:, 2:])
    shared = np.clip(corner - np.maximum(truth[:, None, :2], boxes[:, :2]), 0, None).prod(axis=2)
    iou = shared / (truth[:, 2:].prod(axis=1)[:, None] + boxes[:, 2:].prod(axis=1) - shared)
    matches = iou >= 0.5 - SLACK
    rows, columns = linear_sum_assignment(np.where(matches, 1 + iou / (min(iou.shape) + 1), 0), maximize=True)
    chosen = matches[rows, columns]
    hits = int(chosen.sum())
    return hits, len(boxes) - hits, len(truth) - hits, float(iou[rows, columns][chosen].sum())


def box_figures(rows: Array) -> dict[str, tuple[Array, Array, float]]:
    """Numerators, denominators and floor of every figure, one entry per task.

    The overall score of a task is F1 x mean IoU; a task where truth and labels are both empty scores 1.
    """
    hits, spurious, missed, overlap = rows.T
    drawn = 2 * hits + spurious + missed
    overall = np.where(drawn > 0, 2 * overlap / np.maximum(drawn, 1), 1.0)
    return {
        "precision": (hits, hits + spurious, 0.0),
        "recall": (hits, hits + missed, 0.0),
        "F1": (2 * hits, drawn, 0.0),
        "mean IoU": (overlap, hits, 0.5),
        "overall": (overall, np.ones(len(rows)), 0.0),
    }


def ours(numerators: Array, denominators: Array, floor: float) -> Interval:
    return ratio_interval(numerators, denominators, floor=floor)


def plain_bootstrap(numerators: Array, denominators: Array, _floor: float) -> Interval:
    """The 2.5 % and 97.5 % points of the figure over 1,000 resamples of the tasks: what does not hold."""
    drawn = np.random.default_rng(0).integers(len(numerators), size=(1_000, len(numerators)))
    below = denominators[drawn].sum(axis=1)
    if not below.any():
        return Interval.not_applicable("nothing to count")
    figures = numerators[drawn].sum(axis=1)[below > 0] / below[below > 0]
    low, high = np.quantile(figures, [0.025, 0.975])
    return Interval(float(figures.mean()), float(low), float(high), len(numerators))


def simulate_boxes(method: Method, design: str, n: int, simulated: int, seed: int = 0) -> Iterator[Cell]:
    """Coverage of every box figure."""
    random = np.random.default_rng(seed)
    crowd = box_crowd()
    seen: dict[str, list[tuple[Interval, float]]] = {}
    for _ in range(simulated):
        one, other = (crowd[index] for index in random.integers(len(crowd), size=2))
        share = 1.0 if design == "one" else random.random()
        from_one = random.random(n) < share
        drawn = [rows[random.integers(len(rows), size=n)] for rows in (one, other)]
        tasks = np.where(from_one[:, None], *drawn)
        parts = box_figures(one), box_figures(other)
        for name, (above, below, floor) in box_figures(tasks).items():
            means = [(part[name][0].mean(), part[name][1].mean()) for part in parts]
            true_above, true_below = (share * a + (1 - share) * b for a, b in zip(*means, strict=True))
            if true_below > 0:
                seen.setdefault(name, []).append((method(above, below, floor), true_above / true_below))
    for name, entries in seen.items():
        yield _cell(name, design, n, entries)


# --- answers -------------------------------------------------------------------------------------------------------


@cache
def answer_crowd() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Truth (items,) and answers (annotators, items)."""
    data: dict[str, Any] = json.loads((DATA / "bluebirds.json").read_text())
    truth = np.array([data["ground_truth"][image] for image in data["images"]], np.int64)
    answers = [[given[image] for image in data["images"]] for given in data["annotations"].values()]
    return truth, np.array(answers, np.int64)


def simulate_answers(design: str, n: int, simulated: int, seed: int = 0) -> Iterator[Cell]:
    """Coverage of accuracy and kappa."""
    random = np.random.default_rng(seed)
    truth, answers = answer_crowd()
    seen: dict[str, list[tuple[Interval, float]]] = {"accuracy": [], "kappa": [], "overall": []}
    for _ in range(simulated):
        one, other = answers[random.integers(len(answers), size=2)]
        share = 1.0 if design == "one" else random.random()
        items = random.integers(len(truth), size=n)
        given = np.where(random.random(n) < share, one[items], other[items])
        matrix = share * _confusion(truth, one) + (1 - share) * _confusion(truth, other)
        accuracy, right = float(np.trace(matrix) / matrix.sum()), given == truth[items]
        seen["accuracy"].append((proportion_interval(int(right.sum()), n), accuracy))
        seen["overall"].append((mean_interval(right), accuracy))
        seen["kappa"].append((kappa_interval(truth[items], given), float(kappa_of(matrix))))
    for name, entries in seen.items():
        yield _cell(name, design, n, entries)


SHARES_OF_CLASSES = {
    "2 classes, 85 : 15": (0.85, 0.15),
    "5 equal classes": (0.2,) * 5,
    "5 classes, one with 75 %": (0.75, 0.1, 0.05, 0.05, 0.05),
    "10 equal classes": (0.1,) * 10,
}


def simulate_classes(classes: str, n: int, simulated: int, seed: int = 0) -> Cell:
    """Coverage of kappa for annotators made up: right with a Beta(9, 1.5) distributed share, else guessing."""
    random = np.random.default_rng(seed)
    shares = np.array(SHARES_OF_CLASSES[classes])
    entries = []
    for _ in range(simulated):
        skill = random.beta(9, 1.5)
        cells = shares[:, None] * (skill * np.eye(len(shares)) + (1 - skill) * shares)
        drawn = random.choice(cells.size, size=n, p=cells.ravel())
        entries.append((kappa_interval(*np.divmod(drawn, len(shares))), float(kappa_of(cells))))
    return _cell("kappa", classes, n, entries)


def _confusion(truth: NDArray[np.int64], answers: NDArray[np.int64]) -> Array:
    return np.bincount(2 * truth + answers, minlength=4).reshape(2, 2).astype(float)


def _cell(figure: str, design: str, n: int, entries: list[tuple[Interval, float]]) -> Cell:
    known = [(interval, true) for interval, true in entries if interval.low is not None]
    held = [interval.low - SLACK <= true <= interval.high + SLACK for interval, true in known]  # type: ignore[operator]
    width = float(np.mean([interval.width for interval, _ in known]))
    return Cell(figure, design, n, float(np.mean(held)), width, len(entries) - len(known))


# --- the tables ----------------------------------------------------------------------------------------------------


def table(cells: list[Cell]) -> str:
    """Markdown: one row per figure and design, coverage and mean width at every n."""
    lines = ["| figure | simulated annotator | " + " | ".join(f"n = {n}" for n in SIZES) + " |"]
    lines.append("| --- | --- |" + " --- |" * len(SIZES))
    for figure, design in dict.fromkeys((cell.figure, cell.design) for cell in cells):
        row = [cell for cell in cells if (cell.figure, cell.design) == (figure, design)]
        shown = " | ".join(f"{cell.coverage:.1%}, width {cell.width:.2f}" for cell in row)
        lines.append(f"| {figure} | {design} | {shown} |")
    return "\n".join(lines)


def main() -> None:
    designs = ("one", "mix")
    print(f"Coverage and mean width of 95 % intervals, {SIMULATED:,} simulated annotators per cell\n")
    print("Pedestrians (boxes)\n")
    boxes = [cell for design in designs for n in SIZES for cell in simulate_boxes(ours, design, n, SIMULATED)]
    print(table(sorted(boxes, key=lambda cell: list(box_figures(np.ones((1, 4)))).index(cell.figure))))
    print("\nBluebirds (answers; accuracy by Wilson, overall as the mean of scores)\n")
    answers = [cell for design in designs for n in SIZES for cell in simulate_answers(design, n, SIMULATED)]
    print(table(sorted(answers, key=lambda cell: cell.figure)))
    print("\nKappa of more classes, and skewed ones; annotators made up, 500 per cell\n")
    made_up = [simulate_classes(name, n, SIMULATED // 4) for name in SHARES_OF_CLASSES for n in SIZES]
    print(table(made_up))
    print("\nFor comparison, a plain percentile bootstrap over the tasks (pedestrians)\n")
    plain = [cell for n in SIZES for cell in simulate_boxes(plain_bootstrap, "one", n, SIMULATED // 4)]
    print(table(sorted(plain, key=lambda cell: list(box_figures(np.ones((1, 4)))).index(cell.figure))))
    print(f"\nlowest coverage of ours: {min(cell.coverage for cell in boxes + answers + made_up):.1%}")


if __name__ == "__main__":
    main()
