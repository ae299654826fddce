"""Pictures of phones are uploaded as JPEG; every other file as it is."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pillow_heif import register_heif_opener

from benchmark_qa.commands.register.kinds import UnreadablePicture, jpeg_instead
from benchmark_qa.images.statistics import image_statistics


def test_a_heic_picture_becomes_a_jpeg_of_the_same_size_and_looks_the_same(tmp_path: Path) -> None:
    register_heif_opener()
    picture = Image.linear_gradient("L").resize((48, 32)).convert("RGB")
    picture.save(tmp_path / "a.heic", "HEIF", quality=95)
    jpeg = jpeg_instead(tmp_path / "a.heic")
    assert jpeg is not None
    with Image.open(io.BytesIO(jpeg)) as read:
        assert (read.format, read.size) == ("JPEG", (48, 32))
        after, before = (np.asarray(each.convert("L"), dtype=int) for each in (read, picture))
        assert np.abs(after - before).max() < 12
    assert image_statistics((tmp_path / "a.heic").read_bytes()).brightness == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "AVIF"])
def test_other_pictures_stay_as_they_are(tmp_path: Path, form: str) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.heic", form)
    assert jpeg_instead(tmp_path / "a.heic") is None


def test_a_broken_one_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic and nothing more")
    with pytest.raises(UnreadablePicture, match="HEIC that cannot be read"):
        jpeg_instead(tmp_path / "a.heic")
