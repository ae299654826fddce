"""How well errors planted in the ground truth are found, and how much else is listed with them.

Real crowds, real answers; 5 % of the truth is made wrong and the list is compared with what was planted. The
threshold is the package's own. Figures are means over the seeds.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.engine.pairs import box_iou
from benchmark_qa.stats.crowd_answers import suspect_answers
from benchmark_qa.stats.crowd_boxes import BoxItem, SuspectBox, SuspectKind, suspect_boxes

DATA = Path(__file__).parents[2] / "shared" / "data"
SHARE = 0.05
SEEDS = 200
SAME_PLACE = 0.2
"""IoU from which a listed place is the planted one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one planting: what was found, what else was listed, and how much of the list was planted."""

    found: dict[str, float]
    false_alarms: float
    false_alarm_units: float
    precision: float

    @property
    def recall(self) -> float:
        return self.found["all"]


def load(name: str) -> Any:
    return json.loads((DATA / name).read_text())


# --- answers -------------------------------------------------------------------------------------------------------


def answer_arrays(bluebirds: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Truth (items,) and answers (annotators, items)."""
    images = bluebirds["images"]
    truth = np.array([bluebirds["ground_truth"][image] for image in images], dtype=np.int64)
    answers = [[given[image] for image in images] for given in bluebirds["annotations"].values()]
    return truth, np.array(answers, dtype=np.int64)


def flip_and_find(truth: NDArray[np.int64], answers: NDArray[np.int64], seed: int) -> Outcome:
    chosen = np.random.default_rng(seed).permutation(len(truth))[: round(SHARE * len(truth))]
    planted = np.zeros(len(truth), bool)
    planted[chosen] = True
    listed = np.zeros(len(truth), bool)
    listed[suspect_answers(np.where(planted, 1 - truth, truth), answers, classes=2).suspects] = True
    alarms = float(listed[~planted].mean())
    found = float(listed[planted].mean())
    return Outcome({"flipped": found, "all": found}, alarms, alarms, float(planted[listed].mean()))


# --- boxes ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Planted:
    """One error: in which item, of which kind, and the box that was taken away, moved to, or added."""

    item: int
    kind: str
    box: NDArray[np.float64]


def box_items(pedestrians: dict[str, Any]) -> list[BoxItem]:
    return [
        BoxItem(
            image["id"],
            np.array(image["ground_truth"], dtype=float).reshape(-1, 4),
            {name: np.array(boxes, float).reshape(-1, 4) for name, boxes in image["annotations"].items()},
        )
        for image in pedestrians["images"]
    ]


def plant(items: list[BoxItem], seed: int) -> tuple[list[BoxItem], list[Planted]]:
    """A third each of the errors: a box removed, one shifted by half its width, one added somewhere.

    An added box has a real box's size and height in its image, at a random place across another image.
    """
    random = np.random.default_rng(seed)
    boxes = [(item, row) for item, unit in enumerate(items) for row in range(len(unit.truth))]
    chosen = random.permutation(len(boxes))[: round(SHARE * len(boxes))]
    truths = [item.truth.copy() for item in items]
    removed: dict[int, list[int]] = {}
    added: list[Planted] = []
    planted = []
    right = max(float((boxes[:, 0] + boxes[:, 2]).max()) for boxes in truths if len(boxes))
    for order, index in enumerate(chosen):
        item, row = boxes[index]
        box = truths[item][row]
        if order % 3 == 0:
            removed.setdefault(item, []).append(row)
            planted.append(Planted(item, "removed", box.copy()))
        elif order % 3 == 1:
            box[0] += random.choice([-0.5, 0.5]) * box[2]
            planted.append(Planted(item, "shifted", box.copy()))
        else:
            place = np.array([random.uniform(0.0, right - box[2]), *box[1:]])
            added.append(Planted(int(random.integers(len(items))), "added", place))
    for item, rows in removed.items():
        truths[item] = np.delete(truths[item], rows, axis=0)
    for error in added:
        truths[error.item] = np.vstack([truths[error.item], error.box])
    changed = [BoxItem(unit.key, truth, unit.answers) for unit, truth in zip(items, truths, strict=True)]
    return changed, planted + added


def plant_and_find(items: list[BoxItem], seed: int) -> Outcome:
    changed, planted = plant(items, seed)
    number = {item.key: index for index, item in enumerate(changed)}
    suspects = suspect_boxes(changed)
    explained: set[int] = set()
    found: dict[str, list[bool]] = {"removed": [], "shifted": [], "added": [], "all": []}
    for error in planted:
        hits = set(_pointing_at(error, suspects, changed, number))
        explained |= hits
        for kind in (error.kind, "all"):
            found[kind].append(bool(hits))
    false = [suspects[index] for index in range(len(suspects)) if index not in explained]
    touched = {error.item for error in planted}
    untouched_boxes = sum(len(item.truth) for item in items) - sum(error.kind != "added" for error in planted)
    false_units = {number[suspect.key] for suspect in false} - touched
    return Outcome(
        found={kind: float(np.mean(hits)) for kind, hits in found.items()},
        false_alarms=len(false) / untouched_boxes,
        false_alarm_units=len(false_units) / (len(items) - len(touched)),
        precision=len(explained) / len(suspects),
    )


def _pointing_at(
    error: Planted, suspects: tuple[SuspectBox, ...], items: list[BoxItem], number: dict[str, int]
) -> Iterator[int]:
    """Which of the suspects are this error: the very truth box, or the crowd's box where one was taken away."""
    for index, suspect in enumerate(suspects):
        if number[suspect.key] != error.item:
            continue
        if suspect.truth_index is not None:
            if error.kind != "removed" and (items[error.item].truth[suspect.truth_index] == error.box).all():
                yield index
        elif suspect.crowd_box is not None and error.kind != "added":
            needed = SAME_PLACE if error.kind == "shifted" else 0.5
            if box_iou(suspect.crowd_box[None], error.box[None])[0] >= needed:
                yield index


# --- the table -----------------------------------------------------------------------------------------------------


@cache
def outcomes(data: str, seeds: int = SEEDS) -> tuple[Outcome, ...]:
    if data == "bluebirds":
        truth, answers = answer_arrays(load("bluebirds.json"))
        return tuple(flip_and_find(truth, answers, seed) for seed in range(seeds))
    items = box_items(load("pedestrians.json"))
    return tuple(plant_and_find(items, seed) for seed in range(seeds))


def main() -> None:
    print(f"planted errors in {SHARE:.0%} of the truth, mean of {SEEDS} seeds")
    print("| data | kind | found | unplanted items listed | untouched data units listed | of the list planted |")
    print("| --- | --- | --- | --- | --- | --- |")
    for data in ("bluebirds", "pedestrians"):
        runs = outcomes(data)
        for kind in runs[0].found:
            found = np.mean([run.found[kind] for run in runs])
            rest = [
                f"{np.mean([getattr(run, name) for run in runs]):.1%}" if kind == "all" else ""
                for name in ("false_alarms", "false_alarm_units", "precision")
            ]
            print(f"| {data} | {kind} | {found:.1%} | {' | '.join(rest)} |")
    faults = [suspect.fault for suspect in suspect_boxes(box_items(load("pedestrians.json")))]
    counts = ", ".join(f"{faults.count(fault)} {fault}" for fault in SuspectKind)
    print(f"\nlisted in the pedestrians' truth as it is: {counts}")
    truth, answers = answer_arrays(load("bluebirds.json"))
    print(f"listed in the bluebirds' truth as it is: {len(suspect_answers(truth, answers, classes=2).suspects)}")
    majority = (answers.mean(axis=0) > 0.5) != truth
    print(f"for comparison, a plain majority contradicts {majority.mean():.0%} of the bluebirds' truth as it is")


if __name__ == "__main__":
    main()
