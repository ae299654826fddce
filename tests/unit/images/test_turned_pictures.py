"""Pictures are compared as they are shown: EXIF turns and mirrors what is stored."""

import io

import pytest
from PIL import Image
from PIL.Image import Transpose

from benchmark_qa.images.statistics import image_statistics

_ORIENTATION = 0x0112
STORED = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_90,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}
"""How a picture lies in the file that EXIF's orientation turns back"""


def picture() -> Image.Image:
    """Bright in the left upper corner, so that each of the eight ways to turn it looks different."""
    tilted = Image.linear_gradient("L").resize((96, 64)).rotate(30, expand=False)
    tilted.paste(255, (0, 0, 30, 12))
    return tilted


def fingerprint(stored: Image.Image, orientation: int) -> int | None:
    exif, written = Image.Exif(), io.BytesIO()
    exif[_ORIENTATION] = orientation
    stored.save(written, "PNG", exif=exif)
    return image_statistics(written.getvalue()).fingerprint


@pytest.mark.parametrize("orientation", STORED)
def test_a_picture_that_exif_turns_back_has_the_fingerprint_of_the_upright_one(orientation: int) -> None:
    stored = picture().transpose(STORED[orientation])
    assert fingerprint(stored, orientation) == fingerprint(picture(), 1)
    assert fingerprint(stored, 1) != fingerprint(picture(), 1)
