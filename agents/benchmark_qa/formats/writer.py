"""Inputs of every writer: named images, label rows, weights, and the place for files."""

from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

import orjson

from benchmark_qa.formats.labelled_images import LabelledImage, LabelledRow, PlacedObject

ALL = "all"
"""Name of the only part without a split."""


class Files(Protocol):
    """The place for a writer's files; a file is complete or absent."""

    def open(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a new file, which is complete when the block ends."""

    def spool(self) -> AbstractContextManager[BinaryIO]:
        """Open a temporary file that can be read again."""

    def outdate(self, path: str) -> None:
        """Have a file removed that readers derive from these; it is stale once these are written."""


@dataclass(frozen=True, slots=True)
class NamedImage:
    """An image and its file name."""

    image: LabelledImage
    file_name: str


@dataclass(frozen=True)
class ExportedRow:
    """One label row, as the writers receive it."""

    row: Mapping[str, Any]
    """Label row JSON in canonical form."""
    labels: LabelledRow
    images: tuple[NamedImage, ...]
    split: str
    """Part of the split; `ALL` without a split."""


@dataclass(frozen=True)
class AnnotatorWeights:
    """The weight of each annotator's work."""

    by_annotator: Mapping[str, float]
    otherwise: float
    """Weight of people without a score."""

    def of(self, creator: str | None) -> float:
        """Weight of a label that this person created."""
        return self.by_annotator.get(creator or "", self.otherwise)


@dataclass
class Tally:
    """Counts of what a writer wrote, and of what its format cannot hold."""

    images: int = 0
    images_without_objects: int = 0
    images_without_size: int = 0
    """Images that are left out, because nothing can be placed without a size."""
    objects: Counter[str] = field(default_factory=Counter)
    """By class."""
    not_representable: Counter[str] = field(default_factory=Counter)
    """Objects that the format cannot hold, by shape."""
    in_other_files: Counter[str] = field(default_factory=Counter)
    """Objects that are in another file of the export, by shape; COCO has one file per task."""
    without_region: Counter[str] = field(default_factory=Counter)
    """Objects of a supported shape that were not written, by shape.

    Their mask is empty, or their outline has no area or lies outside the image.
    """
    on_images_without_size: Counter[str] = field(default_factory=Counter)
    """Objects by shape."""
    altered: Counter[str] = field(default_factory=Counter)
    """Objects that were written with a change, by the kind of change."""
    classifications: int = 0
    """Classification instances of the written rows."""
    classifications_left_out: int = 0
    """Those of `classifications` that the format cannot hold."""

    def to_dict(self) -> dict[str, Any]:
        """The counts as JSON types, sorted."""
        return {
            name: dict(sorted(value.items())) if isinstance(value, Counter) else value
            for name, value in vars(self).items()
        }


IMAGE_LIST = "images.jsonl"
"""File in the folder of every format, with the data unit and frame of each image, one a line."""


def image_line(exported: ExportedRow, named: NamedImage, file: str, number: int | None = None) -> bytes:
    """The line of an image in `IMAGE_LIST`.

    Args:
        exported: its label row.
        named: the image.
        file: the path for its pixels, relative to the folder of the format.
        number: its id in the format, if there is one.
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
    """Count objects that cannot be written because the image's size is unknown."""
    tally.images_without_size += 1
    tally.on_images_without_size.update(item.shape.value for item in objects)
