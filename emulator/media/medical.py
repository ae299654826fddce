"""DICOM (explicit and implicit little endian) and NIfTI-1 headers, as far as the platform shows them."""

import gzip
import io
import struct
from collections.abc import Iterator

from emulator.media.facts import Facts, UnreadableMediaError

_IMPLICIT = "1.2.840.10008.1.2"
_LONG_FORMS = frozenset({b"OB", b"OW", b"OF", b"OD", b"OL", b"SQ", b"UC", b"UR", b"UT", b"UN"})
_NIFTI_HEADER = 348
_PIXELS = (0x7FE0, 0x0010)

_TRANSFER_SYNTAX = (0x0002, 0x0010)
_INSTANCE, _STUDY, _SERIES = (0x0008, 0x0018), (0x0020, 0x000D), (0x0020, 0x000E)
_FRAMES, _ROWS, _COLUMNS = (0x0028, 0x0008), (0x0028, 0x0010), (0x0028, 0x0011)

Tag = tuple[int, int]


def dicom_facts(data: bytes) -> Facts:
    """Size and identifiers of one DICOM file.

    Raises:
        UnreadableMediaError: when it is none.
    """
    if data[128:132] != b"DICM":
        raise UnreadableMediaError("not a DICOM file")
    tags = dict(_elements(data))
    try:
        rows, columns = (struct.unpack_from("<H", tags[tag])[0] for tag in (_ROWS, _COLUMNS))
        return Facts(
            "application/dicom",
            width=columns,
            height=rows,
            frames=int(_text(tags[_FRAMES])) if _FRAMES in tags else 1,
            dicom_instance_uid=_text(tags[_INSTANCE]),
            dicom_study_uid=_text(tags[_STUDY]),
            dicom_series_uid=_text(tags[_SERIES]),
        )
    except (KeyError, ValueError, struct.error):
        raise UnreadableMediaError("the DICOM file lacks its size or its identifiers") from None


def _elements(data: bytes) -> Iterator[tuple[Tag, bytes]]:
    at, implicit = 132, False
    while at + 8 <= len(data):
        tag: Tag = struct.unpack_from("<HH", data, at)
        start, length = _value(data, at, implicit=implicit and tag[0] != 0x0002)
        if tag == _PIXELS or length == 0xFFFFFFFF or start + length > len(data):
            return
        value = data[start : start + length]
        yield tag, value
        if tag == _TRANSFER_SYNTAX:
            implicit = _text(value) == _IMPLICIT
        at = start + length


def _value(data: bytes, at: int, *, implicit: bool) -> tuple[int, int]:
    if implicit:
        return at + 8, struct.unpack_from("<I", data, at + 4)[0]
    if data[at + 4 : at + 6] in _LONG_FORMS:
        return at + 12, struct.unpack_from("<I", data, at + 8)[0]
    return at + 8, struct.unpack_from("<H", data, at + 6)[0]


def _text(value: bytes) -> str:
    return value.decode("ascii").strip("\x00 ")


def nifti_facts(data: bytes) -> Facts:
    """Size and slices of a NIfTI-1 file, compressed or not.

    Raises:
        UnreadableMediaError: when it is none.
    """
    try:
        header = _unpacked(data) if data[:2] == b"\x1f\x8b" else data
        order = "<" if struct.unpack_from("<i", header)[0] == _NIFTI_HEADER else ">"
        if struct.unpack_from(f"{order}i", header)[0] != _NIFTI_HEADER:
            raise UnreadableMediaError("not a NIfTI-1 file")
        dimensions = struct.unpack_from(f"{order}8h", header, 40)
    except (OSError, EOFError, struct.error):
        raise UnreadableMediaError("not a NIfTI-1 file") from None
    slices = dimensions[3] if dimensions[0] >= 3 else 1
    return Facts("application/nifti", dimensions[1], dimensions[2], slices)


def _unpacked(data: bytes) -> bytes:
    """The header alone: the rest may be very large."""
    with gzip.open(io.BytesIO(data)) as stream:
        return stream.read(_NIFTI_HEADER)
