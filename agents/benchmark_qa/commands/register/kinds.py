"""The kinds of items that can be registered, and their keys in a file; HEIC pictures become JPEG."""

import io
import math
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from benchmark_qa.commands.register.errors import EntryError
from benchmark_qa.errors import MissingExtraError


class RegisteredKind(StrEnum):
    """The kinds of items in a manifest."""

    VIDEO = "video"
    IMAGE = "image"
    IMAGE_GROUP = "image_group"
    IMAGE_SEQUENCE = "image_sequence"
    DICOM_SERIES = "dicom_series"
    NIFTI = "nifti"
    AUDIO = "audio"
    TEXT = "text"
    HTML = "html"
    PDF = "pdf"

    @property
    def of_many_files(self) -> bool:
        """Whether an item of this kind consists of several files, in order."""
        return self in _OF_MANY_FILES


_OF_MANY_FILES = frozenset({RegisteredKind.IMAGE_GROUP, RegisteredKind.IMAGE_SEQUENCE, RegisteredKind.DICOM_SERIES})


_ENDINGS: dict[str, RegisteredKind] = {
    **dict.fromkeys(
        ("png", "jpg", "jpeg", "jfif", "gif", "bmp", "webp", "tif", "tiff", "avif", "heic", "heif"),
        RegisteredKind.IMAGE,
    ),
    **dict.fromkeys(("mp4", "mov", "webm", "mkv", "avi", "m4v"), RegisteredKind.VIDEO),
    **dict.fromkeys(("wav", "mp3", "flac", "ogg", "m4a", "aac", "eac3"), RegisteredKind.AUDIO),
    **dict.fromkeys(("txt", "md", "json", "xml"), RegisteredKind.TEXT),
    **dict.fromkeys(("html", "htm"), RegisteredKind.HTML),
    **dict.fromkeys(("dcm", "dicom"), RegisteredKind.DICOM_SERIES),
    **dict.fromkeys(("nii", "nii.gz"), RegisteredKind.NIFTI),
    "pdf": RegisteredKind.PDF,
}


def kind_by_name(path: str) -> RegisteredKind | None:
    """The kind of a file by its extension; None for unknown extensions."""
    name = path.rpartition("/")[2].lower()
    rest, _, ending = name.rpartition(".")
    if not rest:
        return None
    return _ENDINGS.get(f"{rest.rpartition('.')[2]}.{ending}") or _ENDINGS.get(ending)


HEAD = 512
"""Number of bytes at the start of a file that `kind_by_content` reads"""


_MAGIC: tuple[tuple[int, bytes, RegisteredKind], ...] = (
    (128, b"DICM", RegisteredKind.DICOM_SERIES),
    (0, b"\x89PNG\r\n\x1a\n", RegisteredKind.IMAGE),
    (0, b"\xff\xd8\xff", RegisteredKind.IMAGE),
    (0, b"GIF87a", RegisteredKind.IMAGE),
    (0, b"GIF89a", RegisteredKind.IMAGE),
    (0, b"II*\0", RegisteredKind.IMAGE),
    (0, b"MM\0*", RegisteredKind.IMAGE),
    (0, b"%PDF-", RegisteredKind.PDF),
    (344, b"n+1\0", RegisteredKind.NIFTI),
    (0, b"\x1a\x45\xdf\xa3", RegisteredKind.VIDEO),
    (0, b"fLaC", RegisteredKind.AUDIO),
    (0, b"OggS", RegisteredKind.AUDIO),
    (0, b"ID3", RegisteredKind.AUDIO),
    (0, b"\xff\xfb", RegisteredKind.AUDIO),
    (0, b"\xff\xf3", RegisteredKind.AUDIO),
)


_RIFF = {b"WAVE": RegisteredKind.AUDIO, b"WEBP": RegisteredKind.IMAGE, b"AVI ": RegisteredKind.VIDEO}


_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


_STILLS = (b"avif", b"avis", *_HEIC)


def has_ending(path: str) -> bool:
    """Whether a name has an extension; the last part of a DICOM UID is a number, not an extension."""
    rest, _, ending = path.rpartition("/")[2].rpartition(".")
    return bool(rest) and not ending.isdigit() and 0 < len(ending) <= 8 and ending.isalnum()


def is_heic(head: bytes) -> bool:
    """Whether the first bytes are those of a HEIC picture, not of AVIF, which may call itself `mif1` too."""
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC and b"avif" not in head[8:64]


def kind_by_content(head: bytes) -> RegisteredKind | None:
    """The kind by the first `HEAD` bytes of a file; None for unknown content."""
    for at, magic, kind in _MAGIC:
        if head.startswith(magic, at):
            return kind
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return (
            RegisteredKind.IMAGE
            if head[8:12] in _STILLS
            else RegisteredKind.AUDIO
            if head[8:12] == b"M4A "
            else RegisteredKind.VIDEO
        )
    return None


_TEXT = ("file_size", "mime_type")


_NEEDED: dict[RegisteredKind, tuple[str, tuple[str, ...]]] = {
    RegisteredKind.IMAGE: ("image_metadata", ("mime_type", "file_size", "height", "width")),
    RegisteredKind.VIDEO: ("video_metadata", ("fps", "duration", "width", "height", "file_size", "mime_type")),
    RegisteredKind.AUDIO: (
        "audio_metadata",
        ("duration", "file_size", "mime_type", "sample_rate", "bit_depth", "codec", "num_channels"),
    ),
    RegisteredKind.TEXT: ("text_metadata", _TEXT),
    RegisteredKind.HTML: ("text_metadata", _TEXT),
    RegisteredKind.PDF: ("pdf_metadata", ("file_size", "num_pages")),
}


_NO_NUMBERS = frozenset({"nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"})


COLUMNS = frozenset(column for _, columns in _NEEDED.values() for column in columns)
"""Columns of a manifest that describe files; a description must be complete or absent"""


def media_of(kind: RegisteredKind, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The field of the SDK's model that describes the file, with its values; empty if there are none.

    Raises:
        EntryError: the description is incomplete, or belongs to another kind of file.
    """
    said = {column: fields[column] for column in COLUMNS & fields.keys() if fields[column] not in (None, "")}
    if not said:
        return {}
    if kind not in _NEEDED:
        raise EntryError(f"{', '.join(sorted(said))}: cannot be given for a file of kind {kind}")
    for column, value in said.items():
        if (isinstance(value, float) and not math.isfinite(value)) or str(value).strip().lower() in _NO_NUMBERS:
            raise EntryError(f"{column}: {value!r} is not a finite number")
    name, needed = _NEEDED[kind]
    strange = sorted(said.keys() - set(needed))
    if strange:
        raise EntryError(f"{', '.join(strange)}: cannot be given for a file of kind {kind}")
    missing = [column for column in needed if column not in said]
    if missing:
        raise EntryError(f"a file of kind {kind} is described completely or not at all: {', '.join(missing)} missing")
    return {name: said}


_QUALITY = 95


class UnreadablePicture(Exception):
    """The file is not a picture that can be read."""


def jpeg_instead(path: Path) -> bytes | None:
    """The picture of a HEIC file as JPEG, upright and with its EXIF; None for other formats.

    Raises:
        UnreadablePicture: the file begins like HEIC and is broken.
        MissingExtraError: pillow-heif is not installed.
    """
    with path.open("rb") as file:
        if not is_heic(file.read(HEAD)):
            return None
    try:
        from PIL import Image
        from pillow_heif import register_heif_opener
    except ModuleNotFoundError:
        raise MissingExtraError("HEIC needs the extra 'register': pip install '.[register]' in a checkout") from None
    register_heif_opener()
    written = io.BytesIO()
    try:
        with Image.open(path) as picture:
            exif = picture.info.get("exif") or b""
            picture.convert("RGB").save(written, "JPEG", quality=_QUALITY, subsampling=0, exif=exif)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadablePicture(f"HEIC that cannot be read ({type(error).__name__})") from None
    return written.getvalue()
