"""Measures the real crowd: `python -m demo.measure_crowd LABELS.json` writes `demo/crowd.json`.

What is kept are figures about each annotator and about the scenes as a whole, never a label.
"""

import argparse
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from demo.labels import Box, LabelSet
from demo.labels_file import read_labels_file
from demo.matching import MATCH_IOU, match

CROWD_FILE = Path(__file__).with_name("crowd.json")
QUANTILES = 20
"""Scene figures are quantile tables with this many steps: minimum, 5 %, ..., 95 %, maximum."""

DIGITS = 4


@dataclass
class AnnotatorTally:
    """Everything seen of one annotator, before it becomes figures."""

    tasks: int = 0
    true_boxes: int = 0
    spurious: int = 0
    errors: list[tuple[float, float, float, float]] = field(default_factory=list)
    """Of each matched box: centre shift over the true width and height, log ratio of width and of height."""

    def add(self, truth: Sequence[Box], drawn: Sequence[Box]) -> None:
        """Count one image."""
        pairs = match(truth, drawn)
        self.tasks += 1
        self.true_boxes += len(truth)
        self.spurious += len(drawn) - len(pairs)
        self.errors += [box_error(truth[one], drawn[other]) for one, other in pairs]


def box_error(true: Box, drawn: Box) -> tuple[float, float, float, float]:
    """How far a box is off: `(dx / w, dy / h, log(w' / w), log(h' / h))`, dx and dy between the centres."""
    return (
        (drawn[0] + drawn[2] / 2 - true[0] - true[2] / 2) / true[2],
        (drawn[1] + drawn[3] / 2 - true[1] - true[3] / 2) / true[3],
        math.log(drawn[2] / true[2]),
        math.log(drawn[3] / true[3]),
    )


def tally(labels: LabelSet) -> dict[str, AnnotatorTally]:
    """Match every annotator's boxes on every image with the truth."""
    tallies = {email: AnnotatorTally() for email in labels.annotators}
    for image in labels:
        for email, drawn in image.answers.items():
            if isinstance(image.truth, bool) or isinstance(drawn, bool):
                raise TypeError("a crowd is measured from boxes, not from answers to a question")
            tallies[email].add(image.truth, drawn)
    return tallies


def annotator_figures(tallies: dict[str, AnnotatorTally]) -> list[dict[str, Any]]:
    """Each annotator's rates and box errors (the whole crowd's errors where there are under two matches)."""
    everybody = [error for one in tallies.values() for error in one.errors]
    figures = []
    for email, one in tallies.items():
        errors = one.errors if len(one.errors) > 1 else everybody
        by_axis = list(zip(*errors, strict=True))
        bias, spread = _rounded(map(fmean, by_axis)), _rounded(map(pstdev, by_axis))
        figures.append(
            {
                "email": email,
                "tasks": one.tasks,
                "true_boxes": one.true_boxes,
                "miss_rate": _round(1 - len(one.errors) / one.true_boxes),
                "spurious_per_task": _round(one.spurious / one.tasks),
                "centre_error": {"bias": bias[:2], "spread": spread[:2]},
                "size_error": {"bias": bias[2:], "spread": spread[2:]},
            }
        )
    return figures


def scene_figures(labels: LabelSet) -> dict[str, Any]:
    """How many objects an image holds, how tall and slender they are, and where their centres lie."""
    scenes = [(image.width, image.height, _boxes(image.truth)) for image in labels]
    counts = [len(boxes) for _, _, boxes in scenes]
    in_frame = [(width, height, box) for width, height, boxes in scenes for box in boxes]
    return {
        "images": len(scenes),
        "width": scenes[0][0],
        "height": scenes[0][1],
        "share_of_images_by_objects": _rounded(counts.count(n) / len(counts) for n in range(max(counts) + 1)),
        "object_height": _quantiles(box[3] / height for _, height, box in in_frame),
        "object_aspect": _quantiles(box[2] / box[3] for _, _, box in in_frame),
        "centre_x": _quantiles((box[0] + box[2] / 2) / width for width, _, box in in_frame),
        "top_y": _quantiles(box[1] / height for _, height, box in in_frame),
    }


def measure(path: Path) -> dict[str, Any]:
    """All figures of one labels file."""
    labels = read_labels_file(path)
    tallies = tally(labels)
    matches = sum(len(one.errors) for one in tallies.values())
    return {
        "measured_from": json.loads(path.read_text())["source"],
        "label": labels.label,
        "match_iou": MATCH_IOU,
        "annotators_per_image": labels.annotators_per_image,
        "pooled": {
            "tasks": sum(one.tasks for one in tallies.values()),
            "matches": matches,
            "spurious": sum(one.spurious for one in tallies.values()),
            "missing": sum(one.true_boxes for one in tallies.values()) - matches,
        },
        "scenes": scene_figures(labels),
        "annotators": annotator_figures(tallies),
    }


def main() -> None:
    """Measure the file named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", type=Path, help="a labels file with boxes")
    path: Path = parser.parse_args().labels
    figures = measure(path)
    CROWD_FILE.write_text(_as_text(figures))
    print(f"{len(figures['annotators'])} annotators, pooled {figures['pooled']} -> {CROWD_FILE.name}")


def _as_text(figures: dict[str, Any]) -> str:
    """JSON with one figure or one annotator a line: small, and a change is seen in a diff."""
    parts = {key: json.dumps(value) for key, value in figures.items()}
    scenes = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in figures["scenes"].items())
    people = ",\n".join(f"  {json.dumps(one)}" for one in figures["annotators"])
    parts |= {"scenes": f"{{\n{scenes}\n }}", "annotators": f"[\n{people}\n ]"}
    return "{\n" + ",\n".join(f' "{key}": {value}' for key, value in parts.items()) + "\n}\n"


def _boxes(answer: tuple[Box, ...] | bool) -> tuple[Box, ...]:
    if isinstance(answer, bool):
        raise TypeError("boxes are needed here")
    return answer


def _quantiles(values: Iterable[float]) -> list[float]:
    ordered = sorted(values)
    last = len(ordered) - 1
    return _rounded(ordered[round(step * last / QUANTILES)] for step in range(QUANTILES + 1))


def _rounded(values: Iterable[float]) -> list[float]:
    return [_round(value) for value in values]


def _round(value: float) -> float:
    return round(value, DIGITS)


if __name__ == "__main__":
    main()
