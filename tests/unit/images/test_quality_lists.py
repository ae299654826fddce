"""Measures of one picture, and the lists that their cuts give."""

import io
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from benchmark_qa.images.quality_lists import THUMBNAIL, Cuts, Measures, examine, quality_lists
from benchmark_qa.images.statistics import UnreadableImageError


def scene(size: tuple[int, int] = (640, 400)) -> Image.Image:
    """Fine and coarse structure, as of a street."""
    random = np.random.default_rng(1)
    coarse = Image.fromarray(random.integers(20, 230, (8, 12, 3), dtype=np.uint8)).resize(
        size, Image.Resampling.BICUBIC
    )
    fine = Image.fromarray(random.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))
    return Image.blend(coarse, fine, 0.15)


def written(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def lists_of(pictures: list[Image.Image], names: list[str] | None = None) -> dict[str, list[int]]:
    measures = [examine(written(picture, quality=92)).measures for picture in pictures]
    found = quality_lists(measures, names or ["x.jpg"] * len(pictures))
    return {one.name: one.indices for one in found if one.members}


def test_a_good_picture_is_on_no_list() -> None:
    assert lists_of([scene()]) == {}


@pytest.mark.parametrize(
    ("fault", "made"),
    [
        ("blurred", lambda p: p.filter(ImageFilter.GaussianBlur(6))),
        ("overexposed", lambda p: ImageEnhance.Brightness(p).enhance(3)),
        ("dark", lambda p: ImageEnhance.Brightness(p).enhance(0.08)),
        ("flat", lambda p: ImageEnhance.Contrast(p).enhance(0.02)),
        ("odd-shape", lambda p: p.crop((0, 0, 640, 120))),
    ],
)
def test_each_fault_is_on_its_list(fault: str, made: Any) -> None:
    assert lists_of([scene(), made(scene())])[fault] == [1]


def test_a_dark_picture_with_lights_is_not_dark() -> None:
    """A star field: mean level under the cut, and stars."""
    sky = np.zeros((300, 400, 3), dtype=np.uint8)
    sky[::12, ::12] = 255
    measures = examine(written(Image.fromarray(sky), "PNG")).measures
    assert measures.brightness < Cuts().dark
    dark = next(one for one in quality_lists([measures], ["sky.png"]) if one.name == "dark")
    assert dark.members == ()


def test_one_size_apart_is_odd_and_one_pixel_more_is_not() -> None:
    measures = [examine(written(scene(size), "PNG")).measures for size in ((640, 400),) * 5 + ((641, 400), (60, 40))]
    odd = next(one for one in quality_lists(measures, ["x.png"] * 7) if one.name == "odd-size")
    assert odd.indices == [6]


def test_a_name_of_another_format_is_on_the_list() -> None:
    picture = scene((80, 60))
    measures = [examine(written(picture, kind)).measures for kind in ("PNG", "JPEG", "PNG", "JPEG")]
    misnamed = next(
        one for one in quality_lists(measures, ["a.jpg", "b.JPEG", "no ending", "c.png"]) if one.name == "misnamed"
    )
    assert misnamed.indices == [0, 3]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_is_measured_as_it_is_shown(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = written(scene((320, 200)), exif=exif)
    found = examine(content)
    with Image.open(io.BytesIO(content)) as picture:
        shown = ImageOps.exif_transpose(picture)
    assert (found.measures.width, found.measures.height) == shown.size
    assert found.measures.turned == (orientation > 1)
    difference = np.abs(np.asarray(found.small, dtype=int) - np.asarray(shown.resize(found.small.size), dtype=int))
    assert difference.mean() < 6


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"no picture", "no picture in a known format"),
        (written(scene())[:8000], "truncated"),
        (written(scene((64, 64)), "PNG")[:900], "truncated"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 40, "."),
        (b"GIF89a" + b"\xff" * 20, "."),
    ],
)
def test_what_cannot_be_read_is_named_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImageError, match=reason):
        examine(content)


def test_too_many_pixels_are_refused_before_decoding() -> None:
    bomb = bytearray(written(Image.new("L", (10, 10)), "PNG"))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2  # 3,600 million pixels, in 70 bytes
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    with pytest.raises(UnreadableImageError, match="pixels"):
        examine(bytes(bomb))
    with pytest.raises(UnreadableImageError, match="400 x 300 pixels are more than 100,000"):
        examine(written(scene((400, 300))), most_pixels=100_000)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "I;16", "I", "F", "CMYK", "YCbCr"])
def test_every_mode_gives_rgb_and_figures(mode: str) -> None:
    kind = "TIFF" if mode in {"I", "F", "CMYK", "YCbCr"} else "PNG"
    plain = Image.new("RGB", (70, 50), (10, 200, 30))
    picture = plain.convert("L").convert(mode) if mode in {"I", "I;16", "F"} else plain.convert(mode)
    found = examine(written(picture, kind))
    assert found.small.mode == "RGB"
    assert found.fingerprint is None  # without structure


def test_a_thumbnail_is_small_and_readable() -> None:
    with Image.open(io.BytesIO(examine(written(scene())).thumbnail())) as picture:
        assert max(picture.size) == THUMBNAIL


def test_cuts_move_the_lists() -> None:
    one = Measures(100, 100, 120.0, 40.0, sharpness=2.5, bright=0.0, light=250.0, turned=False, kind="JPEG")
    assert [found.name for found in quality_lists([one], ["a.jpg"]) if found.members] == []
    found = quality_lists([one], ["a.jpg"], Cuts(blurred=3))
    assert [each.name for each in found if each.members] == ["blurred"]
    assert sum(found[0].histogram[0]) == 1
