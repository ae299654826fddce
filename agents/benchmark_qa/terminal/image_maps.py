"""`--map-images`: find the image of a name, from the files of an export or from a list by hand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from benchmark_qa.formats.class_mapping import Target
from benchmark_qa.formats.coco_reader import id_text
from benchmark_qa.images.data_units import ImageMap, ImageMapError
from benchmark_qa.terminal.files import ExportError, load_json, without_mark
from benchmark_qa.terminal.label_files import table_rows

IMAGES, CLASSES = "images.jsonl", "classes.json"
"""Names of files in an export"""

MapImagesOption = Annotated[
    Path | None,
    typer.Option(
        "--map-images",
        "--export",
        metavar="FILE",
        help="Which image a name means: an export's folder, images.jsonl or COCO file, JSON {name: data hash, title or "
        "URL}, or CSV with the columns image and data_hash.",
    ),
]


@dataclass(frozen=True)
class ExportMap:
    """Images and classes, as an export or a list by hand gives them."""

    images: ImageMap
    classes: Mapping[str, str] = field(default_factory=dict)
    """Feature hash, or name, by the number of the class in the export's COCO file"""


def load_map(path: Path | None) -> ExportMap | None:
    """Read the file or folder of `--map-images`; None if it is not given.

    Raises:
        ExportError: the file cannot be used.
    """
    if path is None:
        return None
    try:
        return _loaded(path)
    except ImageMapError as error:
        raise ExportError(f"{path}: {error}") from None


def named_classes(export: ExportMap | None, target: Target) -> dict[str, str]:
    """Names of the classes by their number in an export, for files that give numbers only."""
    if export is None:
        return {}
    classes = target.classes
    by_hash = {item.hash: name for item, name in zip(classes.ontology.objects, classes.names, strict=True)}
    return {number: by_hash.get(name, name) for number, name in export.classes.items()}


def _loaded(path: Path) -> ExportMap:
    if path.is_dir():
        lists = _lists_of(path)
        if not lists:
            raise ExportError(f"{path}: holds no {IMAGES}, so it is no export")
        rows = [row for each in lists for row in _lines(each)]
        return ExportMap(ImageMap.of_rows(rows), _classes_beside(lists[0]))
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return ExportMap(ImageMap.of_rows(_lines(path)), _classes_beside(path))
    if path.suffix.lower() in (".csv", ".tsv"):
        return ExportMap(ImageMap.of_rows(_table(path)))
    content = load_json(path)
    if isinstance(content, dict) and isinstance(content.get("images"), list):
        rows = [image for image in content["images"] if isinstance(image, dict)]
        return ExportMap(ImageMap.of_rows(rows), _classes_of(content.get("categories")))
    if isinstance(content, dict):
        return ExportMap(ImageMap.of_names(content))
    raise ExportError(f"{path}: is neither an export's file nor a JSON object {{name: data hash, title or URL}}")


def _lists_of(folder: Path) -> list[Path]:
    """The lists in an export's folder, in all folders of one format, or in one folder of that format."""
    for place in (folder, folder.parent):
        found = [place / IMAGES] if (place / IMAGES).is_file() else sorted(place.glob(f"*/{IMAGES}"))
        if found and (place == folder or (place / IMAGES).is_file()):
            return found
    return []


def _classes_beside(images: Path) -> dict[str, str]:
    for folder in (images.parent, images.parent.parent):
        if (folder / CLASSES).is_file():
            return _classes_of(load_json(folder / CLASSES))
    return {}


def _classes_of(listed: Any) -> dict[str, str]:
    """Classes by number; entries without a number, or that are no class, are left out."""
    entries = [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
    return {
        id_text(entry["id"]): str(entry.get("feature_hash") or entry.get("name"))
        for entry in entries
        if entry.get("id") is not None and (entry.get("feature_hash") or entry.get("name"))
    }


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        for number, line in enumerate(without_mark(path.read_bytes()).splitlines(), start=1):
            if line.strip():
                row = orjson.loads(line)
                if not isinstance(row, dict):
                    raise ExportError(f"{path}, line {number}: is not a JSON object")
                yield row
    except OSError as error:
        raise ExportError(f"{path}: {error.strerror or error}") from None
    except orjson.JSONDecodeError as error:
        raise ExportError(f"{path}, line {number}: is not JSON ({error})") from None


def _table(path: Path) -> Iterator[dict[str, Any]]:
    for row in table_rows(path):
        frame = (row.get("frame") or "").strip()
        if frame and not frame.isdecimal():
            raise ExportError(f"{path}: the frame {frame!r} is not a whole number")
        name = row.get("image") or row.get("file") or row.get("file_name")
        yield {"file": name, "data_hash": row.get("data_hash"), "frame": int(frame) if frame else None}
