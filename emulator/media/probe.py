"""Reads a file as the type it was uploaded as."""

import json
import re
from collections.abc import Callable
from mimetypes import guess_type

from emulator.media.audio import audio_facts
from emulator.media.dicom import dicom_facts
from emulator.media.facts import Facts, UnreadableMediaError
from emulator.media.images import image_facts
from emulator.media.mp4 import video_facts
from emulator.media.nifti import nifti_facts
from emulator.world import DataType

_PAGE = re.compile(rb"/Type\s*/Page\b")


def probe(kind: DataType, name: str, content: bytes) -> Facts:
    """The facts about a file's content; its name only tells one kind of text from another.

    Raises:
        UnreadableMediaError: when the content is not of that kind.
    """
    if not content:
        raise UnreadableMediaError("the file is empty")
    if kind in _BY_NAME:
        return _BY_NAME[kind](name, content)
    return _BY_CONTENT[kind](content)


def _pdf(content: bytes) -> Facts:
    if not content.startswith(b"%PDF-"):
        raise UnreadableMediaError("not a PDF file")
    return Facts("application/pdf", frames=max(1, len(_PAGE.findall(content))))


def _text(name: str, content: bytes) -> Facts:
    try:
        content.decode()
    except UnicodeDecodeError:
        raise UnreadableMediaError("not a text in UTF-8") from None
    return Facts(guess_type(name)[0] or "text/plain")


def _series(name: str, content: bytes) -> Facts:
    facts = _text(name, content)
    return Facts("text/csv") if facts.mime_type == "text/plain" else facts


def _scene(name: str, content: bytes) -> Facts:
    if not name.lower().endswith(".json"):
        return Facts("application/octet-stream")
    try:
        json.loads(content)
    except ValueError:
        raise UnreadableMediaError("not JSON") from None
    return Facts("application/json")


_BY_CONTENT: dict[DataType, Callable[[bytes], Facts]] = {
    "image": image_facts,
    "video": video_facts,
    "audio": audio_facts,
    "pdf": _pdf,
    "dicom_file": dicom_facts,
    "nifti": nifti_facts,
}
_BY_NAME: dict[DataType, Callable[[str, bytes], Facts]] = {
    "plain_text": _text,
    "html": _text,
    "time_series": _series,
    "scene": _scene,
}
