"""Statistics of a picture: brightness, sharpness, and a fingerprint that near-duplicates share."""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST_SIDE = 512
"""Pixels; larger pictures are scaled down, so that sharpness is comparable and excludes camera noise."""
HASH_SIDE = 8
FLAT = 4
"""Levels (of 255); a picture whose places differ by no more has only noise and compression artefacts."""


class UnreadableImageError(ValueError):
    """The bytes are not a readable image."""


@dataclass(frozen=True, slots=True)
class ImageStatistics:
    """Statistics of one picture."""

    brightness: float
    """Mean luminance (ITU-R BT.601), 0 (black) to 1 (white)."""
    sharpness: float
    """Standard deviation of the luminance's Laplacian, 0 to 1; low for blurred pictures."""
    fingerprint: int | None
    """64 bits; near-duplicates share nearly all (`difference_hash`). None for a picture without structure."""


def image_statistics(content: bytes) -> ImageStatistics:
    """Statistics of one picture in a common format (JPEG, PNG, TIFF, WebP, ...).

    Raises:
        UnreadableImageError
        ModuleNotFoundError: Pillow, of the extra `curation`, is not installed.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415 - an extra

    take_heic()
    try:
        with Image.open(io.BytesIO(content)) as picture:
            picture.draft("L", (LONGEST_SIDE, LONGEST_SIDE))  # lets JPEG skip pixels that scaling would discard
            grey = grey_of(ImageOps.exif_transpose(picture))  # in the displayed orientation
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadableImageError(f"no readable image ({type(error).__name__})") from None
    luminance = _small(grey)
    return ImageStatistics(
        brightness=float(luminance.mean()),
        sharpness=float(laplacian(luminance).std()),
        fingerprint=difference_hash(grey),
    )


def laplacian(luminance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Difference of each inner pixel to its four neighbours' mean, -1 to 1; (h, w) to (h - 2, w - 2).

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
    """dHash (N. Krawetz 2013): 8 x 8 bits; a bit is set if a cell is brighter than its left neighbour.

    None if all cells are about equally bright: the bits would be noise, and all black frames would be duplicates.
    """
    from PIL.Image import Resampling  # noqa: PLC0415 - an extra

    cells = np.asarray(grey.resize((HASH_SIDE + 1, HASH_SIDE), Resampling.BOX), dtype=np.int16)
    if int(np.ptp(cells)) <= FLAT:
        return None
    bits = (cells[:, 1:] > cells[:, :-1]).ravel()
    return int(np.packbits(bits).view(">u8")[0])


def grey_of(picture: "Image") -> "Image":
    """Luminance with 8 bits; without this, Pillow cuts 16-bit values off at 255."""
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


def take_heic() -> None:
    """Let Pillow open HEIC pictures of phones, if pillow-heif (same extra) is installed."""
    try:
        from pillow_heif import register_heif_opener  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        return
    register_heif_opener()
