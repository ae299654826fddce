"""What the loop's demo counts with."""

from math import sqrt
from typing import Any

import pytest

from demo.crowd import Crowd
from demo.labels import LabelledImage
from demo.loop_figures import Gain, between_people
from demo.loop_model import RECALL, predictions
from demo.matching import intersection_over_union


def report(*tasks: tuple[str, str, int, int, int]) -> dict[str, Any]:
    names = ("data_hash", "annotator", "true_positives", "false_positives", "false_negatives")
    return {"tasks": [dict(zip(names, task, strict=True)) for task in tasks]}


def test_people_count_as_often_as_they_have_worked() -> None:
    tasks = report(("a", "ann", 1, 0, 0), ("a", "ben", 0, 1, 1), ("b", "ann", 1, 0, 0), ("b", "ben", 0, 1, 1))
    gain = between_people(tasks, ["a", "b"], {"ben": 3, "ann": 1}, {"ann": 5})
    assert (gain.before, gain.after) == (pytest.approx(2 / (2 + 6)), 1.0)
    assert (gain.low, gain.high) == pytest.approx((0.75, 0.75)), "both images say the same"


def test_images_that_were_not_asked_for_do_not_count() -> None:
    tasks = report(("a", "ann", 1, 0, 0), ("b", "ann", 1, 0, 1), ("chosen by", "ann", 0, 9, 9))
    assert between_people(tasks, ["a", "b"], {"ann": 1}, {"ann": 1}).after == pytest.approx(4 / 5)


def test_the_interval_of_two_means_is_the_textbooks() -> None:
    """With one object an image, F1 is 2 tp / (tp + 1), and without spurious boxes a mean of nought and one."""
    hits = [1, 0, 1, 1, 0, 1, 1, 1, 0, 1]
    tasks = [(str(n), "ann", hit, 1 - hit, 1 - hit) for n, hit in enumerate(hits)]
    tasks += [(str(n), "ben", 1, 0, 0) for n in range(len(hits))]
    gain = between_people(report(*tasks), [str(n) for n in range(len(hits))], {"ann": 1}, {"ben": 1})
    mean = sum(hits) / len(hits)
    error = sqrt(sum((hit - mean) ** 2 for hit in hits) / (len(hits) - 1) / len(hits))
    assert gain.gain == pytest.approx(1 - mean)
    assert gain.high - gain.low == pytest.approx(2 * 1.959964 * error, rel=1e-6)


def test_the_excess_over_a_control_has_both_uncertainties() -> None:
    excess = Gain(10, 0.5, 0.8, 0.3 - 0.03, 0.3 + 0.03).above(Gain(10, 0.5, 0.6, 0.1 - 0.04, 0.1 + 0.04))
    assert excess == pytest.approx((0.2, 0.15, 0.25))


def test_the_simulated_model_sees_what_it_says_and_always_the_same() -> None:
    images: dict[int, LabelledImage] = dict(enumerate(Crowd.measured().label_images(400)))
    seen = predictions(images, 1)
    assert seen == predictions(images, 1)
    truths = [(n, box) for n, image in images.items() for box in image.truth if not isinstance(image.truth, bool)]
    by_image: dict[int, list[Any]] = {}
    for one in seen:
        by_image.setdefault(one["image_id"], []).append(one)
    found = sum(
        any(intersection_over_union(box, tuple(one["bbox"])) >= 0.5 for one in by_image.get(n, [])) for n, box in truths
    )
    assert found / len(truths) == pytest.approx(RECALL, abs=0.05)
    assert all(0 < one["score"] < 1 for one in seen)
    for one in seen:
        left, top, wide, tall = one["bbox"]
        image = images[one["image_id"]]
        assert -0.01 <= left <= left + wide <= image.width + 0.02
        assert -0.01 <= top <= top + tall <= image.height + 0.02
