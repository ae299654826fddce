"""Real labels with planted faults, and a simulated predictor: what the tests of finding stand on.

The labels are the experts' boxes of 469 real images, in two classes made from them: `tall` from the median height on,
`short` below. Faults are planted in 5 % of the objects, a quarter of each kind: the box is taken away; it is moved by a
quarter to a half of its width and of its height; its class is the other one; it stands there a second time, moved and
stretched by 3 % (standard deviation of a normal).

The predictor is made from the labels before the faults, so it is blind to them. It finds each object with probability
`recall`, off by a normal `noise` times the sides in the centre and in the logarithm of the sides, and gives it the
wrong class with probability `confusion`. Confidences are drawn from Beta(8, 2) where it is right, Beta(4, 4) where the
class is wrong, Beta(2, 4) for boxes of nothing: Poisson(`spurious`) of them in an image, of the sizes of real ones.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.findings.label_errors import LabelError
from benchmark_qa.commands.predictions.detections import Detections
from benchmark_qa.engine.pairs import box_iou
from tests.unit.rows import box_row

Kind = Literal["missing box", "shifted box", "wrong class", "duplicate"]
KINDS: tuple[Kind, ...] = ("missing box", "shifted box", "wrong class", "duplicate")
CLASSES = ("short", "tall")
WIDTH, HEIGHT = 1280, 720


@dataclass(frozen=True)
class Predictor:
    """How good the simulated model is."""

    recall: float = 0.95
    noise: float = 0.04
    spurious: float = 0.2
    confusion: float = 0.02


GOOD, WEAK = Predictor(), Predictor(recall=0.9, noise=0.05, spurious=0.3, confusion=0.03)


@dataclass(frozen=True, eq=False)
class Planted:
    """One fault."""

    kind: Kind
    image: int
    box: NDArray[np.float64]
    """Where the object really is"""
    annotations: tuple[int, ...]
    """Places in the annotations that are wrong: none, one, or the two that stand on one object"""


@dataclass(frozen=True)
class Case:
    """Faulty labels and a model's predictions."""

    detections: Detections
    faults: tuple[Planted, ...]


Objects = list[tuple[int, int, NDArray[np.float64]]]
"""Image, class, box"""


def case(pedestrians: dict[str, Any], seed: int, predictor: Predictor = GOOD, share: float = 0.05) -> Case:
    """One data set of labels with faults, and predictions of the model that is blind to them."""
    random = np.random.default_rng(seed)
    objects = real_objects(pedestrians)
    images = len(pedestrians["images"])
    predictions = predict(objects, images, random, predictor)
    labels, faults = plant(objects, random, share)
    truth = {
        "images": [
            {"id": n, "width": WIDTH, "height": HEIGHT, "data_hash": f"unit{n:04d}", "file_name": f"{n:04d}.jpg"}
            | {"label_hash": f"label{n:04d}"}
            for n in range(images)
        ],
        "categories": [{"id": n, "name": name} for n, name in enumerate(CLASSES)],
        "annotations": [
            {"image_id": image, "category_id": kind, "bbox": box.tolist(), "object_hash": f"object{at:05d}"}
            for at, (image, kind, box) in enumerate(labels)
        ],
    }
    return Case(Detections.from_coco(truth, predictions), tuple(faults))


def real_objects(pedestrians: dict[str, Any]) -> Objects:
    boxes = [np.array(box, dtype=float) for image in pedestrians["images"] for box in image["ground_truth"]]
    middle = np.median([box[3] for box in boxes])
    return [
        (number, int(box[3] >= middle), np.array(box, dtype=float))
        for number, image in enumerate(pedestrians["images"])
        for box in image["ground_truth"]
    ]


def predict(objects: Objects, images: int, random: np.random.Generator, model: Predictor) -> list[dict[str, Any]]:
    results = []
    for image, kind, box in objects:
        if random.random() >= model.recall:
            continue
        centre = box[:2] + box[2:] / 2 + random.normal(0, model.noise, 2) * box[2:]
        sides = box[2:] * np.exp(random.normal(0, model.noise, 2))
        wrong = random.random() < model.confusion
        score = random.beta(4, 4) if wrong else random.beta(8, 2)
        results.append(_result(image, 1 - kind if wrong else kind, [*(centre - sides / 2), *sides], score))
    for image in range(images):
        for _ in range(random.poisson(model.spurious)):
            sides = objects[random.integers(len(objects))][2][2:]
            corner = random.uniform(0, [WIDTH - sides[0], HEIGHT - sides[1]])
            results.append(_result(image, int(random.integers(2)), [*corner, *sides], random.beta(2, 4)))
    return results


def plant(objects: Objects, random: np.random.Generator, share: float) -> tuple[Objects, list[Planted]]:
    chosen = random.choice(len(objects), round(share * len(objects)), replace=False)
    kinds = {int(at): KINDS[number % len(KINDS)] for number, at in enumerate(chosen)}
    labels: Objects = []
    faults = []
    for at, (image, kind, box) in enumerate(objects):
        fault = kinds.get(at)
        if fault == "missing box":
            faults.append(Planted(fault, image, box, ()))
            continue
        labels.append((image, kind, box))
        if fault == "shifted box":
            step = random.choice([-1, 1], 2) * random.uniform(0.25, 0.5, 2)
            labels[-1] = (image, kind, np.concatenate((box[:2] + step * box[2:], box[2:])))
        elif fault == "wrong class":
            labels[-1] = (image, 1 - kind, box)
        elif fault == "duplicate":
            off = random.normal(0, 0.03, 4)
            labels.append((image, kind, np.concatenate((box[:2] + off[:2] * box[2:], box[2:] * (1 + off[2:])))))
        if fault is not None:
            places = (len(labels) - 2, len(labels) - 1) if fault == "duplicate" else (len(labels) - 1,)
            faults.append(Planted(fault, image, box, places))
    return labels, faults


def average_precision(errors: list[LabelError], case: Case) -> float:
    """Of the list's order: mean over all faults of the precision where each is found, 0 where it is not.

    A fault is found by an error of its kind at its labels; a missing box by one that overlaps it by half or more.
    """
    left = list(case.faults)
    found = 0
    total = 0.0
    for place, error in enumerate(errors, start=1):
        hit = next((fault for fault in left if _hits(error, fault, case)), None)
        if hit is not None:
            left.remove(hit)
            found += 1
            total += found / place
    return total / len(case.faults)


def _hits(error: LabelError, fault: Planted, case: Case) -> bool:
    if error.fault != fault.kind or error.image != fault.image:
        return False
    if fault.kind != "missing box":
        return error.annotations == fault.annotations
    assert error.prediction is not None
    predicted = np.array([case.detections.predictions[error.prediction]["bbox"]])
    return bool(box_iou(fault.box[np.newaxis], predicted)[0] >= 0.5)


def _result(image: int, kind: int, box: list[float], score: float) -> dict[str, Any]:
    return {"image_id": image, "category_id": kind, "bbox": [float(side) for side in box], "score": float(score)}


def case_of(labels: dict[str, Any], images: int) -> Case:
    """The case of the first images."""
    return case({**labels, "images": labels["images"][:images]}, seed=2)


def exported_rows(planted: Case, images: int, path: Path) -> Path:
    """A file of label rows as Encord exports them."""
    rows = []
    for image in range(images):
        items = [item for item in planted.detections.truth["annotations"] if item["image_id"] == image + 1]
        row = box_row(f"unit{image:04d}", [item["bbox"] for item in items])
        row["data_title"] = f"{image:04d}.png"
        for drawn, item in zip(row["data_units"][f"unit{image:04d}"]["labels"]["objects"], items, strict=True):
            name = CLASSES[item["category_id"] - 1]
            drawn |= {"featureHash": f"Feature-{name}", "name": name, "objectHash": item["object_hash"]}
        rows.append(row)
    path.write_text(json.dumps(rows))
    return path
