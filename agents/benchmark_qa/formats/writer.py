"""What every writer takes: images with their names, classes, weights, and a place for files."""

from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

import orjson

from benchmark_qa.formats.labelled_images import LabelledImage, LabelledRow, PlacedObject

ALL = "all"
"""The only part of what is not split"""


class Files(Protocol):
    """Where a writer's files go; each is there as a whole or not at all."""

    def open(self, path: str) -> AbstractContextManager[BinaryIO]:
        """A new file, complete when the block ends."""

    def spool(self) -> AbstractContextManager[BinaryIO]:
        """A file for the time being, to be read again."""

    def outdate(self, path: str) -> None:
        """A file that readers derive from these: it is stale when they are there."""


@dataclass(frozen=True, slots=True)
class NamedImage:
    """An image and the name of its file."""

    image: LabelledImage
    file_name: str


@dataclass(frozen=True)
class ExportedRow:
    """One label row on its way into the writers."""

    row: Mapping[str, Any]
    """Label row JSON in its canonical form"""
    labels: LabelledRow
    images: tuple[NamedImage, ...]
    split: str
    """`ALL` where nothing is split"""


@dataclass(frozen=True)
class Weights:
    """What the work of each annotator counts for."""

    by_annotator: Mapping[str, float]
    otherwise: float
    """Of people without a score"""

    def of(self, creator: str | None) -> float:
        """Of a label that this person created."""
        return self.by_annotator.get(creator or "", self.otherwise)


@dataclass
class Tally:
    """What a writer has written, and what its format has no place for."""

    images: int = 0
    images_without_objects: int = 0
    images_without_size: int = 0
    """Left out: without a size nothing can be placed on them"""
    objects: Counter[str] = field(default_factory=Counter)
    """By class"""
    not_representable: Counter[str] = field(default_factory=Counter)
    """Objects that the format has no place for, by shape"""
    in_other_files: Counter[str] = field(default_factory=Counter)
    """Objects that stand in another file of the export, by shape: COCO has one a task"""
    without_region: Counter[str] = field(default_factory=Counter)
    """Objects of a shape that the format has, by shape: an empty mask, an outline without area, outside of its image"""
    on_images_without_size: Counter[str] = field(default_factory=Counter)
    """Objects, by shape"""
    altered: Counter[str] = field(default_factory=Counter)
    """Objects that are written and are not quite what was drawn, by what was done to them"""
    classifications: int = 0
    """Classification instances of the rows written"""
    classifications_left_out: int = 0
    """Of them, those that the format has no place for"""

    def to_dict(self) -> dict[str, Any]:
        """JSON types only, sorted."""
        return {
            name: dict(sorted(value.items())) if isinstance(value, Counter) else value
            for name, value in vars(self).items()
        }


IMAGE_LIST = "images.jsonl"
"""In the folder of every format: which data unit and frame each image is, one a line"""


def image_line(exported: ExportedRow, named: NamedImage, file: str, number: int | None = None) -> bytes:
    """The line of an image in `IMAGE_LIST`.

    Args:
        exported: its label row.
        named: the image.
        file: where its pixels belong, below the folder of the format.
        number: the id that the format gives it, if it gives any.
    """
    row = exported.row
    about = {
        "file": file,
        "data_hash": row["data_hash"],
        "data_title": row["data_title"],
        "dataset_title": row["dataset_title"],
        "frame": named.image.frame,
        "space": named.image.space,
        "width": named.image.width,
        "height": named.image.height,
    }
    if number is not None:
        about["id"] = number
    return orjson.dumps(about) + b"\n"


def count_unplaced(tally: Tally, objects: list[PlacedObject]) -> None:
    """Objects of an image that cannot be written, because the size of the image is not known."""
    tally.images_without_size += 1
    tally.on_images_without_size.update(item.shape.value for item in objects)
