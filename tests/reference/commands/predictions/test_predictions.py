"""Detection metrics beside pycocotools: random, sparse and real data."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.commands.predictions.test_predictions import (
    Results,
    Truth,
    assert_follows_the_protocol,
    dataset,
    result,
)


def pedestrian_results(pedestrians: dict[str, Any]) -> tuple[Truth, Results]:
    """The expert's boxes as truth, every annotator's boxes as predictions; the confidence is invented."""
    random = np.random.default_rng(11)
    images, annotations, results = [], [], []
    for image in pedestrians["images"]:
        images.append({"id": image["id"], "width": image["width"], "height": image["height"]})
        for box in image["ground_truth"]:
            area = box[2] * box[3]
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image["id"], "category_id": 1, "bbox": box}
                | {"area": area, "iscrowd": 0}
            )
        for boxes in image["annotations"].values():
            results += [result(image["id"], 1, box, random) for box in boxes]
    return {"images": images, "categories": [{"id": 1, "name": "pedestrian"}], "annotations": annotations}, results


@pytest.mark.parametrize("seed", range(12))
def test_boxes_score_as_in_cocoeval(seed: int) -> None:
    ours = assert_follows_the_protocol(*dataset(seed))
    assert None not in [ours.summary[f"AP_{size}"] for size in ("small", "medium", "large")]
    assert ours.crowd_regions > 0


@pytest.mark.parametrize("seed", range(4))
def test_masks_score_as_in_cocoeval(seed: int) -> None:
    assert_follows_the_protocol(*dataset(seed, images=8, masks=True), region="segm")


def test_boxes_about_masks_score_as_in_cocoeval() -> None:
    assert_follows_the_protocol(*dataset(3, images=8, masks=True), region="bbox")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 6))
def test_any_small_data_set_scores_as_in_cocoeval(seed: int, images: int) -> None:
    truth, results = dataset(seed, images=images)
    if results:
        assert_follows_the_protocol(truth, results)


def test_real_crowd_annotators_as_a_model_score_as_in_cocoeval(pedestrians: dict[str, Any]) -> None:
    truth, results = pedestrian_results(pedestrians)
    assert len(truth["annotations"]) > 500
    assert len(results) > 3000
    assert_follows_the_protocol(truth, results)
