"""Geometry beside fine polygons, random points and other libraries, where it takes long."""

from typing import Any

import numpy as np
import pytest
import shapely
from pycocotools import mask as coco_mask

from benchmark_qa.engine.pairs import box_iou
from tests.unit.engine.test_reference_geometry import HEIGHT, WIDTH, as_cuboid, similarities


def test_real_pedestrian_boxes_agree_with_pycocotools_to_1e_9(pedestrians: dict[str, Any]) -> None:
    for image in pedestrians["images"]:
        truth = np.array(image["ground_truth"]).reshape(-1, 4)
        for boxes in image["annotations"].values():
            label = np.array(boxes, float).reshape(-1, 4)
            if not len(truth) or not len(label):
                continue
            rows, columns = np.divmod(np.arange(len(truth) * len(label)), len(label))
            reference = coco_mask.iou(truth, label, np.zeros(len(label), np.uint8)).ravel()
            assert box_iou(truth[rows], label[columns]) == pytest.approx(reference, abs=1e-9)


def test_circles_agree_with_fine_polygons_and_ellipses_with_the_circle_formula() -> None:
    random = np.random.default_rng(11)
    circles = [
        {"x": x, "y": y, "r": r}
        for x, y, r in zip(*random.uniform((0.3, 0.4, 0.05), (0.7, 0.6, 0.2), (20, 3)).T.tolist(), strict=True)
    ]
    fine = [shapely.Point(c["x"] * WIDTH, c["y"] * HEIGHT).buffer(c["r"] * WIDTH, quad_segs=4000) for c in circles]
    reference = np.array([[a.intersection(b).area / a.union(b).area for b in fine] for a in fine])
    got = similarities("circle", [{"circle": c} for c in circles], [{"circle": c} for c in circles])
    assert got == pytest.approx(reference, abs=1e-6)
    ellipses = [
        {"ellipse": {"x": c["x"], "y": c["y"], "rx": c["r"], "ry": c["r"] * WIDTH / HEIGHT, "theta": 17.0}}
        for c in circles
    ]
    assert similarities("ellipse", ellipses, ellipses) == pytest.approx(reference, abs=2e-4)


def inside(box: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which points lie in a box, by scipy's rotations: an independent reading of the Euler angles."""
    from scipy.spatial.transform import Rotation

    local = Rotation.from_euler("XYZ", box[3:6]).inv().apply(points - box[:3])
    return (np.abs(local) <= box[6:] / 2).all(axis=1)


def test_boxes_in_space_agree_with_counting_random_points() -> None:
    random = np.random.default_rng(12)
    points = random.uniform(-3, 3, (400_000, 3))
    for _ in range(12):
        first = np.concatenate((random.uniform(-0.3, 0.3, 3), random.uniform(-3, 3, 3), random.uniform(1, 3, 3)))
        second = np.concatenate((random.uniform(-0.3, 0.3, 3), random.uniform(-3, 3, 3), random.uniform(1, 3, 3)))
        one, other = inside(first, points), inside(second, points)
        union = (one | other).sum()
        counted = (one & other).sum() / union
        deviation = np.sqrt(counted * (1 - counted) / union)
        iou = similarities("cuboid", [as_cuboid(first)], [as_cuboid(second)])[0, 0]
        assert iou == pytest.approx(counted, abs=5 * deviation)
