"""What a picture looks like in a few numbers: how bright, how sharp, and a fingerprint that near-duplicates share."""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST_SIDE = 512
"""Pixels: larger pictures are made smaller first, so that sharpness is comparable and cameras' noise is not detail"""
HASH_SIDE = 8
FLAT = 4
"""Levels of 255 by which places of a picture without structure differ at most: noise and compression"""


class UnreadableImageError(ValueError):
    """The bytes are no image that can be read."""


@dataclass(frozen=True, slots=True)
class ImageStatistics:
    """Of one picture."""

    brightness: float
    """Mean luminance (ITU-R BT.601), 0 black to 1 white"""
    sharpness: float
    """Standard deviation of the Laplacian of the luminance, 0 to 1; blurred pictures have little"""
    fingerprint: int | None
    """64 bits, of which near-duplicates share nearly all (`difference_hash`). None: a picture without structure"""


def image_statistics(content: bytes) -> ImageStatistics:
    """Read one picture of a usual format (JPEG, PNG, TIFF, WebP, ...).

    Raises:
        UnreadableImageError
        ModuleNotFoundError: Pillow, of the extra `curation`, is not installed.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415 - an extra

    _take_heic()
    try:
        with Image.open(io.BytesIO(content)) as picture:
            picture.draft("L", (LONGEST_SIDE, LONGEST_SIDE))  # lets JPEG skip what would be thrown away
            grey = _grey(ImageOps.exif_transpose(picture))  # as it is shown
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadableImageError(f"no readable image ({type(error).__name__})") from None
    luminance = _small(grey)
    return ImageStatistics(
        brightness=float(luminance.mean()),
        sharpness=float(laplacian(luminance).std()),
        fingerprint=difference_hash(grey),
    )


def laplacian(luminance: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much each inner pixel differs from its four neighbours' mean; (h, w) to (h - 2, w - 2), -1 to 1.

    >>> laplacian(np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    array([[1.]])
    """
    if min(luminance.shape) < 3:
        return np.zeros((1, 1))
    inner = luminance[1:-1, 1:-1]
    around = luminance[:-2, 1:-1] + luminance[2:, 1:-1] + luminance[1:-1, :-2] + luminance[1:-1, 2:]
    difference: NDArray[np.float64] = inner - around / 4
    return difference


def difference_hash(grey: "Image") -> int | None:
    """dHash (N. Krawetz 2013): 8 x 8 bits, each whether a place is brighter than its neighbour to the left.

    None where all places are about as bright: the bits would be noise, and black frames copies of each other.
    """
    from PIL.Image import Resampling  # noqa: PLC0415 - an extra

    cells = np.asarray(grey.resize((HASH_SIDE + 1, HASH_SIDE), Resampling.BOX), dtype=np.int16)
    if int(np.ptp(cells)) <= FLAT:
        return None
    bits = (cells[:, 1:] > cells[:, :-1]).ravel()
    return int(np.packbits(bits).view(">u8")[0])


def _grey(picture: "Image") -> "Image":
    """Luminance of 8 bits; Pillow alone would cut 16 bits off at 255."""
    from PIL import Image  # noqa: PLC0415 - an extra

    if picture.mode.startswith("I"):
        return Image.fromarray((np.clip(np.asarray(picture), 0, 65535) // 257).astype(np.uint8))
    return picture.convert("L")


def _small(grey: "Image") -> NDArray[np.float64]:
    from PIL.Image import Resampling  # noqa: PLC0415 - an extra

    scale = LONGEST_SIDE / max(grey.size)
    if scale < 1:
        width, height = (max(round(side * scale), 1) for side in grey.size)
        grey = grey.resize((width, height), Resampling.BOX)
    return np.asarray(grey, dtype=np.float64) / 255.0


def _take_heic() -> None:
    """Lets Pillow open pictures of phones where pillow-heif, of the same extra, is installed."""
    try:
        from pillow_heif import register_heif_opener  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        return
    register_heif_opener()
