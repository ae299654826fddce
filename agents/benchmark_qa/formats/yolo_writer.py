"""YOLO data sets for ultralytics (https://docs.ultralytics.com/datasets/).

    data.yaml                    names of the classes, paths of the lists
    train.txt                    ./images/train/NAME.jpg, one a line
    labels/train/NAME.txt        one object a line; empty if there is none
    images.jsonl                 the data unit of each image: the pixels themselves are not in label rows

Coordinates are fractions of the image. The reader refuses an image if one number lies outside it, so objects are cut
off at the edges here.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any, BinaryIO, Literal

import numpy as np
import orjson

from benchmark_qa.formats.class_mapping import Classes
from benchmark_qa.formats.labelled_images import PlacedObject
from benchmark_qa.formats.regions import AREA_SHAPES, BOX_SHAPES, KEYPOINT_SHAPES, Region, one_ring
from benchmark_qa.formats.writer import IMAGE_LIST, ExportedRow, Files, NamedImage, Tally, count_unplaced, image_line
from benchmark_qa.labels.annotations import Numbers
from benchmark_qa.labels.ontology import Shape

FORMAT_VERSION = 2
YoloTask = Literal["detect", "segment", "pose", "obb"]
SHAPES: Mapping[str, frozenset[Shape]] = {
    "detect": BOX_SHAPES,
    "segment": AREA_SHAPES,
    "pose": KEYPOINT_SHAPES,
    "obb": frozenset({Shape.ROTATABLE_BOUNDING_BOX, Shape.BOUNDING_BOX}),
}
"""Shapes of each task; a data set of the task cannot hold other shapes."""
NOT_PARTS = frozenset({"channels", "download", "images", "labels", "names", "nc", "path"})
"""Names that parts cannot have: keys of `data.yaml`, and folders by which the reader finds labels."""


class YoloWriter:
    """Writes one data set for one task.

    Use as a context manager; the files are complete when the block ends without an error.

    Args:
        files: where the files are written.
        classes: classes of the ontology, with the numbers of `Classes.numbers`.
        task: the task to train for.
        splits: names of the parts; the reader needs `train` and `val`.
    """

    def __init__(self, files: Files, classes: Classes, *, task: YoloTask, splits: Iterable[str]) -> None:
        self.tally = Tally()
        self._files = files
        self._classes = classes
        self._task = task
        self._splits = tuple(splits)
        places = [place for place in classes.of_shapes(SHAPES[task]) if task != "pose" or place in classes.skeletons]
        self._numbers = {place: classes.numbers[place] for place in places}
        self._keypoints = (
            max((len(classes.skeletons[place].nodes) for place in places), default=0) if task == "pose" else 0
        )
        self._stack = ExitStack()
        self._lists: dict[str, BinaryIO] = {}

    def __enter__(self) -> "YoloWriter":
        for split in self._splits:
            self._files.outdate(f"labels/{split}.cache")  # some releases consider it fresh if the sizes are equal
            self._lists[split] = self._stack.enter_context(self._files.open(f"{split}.txt"))
        self._index = self._stack.enter_context(self._files.open(IMAGE_LIST))
        with self._files.open("data.yaml") as out:
            out.write(self._description().encode())
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._stack.__exit__(kind, error, trace)

    def add(self, exported: ExportedRow) -> None:
        """Add one label row's images and objects."""
        self.tally.classifications += len(exported.labels.classifications)
        self.tally.classifications_left_out += len(exported.labels.classifications)
        self.tally.not_representable.update(item.shape.value for item in exported.labels.elsewhere)
        for named in exported.images:
            if named.image.width is None or named.image.height is None:
                count_unplaced(self.tally, named.image.objects)
            else:
                self._add_image(exported, named, np.array([named.image.width, named.image.height], np.float64))

    def _add_image(self, exported: ExportedRow, named: NamedImage, size: Numbers) -> None:
        split, stem = exported.split, named.file_name.rsplit(".", 1)[0]
        lines = [line for item in named.image.objects if (line := self._line(item, size)) is not None]
        with self._files.open(f"labels/{split}/{stem}.txt") as out:
            out.write("".join(f"{line}\n" for line in lines).encode())
        self._lists[split].write(f"./images/{split}/{named.file_name}\n".encode())
        self._index.write(image_line(exported, named, f"images/{split}/{named.file_name}"))
        self.tally.images += 1
        self.tally.images_without_objects += not lines

    def _line(self, item: PlacedObject, size: Numbers) -> str | None:
        """The line of one object; None, and a count, if it cannot be written."""
        number = self._numbers.get(item.feature)
        if number is None:
            self.tally.not_representable[item.shape.value] += 1
            return None
        if item.region is None:
            self.tally.without_region[item.shape.value] += 1
            return None
        if self._task == "pose":
            numbers = self._pose(item.region, self._classes.skeletons[item.feature].nodes, size)
        else:
            numbers = _NUMBERS[self._task](item.region, size, self.tally)
        if numbers is None:
            self.tally.without_region[item.shape.value] += 1
            return None
        if self._task == "detect" and item.shape is not Shape.BOUNDING_BOX:
            self.tally.altered[f"{item.shape.value} written as the box about it"] += 1
        self.tally.objects[self._classes.names[item.feature]] += 1
        return " ".join([str(number), *numbers])

    def _pose(self, region: Region, nodes: tuple[str, ...], size: Numbers) -> list[str] | None:
        """Box, then x, y, visibility of every node; missing nodes of smaller classes are 0."""
        box = _box(region, size, self.tally)
        if box is None:
            return None
        found = region.keypoints or {}
        points = [found.get(node, (0.0, 0.0, 0)) for node in nodes]
        points += [(0.0, 0.0, 0)] * (self._keypoints - len(points))
        for x, y, visibility in points:
            inside = visibility > 0 and 0 <= x <= size[0] and 0 <= y <= size[1]
            if visibility > 0 and not inside:
                self.tally.altered["keypoint outside of the image left out"] += 1
            box += [*_digits((x, y) / size), str(visibility)] if inside else ["0", "0", "0"]
        return box

    def _description(self) -> str:
        splits = "".join(f"{split}: {split}.txt\n" for split in self._splits)
        keypoints = f"kpt_shape: [{self._keypoints}, 3]\n" if self._task == "pose" else ""
        # All classes of the export, because the reader needs numbers without gaps.
        names = "".join(
            f"  {number}: {orjson.dumps(self._classes.names[place]).decode()}\n"
            for place, number in self._classes.numbers.items()
        )
        return f"# task: {self._task}\n{splits}{keypoints}names:{' {}' if not names else ''}\n{names}"


def _box(region: Region, size: Numbers, tally: Tally) -> list[str] | None:
    """Centre, width, height; None if the box is entirely outside the image."""
    left_top, extent = np.array(region.box[:2]), np.array(region.box[2:])
    low, high = _cut(np.stack((left_top, left_top + extent)), size, tally)
    if (high < low).any() or ((extent > 0).all() and (high <= low).any()):
        return None
    return _digits(np.concatenate(((low + high) / 2 / size, (high - low) / size)))


def _ring(region: Region, size: Numbers, tally: Tally) -> list[str] | None:
    """The corners of a single ring."""
    parts = sum(len(rings) for rings in region.polygons)
    if region.mask is not None:
        tally.altered["mask written as a polygon"] += 1
    elif parts > 1:
        tally.altered["parts or holes joined to one ring"] += 1
    ring = _cut(one_ring(region), size, tally)
    return _digits((ring / size).ravel()) if np.ptp(ring, axis=0).all() else None


def _corners(region: Region, size: Numbers, tally: Tally) -> list[str] | None:
    """The four corners of a box, rotated or not."""
    if region.polygons:
        corners = region.polygons[0][0]
    else:
        left, top, width, height = region.box
        corners = np.array([(left, top), (left + width, top), (left + width, top + height), (left, top + height)])
    cut = _cut(corners, size, tally)
    return _digits((cut / size).ravel()) if np.ptp(cut, axis=0).all() else None


_NUMBERS: Mapping[str, Callable[[Region, Numbers, Tally], list[str] | None]] = {
    "detect": _box,
    "segment": _ring,
    "obb": _corners,
}


def _cut(points: Numbers, size: Numbers, tally: Tally) -> Numbers:
    inside = np.clip(points, 0, size)
    if (inside != points).any():
        tally.altered["cut off at the edges of the image"] += 1
    return inside


def _digits(numbers: Numbers) -> list[str]:
    return [f"{number:.8f}" for number in numbers.tolist()]
