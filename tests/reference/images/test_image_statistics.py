"""Figures of large pictures, and fingerprints of many."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFilter

from benchmark_qa.images.picture_groups import near_duplicate_groups
from benchmark_qa.images.statistics import LONGEST_SIDE, image_statistics, laplacian
from tests.unit.images.test_image_statistics import encoded, grey, scene


def test_sharpness_does_not_hang_on_the_number_of_pixels_of_large_pictures() -> None:
    large = scene(4).resize((2400, 1800), Image.Resampling.BICUBIC)
    again = large.resize((LONGEST_SIDE, LONGEST_SIDE * 3 // 4), Image.Resampling.BOX)
    assert image_statistics(encoded(large)).sharpness == pytest.approx(image_statistics(encoded(again)).sharpness, 0.05)


def test_near_duplicates_share_a_fingerprint_nearly_and_other_pictures_do_not() -> None:
    picture = scene(7)
    alike = [
        encoded(picture),
        encoded(picture, "JPEG", quality=40),
        encoded(picture.resize((200, 150))),
        encoded(picture.point(lambda value: min(value * 1.15, 255))),
        encoded(picture.filter(ImageFilter.GaussianBlur(1))),
    ]
    others = [encoded(scene(seed)) for seed in range(20, 60)]
    prints = np.array([image_statistics(each).fingerprint for each in (*alike, *others)], dtype=np.uint64)
    assert [group.tolist() for group in near_duplicate_groups(prints, 4)] == [[0, 1, 2, 3, 4]]


def test_the_laplacian_is_opencvs() -> None:
    picture = grey(scene(2))
    theirs = cv2.Laplacian(picture, cv2.CV_64F, ksize=1)[1:-1, 1:-1]
    assert laplacian(picture) == pytest.approx(-theirs / 4, abs=1e-12)
    assert image_statistics(encoded(scene(2))).sharpness == pytest.approx(theirs.std() / 4)
