"""What a manifest says of a file itself: Encord then believes it instead of reading the file."""

from collections.abc import Mapping
from typing import Any

from benchmark_qa.commands.register.errors import EntryError
from benchmark_qa.commands.register.kinds import Kind

_TEXT = ("file_size", "mime_type")
_NEEDED: dict[Kind, tuple[str, tuple[str, ...]]] = {
    Kind.IMAGE: ("image_metadata", ("mime_type", "file_size", "height", "width")),
    Kind.VIDEO: ("video_metadata", ("fps", "duration", "width", "height", "file_size", "mime_type")),
    Kind.AUDIO: (
        "audio_metadata",
        ("duration", "file_size", "mime_type", "sample_rate", "bit_depth", "codec", "num_channels"),
    ),
    Kind.TEXT: ("text_metadata", _TEXT),
    Kind.HTML: ("text_metadata", _TEXT),
    Kind.PDF: ("pdf_metadata", ("file_size", "num_pages")),
}
COLUMNS = frozenset(column for _, columns in _NEEDED.values() for column in columns)
"""Columns of a manifest that describe files; a file is described completely or not at all"""


def media_of(kind: Kind, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The field of the SDK's model that describes the file, with its values; nothing when nothing is said.

    Raises:
        EntryError: the description is incomplete, or is not one of this kind of file.
    """
    said = {column: fields[column] for column in COLUMNS & fields.keys() if fields[column] not in (None, "")}
    if not said:
        return {}
    if kind not in _NEEDED:
        raise EntryError(f"{', '.join(sorted(said))}: cannot be given for a file of kind {kind}")
    name, needed = _NEEDED[kind]
    strange = sorted(said.keys() - set(needed))
    if strange:
        raise EntryError(f"{', '.join(strange)}: cannot be given for a file of kind {kind}")
    missing = [column for column in needed if column not in said]
    if missing:
        raise EntryError(f"a file of kind {kind} is described completely or not at all: {', '.join(missing)} missing")
    return {name: said}
