"""The table of readable formats; a new format is a reader and one line here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from benchmark_qa.formats.coco_building import CocoDocument, FormatError, LabelFolder, parsed
from benchmark_qa.formats.cvat_reader import read_cvat
from benchmark_qa.formats.label_studio_reader import is_label_studio, read_label_studio
from benchmark_qa.formats.labelme_reader import is_labelme, read_labelme
from benchmark_qa.formats.voc_reader import read_voc
from benchmark_qa.formats.yolo_reader import is_yolo, read_yolo


@dataclass(frozen=True)
class LabelFormat:
    """A format, the test that recognises it, and its reader."""

    name: str
    fits: Callable[[LabelFolder], bool]
    read: Callable[[LabelFolder], CocoDocument]


def _root_is(tag: str) -> Callable[[LabelFolder], bool]:
    def fits(folder: LabelFolder) -> bool:
        name = next((name for name in folder.files if name.lower().endswith(".xml")), None)
        return name is not None and parsed(folder.read(name), name).tag == tag

    return fits


def _first_json(folder: LabelFolder, *marks: bytes) -> Any:
    """The content of the first JSON file.

    None if it lacks one of the marks, so that large files of other formats are not parsed.
    """
    name = next((name for name in folder.files if name.lower().endswith(".json")), None)
    content = folder.read(name) if name is not None else b""
    if not all(mark in content for mark in marks):
        return None
    try:
        return orjson.loads(content.removeprefix(b"\xef\xbb\xbf")) if content else None
    except orjson.JSONDecodeError as error:
        raise FormatError(f"{name}: is not JSON ({error})") from None


def _read_tasks(folder: LabelFolder) -> CocoDocument:
    return read_label_studio(_first_json(folder))


FORMATS = (
    LabelFormat("YOLO", lambda folder: is_yolo(folder.files), read_yolo),
    LabelFormat("Pascal VOC", _root_is("annotation"), read_voc),
    LabelFormat("CVAT", _root_is("annotations"), read_cvat),
    LabelFormat("labelme", lambda folder: is_labelme(_first_json(folder, b'"shapes"', b'"imagePath"')), read_labelme),
    LabelFormat("Label Studio", lambda folder: is_label_studio(_first_json(folder, b'"data"')), _read_tasks),
)


def format_of(folder: LabelFolder) -> LabelFormat | None:
    """The format of the files; None if it is not in the table.

    Raises:
        FormatError: a file cannot be read.
    """
    return next((known for known in FORMATS if known.fits(folder)), None)
