"""The pictures of Pillow's source distribution: each is read with the size that Pillow gives, or refused.

They are not in Pillow's wheel. Name their folder (`Tests/images` of the unpacked sdist) in PILLOW_IMAGES.
"""

import os
import warnings
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from emulator.media.facts import UnreadableMediaError
from emulator.media.probe import probe

IMAGES = Path(os.environ.get("PILLOW_IMAGES", "/nowhere"))
TAKEN = {"PNG", "JPEG", "MPO", "GIF", "BMP", "WEBP", "TIFF", "AVIF"}


def told_by_pillow(path: Path) -> tuple[str, tuple[int, int]] | None:
    """Format and size; None where Pillow itself refuses."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            return str(image.format), image.size
    except Exception:  # Some of them are broken on purpose, in every way there is.
        return None


def told_by_us(path: Path) -> tuple[int | None, int | None] | None:
    try:
        facts = probe("image", path.name, path.read_bytes())
    except UnreadableMediaError:
        return None
    return facts.width, facts.height


@pytest.mark.skipif(not IMAGES.is_dir(), reason="PILLOW_IMAGES does not name the pictures of Pillow's sdist")
def test_every_picture_of_pillows_is_read_or_refused() -> None:
    counts: Counter[str] = Counter()
    wrong = {}
    for path in sorted(path for path in IMAGES.rglob("*") if path.is_file()):
        theirs, ours = told_by_pillow(path), told_by_us(path)
        expected = theirs[1] if theirs is not None and theirs[0] in TAKEN else None
        counts["read" if ours else "refused"] += 1
        if ours != expected:
            wrong[path.name] = (theirs, ours)
    assert wrong == {}
    # Of Pillow 13.0.0: 704 read, 356 refused.
    assert counts["read"] > 600
    assert counts["refused"] > 300
