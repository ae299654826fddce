"""COCO data sets (https://cocodataset.org/#format-data) with the file names that loaders expect.

    annotations/instances_train.json          every class with a box, and with outlines if it has them
    annotations/person_keypoints_train.json   skeletons and points
    images/train/NAME.jpg                     where the pixels belong: they are not in label rows
    images.jsonl                              the data unit of each image

The shape of a class decides its file, so no file has an image without all objects of the file's classes. All files of a
part list the same images under the same ids, and no two parts share an id. A file is one JSON object,
written as a stream: one image and one annotation a line.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from shutil import copyfileobj
from typing import Any, BinaryIO

import orjson

from benchmark_qa.formats.class_mapping import Classes
from benchmark_qa.formats.drawn_shapes import EXACT, EXACT_KEY
from benchmark_qa.formats.labelled_images import PlacedObject
from benchmark_qa.formats.regions import AREA_SHAPES, BOX_SHAPES, KEYPOINT_SHAPES, Region
from benchmark_qa.formats.run_lengths import Pixels, coco_mask, pixels_of_rings, pixels_of_runs
from benchmark_qa.formats.writer import (
    ALL,
    IMAGE_LIST,
    AnnotatorWeights,
    ExportedRow,
    Files,
    NamedImage,
    Tally,
    count_unplaced,
    image_line,
)
from benchmark_qa.labels.ontology import Shape

FORMAT_VERSION = 2
TASKS: Mapping[str, frozenset[Shape]] = {
    "instances": BOX_SHAPES,
    "person_keypoints": KEYPOINT_SHAPES,
}
UNSPLIT = "train"
_CURVES = (Shape.CIRCLE, Shape.ELLIPSE)


@dataclass
class _File:
    """One data set during writing: images in the file itself, annotations in a temporary file."""

    task: str
    out: BinaryIO
    annotations: BinaryIO
    images: int = 0
    objects: int = 0


class CocoWriter:
    """Writes `annotations/TASK_PART.json` for every part of a split; without a split the part is `train`.

    Use as a context manager; the files are complete when the block ends without an error.

    Args:
        files: where the files are written.
        classes: classes of the ontology. Category ids are those of `Classes.table`, the same in every file.
        title: title of the project.
        splits: names of the parts; (ALL,) without a split.
        weights: weight of each annotator's work, written as `weight` of annotations; None omits the field.
    """

    def __init__(
        self,
        files: Files,
        classes: Classes,
        *,
        title: str,
        splits: Iterable[str] = (ALL,),
        weights: AnnotatorWeights | None = None,
    ) -> None:
        self.tallies = {task: Tally() for task in TASKS if classes.of_shapes(TASKS[task])}
        self._files = files
        self._classes = classes
        self._title = title
        self._weights = weights
        self._splits = tuple(splits)
        self._open: dict[tuple[str, str], _File] = {}
        self._stack = ExitStack()
        self._next_image = 1

    def __enter__(self) -> "CocoWriter":
        self._index = self._stack.enter_context(self._files.open(IMAGE_LIST))
        for split in self._splits:
            for task in self.tallies:
                out = self._stack.enter_context(self._files.open(f"annotations/{task}_{_part(split)}.json"))
                self._open[task, split] = _File(task, out, self._stack.enter_context(self._files.spool()))
                out.write(self._head(task))
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            for file in self._open.values():
                file.out.write(b'\n],"annotations":[')
                file.annotations.seek(0)
                copyfileobj(file.annotations, file.out)
                file.out.write(b"\n]}\n")
        self._stack.__exit__(kind, error, trace)

    def add(self, exported: ExportedRow) -> None:
        """Add one label row's images and objects."""
        for tally in self.tallies.values():
            tally.classifications += len(exported.labels.classifications)
            tally.classifications_left_out += sum(
                not _stands_on_an_image(exported, space) for space in _spaces_of_classifications(exported)
            )
            tally.not_representable.update(item.shape.value for item in exported.labels.elsewhere)
        for named in exported.images:
            self._add_image(exported, named)

    def _add_image(self, exported: ExportedRow, named: NamedImage) -> None:
        image = named.image
        if image.width is None or image.height is None:
            for tally in self.tallies.values():
                count_unplaced(tally, image.objects)
            return
        number = self._next_image
        self._next_image += 1
        self._index.write(image_line(exported, named, f"images/{_part(exported.split)}/{named.file_name}", number))
        line = orjson.dumps(_image(number, exported, named), option=orjson.OPT_SORT_KEYS)
        for task in self.tallies:
            file = self._open[task, exported.split]
            _write_line(file.out, line, first=file.images == 0)
            file.images += 1
            self._add_objects(file, number, named)

    def _add_objects(self, file: _File, image_id: int, named: NamedImage) -> None:
        tally, written = self.tallies[file.task], 0
        for item in named.image.objects:
            if not self._has_place(item, file.task):
                elsewhere = any(self._has_place(item, task) for task in self.tallies)
                (tally.in_other_files if elsewhere else tally.not_representable)[item.shape.value] += 1
            elif item.region is None:
                tally.without_region[item.shape.value] += 1
            else:
                file.objects += 1
                written += 1
                annotation = {
                    "id": file.objects,
                    "image_id": image_id,
                    **self._annotation(item, item.region, file.task, named),
                }
                line = orjson.dumps(annotation, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)
                _write_line(file.annotations, line, first=file.objects == 1)
                tally.objects[self._classes.names[item.feature]] += 1
                if item.shape in _CURVES:
                    tally.altered["curve written as a polygon"] += 1
        tally.images += 1
        tally.images_without_objects += written == 0

    def _has_place(self, item: PlacedObject, task: str) -> bool:
        known = task != "person_keypoints" or item.feature in self._classes.skeletons
        return item.shape in TASKS[task] and known

    def _annotation(self, item: PlacedObject, region: Region, task: str, named: NamedImage) -> dict[str, Any]:
        annotation: dict[str, Any] = {
            "category_id": self._classes.numbers[item.feature] + 1,
            "bbox": list(region.box),
            "area": region.area,
            "iscrowd": 0,
            "object_hash": item.object_hash,
        }
        if task == "instances":
            # A box gets no outline: a rectangle would train masks with an outline that nobody drew.
            annotation["segmentation"] = _segmentation(region, named) if item.shape in AREA_SHAPES else []
            annotation |= _exactly(item, annotation["segmentation"])
        if task == "person_keypoints":
            annotation.update(_keypoints(region, self._classes.skeletons[item.feature].nodes))
        if region.degrees is not None:
            annotation["rotation"] = region.degrees
        if item.attributes:
            annotation["attributes"] = item.attributes
        if item.confidence not in (None, 1.0):
            annotation["confidence"] = item.confidence
        if self._weights is not None:
            annotation["weight"] = self._weights.of(item.creator)
        return annotation

    def _head(self, task: str) -> bytes:
        info = {"description": self._title, "version": str(FORMAT_VERSION)}
        head = {"info": info, "licenses": [], "categories": list(self._categories(task))}
        return orjson.dumps(head)[:-1] + b',"images":['

    def _categories(self, task: str) -> Iterator[dict[str, Any]]:
        for place in self._classes.of_shapes(TASKS[task]):
            item = self._classes.ontology.objects[place]
            category: dict[str, Any] = {
                "id": self._classes.numbers[place] + 1,
                "name": self._classes.names[place],
                "supercategory": item.shape.value,
                "feature_hash": item.hash,
            }
            if task == "person_keypoints":
                skeleton = self._classes.skeletons.get(place)
                if skeleton is None:
                    continue
                category["keypoints"] = list(skeleton.names)
                category["skeleton"] = [[start + 1, end + 1] for start, end in skeleton.edges]
            yield category


def _spaces_of_classifications(exported: ExportedRow) -> list[str]:
    return [item.space for item in exported.labels.classifications]


def _stands_on_an_image(exported: ExportedRow, space: str) -> bool:
    return any(named.image.space == space for named in exported.images)


def _image(number: int, exported: ExportedRow, named: NamedImage) -> dict[str, Any]:
    row, image = exported.row, named.image
    entry = {
        "id": number,
        "file_name": named.file_name,
        "width": image.width,
        "height": image.height,
        "data_hash": row["data_hash"],
        "data_title": row["data_title"],
        "dataset_title": row["dataset_title"],
        "frame": image.frame,
    }
    # Finding needs this to name the label row to send back.
    entry |= {key: row[key] for key in ("dataset_hash", "label_hash") if row.get(key)}
    if image.space:
        entry["space"] = image.space
    if image.classifications:
        entry["classifications"] = image.classifications
    return entry


def _segmentation(region: Region, named: NamedImage) -> Any:
    """Polygons; or a run-length encoded mask if there are holes, because COCO's polygons have none."""
    if region.mask is None and all(len(rings) == 1 for rings in region.polygons):
        return [rings[0].ravel().tolist() for rings in region.polygons]
    return coco_mask(pixels_of(region, named.image.height or 0, named.image.width or 0))


def pixels_of(region: Region, height: int, width: int) -> Pixels:
    """The pixels covered by an outline or a mask."""
    if region.mask is not None:
        mask = region.mask
        return pixels_of_runs(mask.starts, mask.ends, mask.height, mask.width)
    parts = [pixels_of_rings(rings, height, width) for rings in region.polygons]
    covered = parts[0]
    for part in parts[1:]:
        covered = covered | part
    return covered


def _exactly(item: PlacedObject, segmentation: Any) -> dict[str, Any]:
    """The exact geometry in Encord's JSON under `drawing`, if COCO cannot hold it.

    This concerns holes, rotated boxes, circles and ellipses.
    """
    key = EXACT.get(item.shape)
    if key is None or key not in item.drawing or (item.shape is Shape.POLYGON and isinstance(segmentation, list)):
        return {}
    return {EXACT_KEY: {key: item.drawing[key]}}


def _part(split: str) -> str:
    """The part's name for loaders; without a split it is the training part."""
    return UNSPLIT if split == ALL else split


def _keypoints(region: Region, nodes: tuple[str, ...]) -> dict[str, Any]:
    found = region.keypoints or {}
    points = [found.get(node, (0.0, 0.0, 0)) for node in nodes]
    flat = [number for x, y, visibility in points for number in ((x, y, visibility) if visibility else (0.0, 0.0, 0))]
    return {"keypoints": flat, "num_keypoints": sum(visibility > 0 for _, _, visibility in points)}


def _write_line(out: BinaryIO, line: bytes, *, first: bool) -> None:
    out.write(b"\n" if first else b",\n")
    out.write(line)
