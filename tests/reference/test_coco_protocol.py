"""The protocol's twelve figures, side by side with pycocotools on random data sets."""

import contextlib
import io
import random
from typing import Any

import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from benchmark_qa.commands.predictions.detections import Detections
from benchmark_qa.commands.predictions.evaluation import SUMMARY, evaluate_predictions

SETS = 1_000


def random_set(seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Shuffled ids, few distinct confidences, crowds, and now and then more than a hundred objects on an image."""
    rng = random.Random(seed)
    ids = rng.sample(range(1_000), rng.randint(1, 12))
    truth: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image in ids:
        many = rng.random() < 0.02
        for _ in range(120 if many else rng.randint(0, 5)):
            box = [rng.randint(0, 500), rng.randint(0, 350), rng.randint(5, 120), rng.randint(5, 120)]
            kind = rng.randint(1, 3)
            crowd = int(rng.random() < 0.1)
            truth.append({"id": len(truth) + 1, "image_id": image, "category_id": kind, "bbox": box,
                          "area": box[2] * box[3], "iscrowd": crowd})  # fmt: skip
            if rng.random() < 0.7:
                moved = [box[0] + rng.randint(-8, 8), box[1] + rng.randint(-8, 8), box[2], box[3]]
                results.append({"image_id": image, "category_id": rng.choice([kind, kind, 1]), "bbox": moved,
                                "score": rng.randint(1, 9) / 10})  # fmt: skip
    rng.shuffle(results)
    images = [{"id": image, "width": 640, "height": 480} for image in ids]
    rng.shuffle(images)
    categories = [{"id": number, "name": name} for number, name in enumerate("abc", start=1)]
    return {"images": images, "categories": categories, "annotations": truth}, results


def reference(truth: dict[str, Any], results: list[dict[str, Any]]) -> dict[str, float | None]:
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = {**truth, "annotations": [dict(item) for item in truth["annotations"]]}
        known.createIndex()
        evaluation = COCOeval(known, known.loadRes([dict(item) for item in results]), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {name: None if value < 0 else float(value) for name, value in zip(SUMMARY, evaluation.stats, strict=True)}


@pytest.mark.slow
def test_a_thousand_random_sets_have_the_figures_of_pycocotools() -> None:
    compared = 0
    for seed in range(SETS):
        truth, results = random_set(seed)
        if not results or not truth["annotations"]:
            continue
        found = evaluate_predictions(Detections.from_coco(truth, results)).summary
        for name, value in reference(truth, results).items():
            assert found[name] == (None if value is None else pytest.approx(value, abs=1e-12)), (seed, name)
        compared += 1
    assert compared > SETS * 0.8
