"""Likely label errors: what the list costs beside cleanlab's own, and what it finds of planted faults.

    python -m benchmarks findings

cleanlab's own is ObjectLab as it comes: `get_label_quality_scores` for the cost (one score an image), and for what is
found its three lists of scored boxes (overlooked, swapped, badly located), merged by score. Faults and predictors are
those of `tests/unit/commands/findings/simulation.py`.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from cleanlab.object_detection import rank
from numpy.typing import NDArray
from tests.unit.findings.simulation import CLASSES, GOOD, WEAK, Case, Predictor, average_precision, case

from benchmark_qa.commands.findings.label_errors import LabelError, find_label_errors
from benchmark_qa.commands.predictions.detections import Detections
from benchmark_qa.commands.predictions.slices import find_slices

DATA = Path(__file__).parents[2] / "shared" / "data" / "pedestrians.json"
SEEDS = 40
POOR = Predictor(recall=0.8, noise=0.08, spurious=0.6, confusion=0.08)
PREDICTORS = {"good": GOOD, "weak": WEAK, "poor": POOR}
SIZES = ((200, 5), (1_000, 5), (200, 40))
"""Images, and objects in each"""


def main() -> None:
    cost()
    found(json.loads(DATA.read_text()))


# --- cost ----------------------------------------------------------------------------------------------------------


def cost() -> None:
    rank.get_label_quality_scores(*as_cleanlab(crowded(20, 3)), verbose=False)  # imports are not counted
    find_label_errors(crowded(20, 3))
    print("the list of likely errors against cleanlab's score by image, the same process, best of 3")
    print("| images | objects each | the list | cleanlab alone | list / cleanlab | slices, pairs too |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for images, objects in SIZES:
        detections = crowded(images, objects)
        labels, predictions = as_cleanlab(detections)
        ours = best(lambda detections=detections: find_label_errors(detections))
        theirs = best(
            lambda labels=labels, predictions=predictions: rank.get_label_quality_scores(
                labels, predictions, verbose=False
            )
        )
        slices = best(lambda detections=detections: find_slices(detections))
        print(
            f"| {images:,} | {objects} | {ours * 1e3:,.0f} ms | {theirs * 1e3:,.0f} ms | {ours / theirs:.3f} "
            f"| {slices * 1e3:,.0f} ms |"
        )


def best(work: Callable[[], object], times: int = 3) -> float:
    seconds = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def crowded(images: int, objects: int) -> Detections:
    """Boxes at random, a model that finds nine in ten of them, and metadata of four fields."""
    random = np.random.default_rng(images + objects)
    annotations, results = [], []
    for image in range(images):
        for _ in range(objects):
            box = [*random.uniform(0, 900, 2), *random.uniform(20, 120, 2)]
            kind = int(random.integers(len(CLASSES)))
            annotations.append({"image_id": image, "category_id": kind, "bbox": box})
            if random.random() < 0.9:
                noisy = [float(side + random.normal(0, 3)) for side in box]
                score = float(random.beta(8, 2))
                results.append({"image_id": image, "category_id": kind, "bbox": noisy, "score": score})
    fields = [{name: int(random.integers(4)) for name in ("site", "hour", "camera", "weather")} for _ in range(images)]
    return Detections.from_coco(
        {
            "images": [{"id": n, "width": 1020, "height": 1020, **known} for n, known in enumerate(fields)],
            "categories": [{"id": n, "name": name} for n, name in enumerate(CLASSES)],
            "annotations": annotations,
        },
        results,
    )


# --- what is found -------------------------------------------------------------------------------------------------


def found(pedestrians: dict[str, Any]) -> None:
    print(f"\naverage precision of the list, faults in 5 % of 616 real labels, {SEEDS} seeds: mean (least)")
    print("| predictor | recall | noise | boxes of nothing an image | classes confused | the list | cleanlab alone |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, model in PREDICTORS.items():
        cases = [case(pedestrians, seed, model) for seed in range(SEEDS)]
        ours = [average_precision(find_label_errors(one.detections), one) for one in cases]
        theirs = [average_precision(cleanlabs_list(one), one) for one in cases[:10]]
        print(
            f"| {name} | {model.recall} | {model.noise} | {model.spurious} | {model.confusion} "
            f"| {np.mean(ours):.3f} ({min(ours):.3f}) | {np.mean(theirs):.3f} ({min(theirs):.3f}), 10 seeds |"
        )


def cleanlabs_list(one: Case) -> list[LabelError]:
    """ObjectLab's scores of boxes, all three kinds in one order."""
    labels, predictions = as_cleanlab(one.detections)
    inputs = rank._get_valid_inputs_for_compute_scores(0.9, labels, predictions)
    scores = {
        "missing box": rank.compute_overlooked_box_scores(auxiliary_inputs=inputs, high_probability_threshold=0.5),
        "wrong class": rank.compute_swap_box_scores(auxiliary_inputs=inputs, high_probability_threshold=0.5),
        "shifted box": rank.compute_badloc_box_scores(auxiliary_inputs=inputs),
    }
    annotations, given = places(one.detections.truth["annotations"]), by_class(one.detections)
    errors = []
    for fault, by_image in scores.items():
        for image, values in enumerate(by_image):
            for at, score in enumerate(values):
                if np.isfinite(score):
                    label = () if fault == "missing box" else (annotations[image][at],)
                    prediction = given[image][at] if fault == "missing box" else None
                    errors.append(LabelError(fault, 1 - float(score), image, label, prediction, "", None, None))  # type: ignore[arg-type]
    return sorted(errors, key=lambda error: -error.strength)


def as_cleanlab(detections: Detections) -> tuple[list[dict[str, Any]], list[NDArray[np.object_]]]:
    """Labels and predictions as `cleanlab.object_detection` takes them."""
    annotations, results = detections.truth["annotations"], detections.predictions
    labels = [
        {
            "bboxes": corners([annotations[at]["bbox"] for at in of_image]),
            "labels": np.array([annotations[at]["category_id"] - 1 for at in of_image], dtype=int),
        }
        for of_image in places(annotations, len(detections.images))
    ]
    predictions = []
    for of_image in places(results, len(detections.images)):
        one = np.empty(len(detections.classes), dtype=object)
        for kind in range(len(detections.classes)):
            chosen = [at for at in of_image if results[at]["category_id"] - 1 == kind]
            scores = np.array([results[at]["score"] for at in chosen]).reshape(-1, 1)
            one[kind] = np.hstack((corners([results[at]["bbox"] for at in chosen]), scores))
        predictions.append(one)
    return labels, predictions


def corners(boxes: list[list[float]]) -> NDArray[np.float64]:
    table = np.array(boxes, dtype=float).reshape(-1, 4)
    return np.hstack((table[:, :2], table[:, :2] + table[:, 2:]))


def places(items: Any, images: int = 469) -> list[list[int]]:
    """By image: positions of its items."""
    found: list[list[int]] = [[] for _ in range(images)]
    for at, item in enumerate(items):
        found[item["image_id"] - 1].append(at)
    return found


def by_class(detections: Detections) -> list[list[int]]:
    """By image: positions of its predictions, class by class, as cleanlab numbers them."""
    results = detections.predictions
    return [sorted(of_image, key=lambda at: results[at]["category_id"]) for of_image in places(results)]


if __name__ == "__main__":
    main()
