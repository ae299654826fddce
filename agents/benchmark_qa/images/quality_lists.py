"""What is wrong with a picture: measures, and the lists that their cuts give.

One decoding gives everything that `curate index` keeps of a picture: measures, hash, a small RGB copy and a thumbnail.
"""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.images.statistics import UnreadableImageError, difference_hash, grey_of, take_heic

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

SIDE: Final = 512
"""Pixels of the longest side at which pictures are measured"""
THUMBNAIL: Final = 48
"""Pixels of the longest side of a thumbnail"""
MOST_PIXELS: Final = 100_000_000
"""Default bound on the pixels of a picture, checked before it is decoded: 100 million need 300 MB"""
ORIENTATION: Final = 0x0112
"""EXIF tag; 1 is upright"""
BLUR: Final = 3
"""Radius in pixels of the box blur that a picture is compared with"""
LEAST_SIDE: Final = 64
"""Pixels; smaller pictures have no blur to speak of"""
SHARPEST: Final = 99.0
_LEVELS: Final = np.arange(256)


@dataclass(frozen=True, slots=True)
class Measures:
    """Figures of one picture, as shown: turned by its EXIF orientation."""

    width: int
    height: int
    brightness: float
    """Mean level, 0 to 255"""
    contrast: float
    """Standard deviation of the levels"""
    sharpness: float
    """Fine detail: mean absolute Laplacian, over the same after a blur. 1.1 to 2 for a blurred picture"""
    bright: float
    """Share of pixels at level 250 and above"""
    light: float
    """Level below which 99.9 % of the pixels are"""
    turned: bool
    """Whether the EXIF orientation turns or mirrors the picture"""
    kind: str
    """Format of the bytes, e.g. `JPEG`"""


@dataclass(frozen=True, slots=True)
class Examined:
    """Everything that one decoding gives."""

    measures: Measures
    fingerprint: int | None
    """`difference_hash`; None for a picture without structure"""
    small: "Image"
    """RGB, at most `SIDE` pixels"""

    def thumbnail(self) -> bytes:
        """WebP of at most `THUMBNAIL` pixels."""
        made, picture = io.BytesIO(), self.small.copy()
        picture.thumbnail((THUMBNAIL, THUMBNAIL))
        picture.save(made, "WEBP", quality=50, method=1)
        return made.getvalue()


def examine(content: bytes, *, most_pixels: int = MOST_PIXELS) -> Examined:
    """Decode a picture to its end and measure it.

    Raises:
        UnreadableImageError: with the reason.
        ModuleNotFoundError: Pillow, of the extra `curation`, is not installed.
    """
    from PIL import Image  # noqa: PLC0415 - an extra

    take_heic()
    if not content:
        raise UnreadableImageError("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow: about metadata, and about pixels, which are bounded here
            with Image.open(io.BytesIO(content)) as picture:
                return _examined(picture, most_pixels)
    except (UnreadableImageError, ModuleNotFoundError):
        raise
    except Image.DecompressionBombError:
        raise UnreadableImageError(f"has more than {most_pixels:,} pixels") from None
    except MemoryError:
        raise UnreadableImageError("too large for the memory of this machine") from None
    except Exception as error:  # decoders raise errors of any class
        raise UnreadableImageError(_reason(error)) from None


def _examined(picture: "ImageFile", most_pixels: int) -> Examined:
    width, height = picture.size
    if width * height > most_pixels:
        raise UnreadableImageError(f"{width:,} x {height:,} pixels are more than {most_pixels:,}")
    orientation = int(picture.getexif().get(ORIENTATION, 1) or 1)
    kind = picture.format or ""
    scale = SIDE / max(width, height, 1)
    picture.draft("RGB", (int(width * scale), int(height * scale)))  # lets JPEG skip pixels that scaling would discard
    small = _turned(_shrunk(picture), orientation)
    if orientation in range(5, 9):
        width, height = height, width
    grey = small.convert("L")
    share = np.array(grey.histogram()) / (grey.width * grey.height)
    mean = float(share @ _LEVELS)
    measures = Measures(
        width=width,
        height=height,
        brightness=mean,
        contrast=float(np.sqrt(share @ (_LEVELS - mean) ** 2)),
        sharpness=_sharpness(grey),
        bright=float(share[250:].sum()),
        light=float(np.searchsorted(share.cumsum(), 0.999)),
        turned=orientation in range(2, 9),
        kind=kind,
    )
    return Examined(measures, difference_hash(grey), small)


def _shrunk(picture: "Image") -> "Image":
    """RGB of at most `SIDE` pixels; transparent places are white."""
    from PIL import Image  # noqa: PLC0415 - an extra
    from PIL.Image import Resampling  # noqa: PLC0415 - an extra

    picture.load()
    if picture.mode.startswith(("I", "F")):
        picture = grey_of(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
    scale = SIDE / max(picture.size)
    if scale < 1:
        width, height = (max(round(side * scale), 1) for side in picture.size)
        picture = picture.resize((width, height), Resampling.BOX)
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def _turned(picture: "Image", orientation: int) -> "Image":
    """The picture as EXIF says that it is shown."""
    from PIL.Image import Transpose  # noqa: PLC0415 - an extra

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return picture.transpose(turns[orientation]) if orientation in turns else picture


def _sharpness(grey: "Image") -> float:
    """Mean absolute Laplacian, over the same after another blur: what has no fine detail changes little."""
    from PIL.ImageFilter import BoxBlur  # noqa: PLC0415 - an extra

    if max(grey.size) < LEAST_SIDE:
        return SHARPEST
    detail = _mean_laplacian(np.asarray(grey, dtype=np.int16))
    blurred = _mean_laplacian(np.asarray(grey.filter(BoxBlur(BLUR)), dtype=np.int16))
    return min(detail / max(blurred, 0.01), SHARPEST)


def _mean_laplacian(levels: NDArray[np.int16]) -> float:
    if min(levels.shape) < 3:
        return 0.0
    around = levels[:-2, 1:-1] + levels[2:, 1:-1] + levels[1:-1, :-2] + levels[1:-1, 2:]
    return float(np.abs(4 * levels[1:-1, 1:-1] - around).mean()) / 4


def _reason(error: Exception) -> str:
    """Why a decoder gave up, in words."""
    said = str(error).splitlines()[0][:120] if str(error) else ""
    if "cannot identify image file" in said:
        return "no picture in a known format"
    return said or type(error).__name__


# --- lists ---------------------------------------------------------------------------------------------------------


LISTS: Final = ("blurred", "overexposed", "dark", "flat", "odd-size", "odd-shape", "rotated", "misnamed")


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where each list begins. The defaults were chosen on pictures that the measured table does not use."""

    blurred: float = 2.0
    """Sharpness below it"""
    overexposed: float = 0.08
    """Share of pixels at level 250 and above"""
    dark: float = 25.0
    """Mean level below it, if `dark_light` holds too"""
    dark_light: float = 50.0
    """Level of the lightest places below it. Without it a star field would be dark"""
    flat: float = 5.0
    """Standard deviation of the levels below it"""
    odd_size: float = 3.0
    """Interquartile ranges from the median side, on a scale of doublings"""
    odd_shape: float = 3.0
    """Longer side over shorter side"""


@dataclass(frozen=True, slots=True)
class QualityList:
    """Pictures with one fault, the strongest first. Nothing is removed: a person decides."""

    name: str
    measure: str
    cut: str
    members: tuple[tuple[int, float], ...]
    """(index, value)"""
    histogram: tuple[tuple[int, ...], tuple[float, ...]]
    """Counts, and the edges of the bins, of the measure over all pictures"""

    @property
    def indices(self) -> list[int]:
        """The pictures of the list."""
        return [at for at, _ in self.members]


def quality_lists(measures: Sequence[Measures], names: Sequence[str], cuts: Cuts | None = None) -> list[QualityList]:
    """The lists of blurred, over-exposed, dark, flat, odd-sized, odd-shaped, turned and misnamed pictures.

    Args:
        measures: of each picture.
        names: file name or title of each picture, for the list of those whose name says another format.
        cuts: where each list begins.
    """
    cut = cuts or Cuts()

    def column(field: str) -> NDArray[np.float64]:
        return np.array([getattr(one, field) for one in measures], dtype=np.float64)

    contrast, sharpness, bright = column("contrast"), column("sharpness"), column("bright")
    width, height = column("width"), column("height")
    flat = contrast < cut.flat
    sizes = _doublings(np.sqrt(width * height))
    shape = np.maximum(width, height) / np.maximum(np.minimum(width, height), 1)
    dark = (column("brightness") < cut.dark) & (column("light") < cut.dark_light)
    other = np.array([_says_another(name, one.kind) for name, one in zip(names, measures, strict=True)], dtype=bool)
    return [
        _list("blurred", "fine detail over the same after a blur", f"below {cut.blurred:g}, not flat", sharpness,
              (sharpness < cut.blurred) & ~flat, rising=True),
        _list("overexposed", "share of pixels at 250 and above", f"above {cut.overexposed:g} (a white sky?)", bright,
              bright > cut.overexposed),
        _list("dark", "mean level", f"below {cut.dark:g}, and 99.9 % of the pixels below {cut.dark_light:g}",
              column("brightness"), dark, rising=True),
        _list("flat", "standard deviation of the levels", f"below {cut.flat:g}", contrast, flat, rising=True),
        _list("odd-size", "doublings from the median side, in interquartile ranges", f"beyond {cut.odd_size:g}", sizes,
              sizes > cut.odd_size),
        _list("odd-shape", "longer side over shorter side", f"above {cut.odd_shape:g}", shape, shape > cut.odd_shape),
        _list("rotated", "EXIF orientation", "the picture is stored turned or mirrored", column("turned"),
              column("turned") > 0),
        _list("misnamed", "format", "the name says another format", other.astype(np.float64), other),
    ]  # fmt: skip


def _list(
    name: str, measure: str, cut: str, values: NDArray[np.float64], members: NDArray[np.bool_], *, rising: bool = False
) -> QualityList:
    found = np.flatnonzero(members)
    order = found[np.argsort(values[found] if rising else -values[found], kind="stable")]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    counts, edges = np.histogram(values, bins=20, range=(low, max(high, low + 0.01)))
    return QualityList(
        name,
        measure,
        cut,
        tuple((int(at), float(values[at])) for at in order),
        (tuple(map(int, counts)), tuple(map(float, edges))),
    )


LEAST_SPREAD: Final = 0.25
"""Doublings; the interquartile range counts as this at least, or one pixel more than the others would be odd"""


def _doublings(sides: NDArray[np.float64]) -> NDArray[np.float64]:
    if not len(sides):
        return sides
    scale = np.log2(np.maximum(sides, 1))
    low, middle, high = np.quantile(scale, [0.25, 0.5, 0.75])
    away: NDArray[np.float64] = np.abs(scale - middle) / max(high - low, LEAST_SPREAD)
    return away


_FORMATS: Final = {
    ".jpg": {"JPEG", "MPO"}, ".jpeg": {"JPEG", "MPO"}, ".png": {"PNG"}, ".webp": {"WEBP"}, ".gif": {"GIF"},
    ".tif": {"TIFF"}, ".tiff": {"TIFF"}, ".bmp": {"BMP"}, ".heic": {"HEIF"}, ".heif": {"HEIF"},
}  # fmt: skip


def _says_another(name: str, kind: str) -> bool:
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    return ending in _FORMATS and kind not in _FORMATS[ending]
