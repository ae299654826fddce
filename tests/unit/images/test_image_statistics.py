"""Brightness, sharpness and fingerprints of pictures that were really encoded, against OpenCV."""

import io
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from benchmark_qa.images.picture_groups import near_duplicate_groups
from benchmark_qa.images.statistics import LONGEST_SIDE, UnreadableImageError, image_statistics, laplacian


def scene(seed: int, size: tuple[int, int] = (400, 300)) -> Image.Image:
    """A picture with large shapes and fine detail."""
    random = np.random.default_rng(seed)
    coarse = random.integers(40, 200, size=(6, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    noise = random.normal(0, 12, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def grey(picture: Image.Image) -> NDArray[np.float64]:
    return np.asarray(picture.convert("L"), dtype=np.float64) / 255


def test_black_is_0_white_is_1_and_brightness_is_the_mean_between() -> None:
    for value, brightness in ((0, 0.0), (255, 1.0), (51, 0.2)):
        statistics = image_statistics(encoded(Image.new("RGB", (60, 40), (value,) * 3)))
        assert statistics.brightness == pytest.approx(brightness)
        assert statistics.sharpness == 0
    assert image_statistics(encoded(scene(1))).brightness == pytest.approx(grey(scene(1)).mean())


def test_the_laplacian_is_opencvs() -> None:
    picture = grey(scene(2))
    theirs = cv2.Laplacian(picture, cv2.CV_64F, ksize=1)[1:-1, 1:-1]
    assert laplacian(picture) == pytest.approx(-theirs / 4, abs=1e-12)
    assert image_statistics(encoded(scene(2))).sharpness == pytest.approx(theirs.std() / 4)


def test_a_blurred_picture_is_less_sharp_and_the_more_so_the_more_it_is_blurred() -> None:
    picture = scene(3)
    blurred = [picture.filter(ImageFilter.GaussianBlur(radius)) for radius in (1, 2, 4)]
    sharpness = [image_statistics(encoded(each)).sharpness for each in (picture, *blurred)]
    assert sharpness == sorted(sharpness, reverse=True)
    assert sharpness[0] > 5 * sharpness[-1]


def test_sharpness_does_not_hang_on_the_number_of_pixels_of_large_pictures() -> None:
    large = scene(4).resize((2400, 1800), Image.Resampling.BICUBIC)
    again = large.resize((LONGEST_SIDE, LONGEST_SIDE * 3 // 4), Image.Resampling.BOX)
    assert image_statistics(encoded(large)).sharpness == pytest.approx(image_statistics(encoded(again)).sharpness, 0.05)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_usual_formats_are_read(kind: str, mode: str) -> None:
    statistics = image_statistics(encoded(scene(5).convert(mode), kind))
    assert statistics.brightness == pytest.approx(grey(scene(5)).mean(), abs=0.01)


def test_transparent_and_16_bit_pictures_are_read() -> None:
    assert 0 < image_statistics(encoded(scene(6).convert("RGBA"))).brightness < 1
    deep = Image.fromarray(np.full((20, 30), 40000, dtype=np.uint16))
    assert image_statistics(encoded(deep)).brightness == pytest.approx(40000 / 65535, abs=0.01)


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


@pytest.mark.parametrize(
    "content", [b"", b"no picture at all", encoded(scene(8))[:200], encoded(scene(8), "JPEG")[:90]]
)
def test_what_is_no_picture_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(UnreadableImageError, match="no readable image"):
        image_statistics(content)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (255, 0, 0)])
def test_a_picture_of_one_colour_has_no_fingerprint(colour: tuple[int, int, int]) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(stream, "JPEG")
    assert image_statistics(stream.getvalue()).fingerprint is None
