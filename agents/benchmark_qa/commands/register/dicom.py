"""Read from a DICOM file its slice: the series, and the position in it."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark_qa.errors import MissingExtraError

_DIRECTORY = "1.2.840.10008.1.3.10"
_SAME_NORMAL = 0.01
"""Tolerance, per coordinate, between the directions of two slices of a series"""
_TAGS = [
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "InstanceNumber",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "Rows",
]


class NoSlice(Exception):
    """The file has no slice; the message gives the reason."""


class UnreadableSlice(NoSlice):
    """The file is not DICOM, or broken."""


@dataclass(frozen=True, slots=True)
class DicomSlice:
    """One file of a series."""

    series: str
    """SeriesInstanceUID; empty if the file has none"""
    instance: str = ""
    """SOPInstanceUID"""
    number: int | None = None
    normal: tuple[float, float, float] | None = None
    """The direction in which the slices are stacked"""
    along: float | None = None
    """Position of the slice in that direction, in mm"""

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> "DicomSlice":
        """Read the output of `to_dict`."""
        normal = said.get("normal")
        known = {**said, "normal": (normal[0], normal[1], normal[2]) if normal else None}
        return cls(**{"series": "", **known})


def read_slice(path: Path) -> DicomSlice:
    """The slice in a file; pixels are not read.

    Raises:
        NoSlice: the file is not DICOM, or has no picture in it: a directory, a report, contours.
        MissingExtraError: pydicom is not installed.
    """
    try:
        from pydicom import dcmread
    except ModuleNotFoundError:
        raise MissingExtraError("DICOM needs the extra 'register': pip install '.[register]' in a checkout") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about values that do not follow the standard
        try:
            # Files without the preamble are read too; a file that is not DICOM has none of the tags.
            found = dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(_TAGS))
            directory = str(getattr(found.file_meta, "MediaStorageSOPClassUID", "")) == _DIRECTORY
            slice_ = _slice(found)
            has_pixels = "Rows" in found
        except Exception as error:
            raise UnreadableSlice(f"cannot be read as DICOM ({type(error).__name__})") from None
    if directory:
        raise NoSlice("a DICOM directory, which lists files and has no picture")
    if not (slice_.series or slice_.instance or has_pixels):
        raise UnreadableSlice("cannot be read as DICOM (no tag of it is there)")
    if not has_pixels:
        raise NoSlice("DICOM without a picture: a report, contours or a presentation state")
    return slice_


def _slice(found: Any) -> DicomSlice:
    number = _or_none(lambda: int(found.InstanceNumber))
    normal = _or_none(lambda: _normal([float(part) for part in found.ImageOrientationPatient]))
    position = _or_none(lambda: [float(part) for part in found.ImagePositionPatient])
    along = None
    if normal is not None and position is not None and len(position) == 3:
        along = sum(a * b for a, b in zip(normal, position, strict=True))
    series, instance = (str(found.get(name) or "").strip() for name in ("SeriesInstanceUID", "SOPInstanceUID"))
    return DicomSlice(series, instance, number, normal, along)


def _or_none(read: Any) -> Any:
    """The value of a tag; None if it is missing, empty, or not of its type."""
    try:
        return read()
    except (AttributeError, TypeError, ValueError, OverflowError):
        return None


def _normal(directions: Sequence[float]) -> tuple[float, float, float]:
    """The cross product of the directions of rows and columns."""
    a, b, c, d, e, f = directions
    return b * f - c * e, c * d - a * f, a * e - b * d


def slice_order(slices: Sequence[DicomSlice]) -> list[int]:
    """Indices in slice order: by position; by number if not all slices are parallel; else unchanged.

    Slices at one position (at several times) are ordered by number.
    """
    indices = range(len(slices))
    if all(_parallel(slices[0], one) for one in slices):
        return sorted(indices, key=lambda at: (slices[at].along or 0.0, slices[at].number or 0))
    if all(one.number is not None for one in slices):
        return sorted(indices, key=lambda at: slices[at].number or 0)
    return list(indices)


def _parallel(one: DicomSlice, other: DicomSlice) -> bool:
    if one.normal is None or other.normal is None or one.along is None or other.along is None:
        return False
    return all(abs(a - b) < _SAME_NORMAL for a, b in zip(one.normal, other.normal, strict=True))
