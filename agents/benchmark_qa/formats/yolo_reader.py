"""YOLO data sets (Ultralytics): detect, segment, pose and obb, with confidences for predictions.

A line of a label file is a class number and shares of the image: 4 are a box (centre, width, height), with
`kpt_shape` the keypoints follow, 8 are a rotated box or a polygon of four corners, more are a polygon. One more number
is a confidence.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from benchmark_qa.formats.coco_building import (
    CocoBuilder,
    CocoDocument,
    FormatError,
    LabelFolder,
    box,
    keypoints,
    outline,
    turned_by_corners,
)
from benchmark_qa.formats.coco_reader import UNKNOWN, whole_number
from benchmark_qa.formats.drawn_shapes import EXACT_KEY
from benchmark_qa.formats.label_parts import ImageSize
from benchmark_qa.labels.annotations import Numbers

IMAGE_ENDINGS = (".avif", ".bmp", ".dng", ".heic", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp")
_NOT_LABELS = frozenset({"classes.txt", "train.txt", "val.txt", "test.txt", "obj.names"})
_ENTRY = re.compile(r"^\s*(?:-|(?P<number>\d+)\s*:)\s*(?P<name>.+?)\s*$")
_LISTED = re.compile(r"^names\s*:\s*\[(?P<names>.*)\]\s*$", re.MULTILINE | re.DOTALL)
_KEYPOINTS = re.compile(r"^kpt_shape\s*:\s*\[\s*(?P<count>\d+)\s*,\s*(?P<values>[23])\s*\]", re.MULTILINE)


@dataclass(frozen=True)
class _Set:
    """The content of `data.yaml`."""

    names: Mapping[int, str]
    points: int = 0
    values: int = 3
    """Numbers per keypoint: x, y, and visibility."""

    def name(self, number: int, place: str) -> str:
        if number not in self.names:
            raise FormatError(f"{place}: class {number} has no name in data.yaml (or classes.txt)")
        return self.names[number]


def is_yolo(files: Sequence[str]) -> bool:
    """Whether a folder looks like a YOLO data set."""
    names = {name.rsplit("/", 1)[-1] for name in files}
    listed = bool({"data.yaml", "dataset.yaml", "classes.txt", "obj.names"} & names)
    return (listed and any(_is_labels(name) for name in files)) or (
        any(name.endswith(".yaml") for name in files)
        and any("labels/" in name and name.endswith(".txt") for name in files)
    )


def read_yolo(folder: LabelFolder) -> CocoDocument:
    """Read every label file of a data set.

    Raises:
        FormatError: there are no class names, or a line is not well formed.
    """
    told = _description(folder)
    builder = CocoBuilder(told.names[number] for number in sorted(told.names))
    listed = _listed_images(folder)
    pictures = {_key(name): name for name in folder.files if name.lower().endswith(IMAGE_ENDINGS)}
    for name in folder.files:
        if not _is_labels(name):
            continue
        key = _key(name)
        about = dict(listed.get(key, {}))
        picture = pictures.get(key)
        size = _size_of(about) or (folder.image_size(picture) if picture is not None else None)
        file = str(about.pop("file", None) or picture or f"{key}.jpg")
        more = {own: about[own] for own in ("data_hash", "frame", "space") if about.get(own) not in (None, "")}
        if not picture and not more:
            more["stem"] = key.rsplit("/", 1)[-1]
        image = builder.image(file, size, **more)
        for line, numbers in _lines(folder.read(name), name):
            place = f"{name}, line {line}"
            geometry, confidence = _geometry(numbers[1:], told, size or UNKNOWN, place)
            class_name = told.name(int(numbers[0]), place)
            if told.points:
                builder.category(class_name, [str(at) for at in range(told.points)])
            builder.add(image, class_name, geometry, score=confidence)
    return builder.document()


def _is_labels(name: str) -> bool:
    folder, _, file = name.rpartition("/")
    return file.endswith(".txt") and file not in _NOT_LABELS and (not folder or "labels" in folder.split("/"))


def _key(name: str) -> str:
    """The common key of a picture and its label file: the path without `images`, `labels` and extension."""
    return "/".join(part for part in name.rpartition(".")[0].split("/") if part not in ("images", "labels"))


def _description(folder: LabelFolder) -> _Set:
    for name in folder.files:
        if name.lower().endswith((".yaml", ".yml")):
            text = folder.read(name).decode("utf-8-sig", errors="replace")
            names = _names_in(text)
            if names:
                found = _KEYPOINTS.search(text)
                return _Set(names, int(found["count"]), int(found["values"])) if found else _Set(names)
    for name in folder.files:
        if name.rsplit("/", 1)[-1] in ("classes.txt", "obj.names"):
            lines = folder.read(name).decode("utf-8-sig", errors="replace").splitlines()
            return _Set(dict(enumerate(line.strip() for line in lines if line.strip())))
    raise FormatError("the YOLO data set has neither a data.yaml with names nor a classes.txt")


def _names_in(text: str) -> dict[int, str]:
    """The `names` of a YAML file: a list in brackets, a list of lines, or a map of numbers to names."""
    inline = _LISTED.search(text)
    if inline:
        return dict(enumerate(_plain(name) for name in inline["names"].replace("\n", " ").split(",") if name.strip()))
    names: dict[int, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        if re.fullmatch(r"names\s*:\s*(#.*)?", line):
            for entry in lines:
                found = _ENTRY.match(entry)
                if not found:
                    break
                names[int(found["number"]) if found["number"] else len(names)] = _plain(found["name"])
            break
    return names


def _plain(name: str) -> str:
    """A YAML text without its quotes."""
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        try:
            return str(orjson.loads(name))
        except orjson.JSONDecodeError:
            return name[1:-1]
    if len(name) > 1 and name[0] == name[-1] == "'":
        return name[1:-1].replace("''", "'")
    return name


def _listed_images(folder: LabelFolder) -> dict[str, dict[str, Any]]:
    """The lines of `images.jsonl` of our own export, by the common key of picture and label file."""
    listed: dict[str, dict[str, Any]] = {}
    for name in folder.files:
        if name.rsplit("/", 1)[-1] == "images.jsonl":
            for line in folder.read(name).splitlines():
                try:
                    row = orjson.loads(line) if line.strip() else {}
                except orjson.JSONDecodeError as error:
                    raise FormatError(f"{name}: is not JSON lines ({error})") from None
                if isinstance(row, Mapping) and isinstance(row.get("file"), str):
                    listed[_key(row["file"])] = dict(row)
    return listed


def _size_of(about: Mapping[str, Any]) -> ImageSize | None:
    width, height = (whole_number(about.get(key)) for key in ("width", "height"))
    return (width, height) if width and height else None


def _lines(content: bytes, place: str) -> Iterator[tuple[int, list[float]]]:
    for number, line in enumerate(content.decode("utf-8-sig", errors="replace").splitlines(), start=1):
        if line.strip():
            try:
                numbers = [float(word) for word in line.split()]
            except ValueError:
                raise FormatError(f"{place}, line {number}: is not numbers: {line[:60]!r}") from None
            if not np.isfinite(numbers).all() or numbers[0] != int(numbers[0]) or len(numbers) < 5:
                raise FormatError(f"{place}, line {number}: is not a class number and places: {line[:60]!r}")
            yield number, numbers


def _geometry(numbers: Sequence[float], told: _Set, size: ImageSize, place: str) -> tuple[dict[str, Any], float | None]:
    """An object and its confidence; in pixels, or in shares of an image without a size."""
    media = np.array(size, np.float64)
    pose = 4 + told.points * told.values
    if told.points and len(numbers) in (pose, pose + 1):
        geometry = _pose(np.array(numbers[4:pose]).reshape(-1, told.values), media)
        return {**geometry, **_box(numbers, media)}, _rest(numbers, pose)
    if len(numbers) in (4, 5):
        return _box(numbers, media), _rest(numbers, 4)
    if told.points or len(numbers) < 6:
        raise FormatError(f"{place}: has {len(numbers)} numbers after the class")
    corners = len(numbers) // 2 * 2
    ring = np.array(numbers[:corners]).reshape(-1, 2) * media
    geometry = outline([ring])
    if len(ring) == 4 and size != UNKNOWN:  # in shares of an image its corners are not square
        geometry |= {EXACT_KEY: turned_by_corners(ring, size)}
    return geometry, _rest(numbers, corners)


def _box(numbers: Sequence[float], media: Numbers) -> dict[str, Any]:
    middle, extent = np.array(numbers[:2]) * media, np.array(numbers[2:4]) * media
    return box(*(middle - extent / 2).tolist(), *extent.tolist())


def _pose(points: Numbers, media: Numbers) -> dict[str, Any]:
    seen = points[:, 2] if points.shape[1] == 3 else np.where(points[:, :2].any(axis=1), 2, 0)
    # In predictions, a confidence replaces the visibility.
    visible = np.where(seen == np.round(seen), seen, np.where(seen >= 0.5, 2, 0)).astype(int)
    placed = np.where(visible[:, None] > 0, points[:, :2] * media, 0.0).tolist()
    return keypoints([(x, y, own) for (x, y), own in zip(placed, visible.tolist(), strict=True)])


def _rest(numbers: Sequence[float], used: int) -> float | None:
    return numbers[used] if len(numbers) > used else None
