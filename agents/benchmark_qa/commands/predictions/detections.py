"""Ground truth and predictions in COCO's layout, validated and renumbered.

Format: https://cocodataset.org/#format-data and https://cocodataset.org/#format-results.
"""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.predictions.result import PackedResults
from benchmark_qa.formats.coco_building import turned_box
from benchmark_qa.formats.coco_reader import id_text, size_of
from benchmark_qa.images.identity import Matching
from benchmark_qa.labels.runs import BadRunLengthError, decode_runs

RegionKind = Literal["bbox", "segm"]
"""What is compared: boxes, or the areas of polygons and masks."""


class PredictionInputError(ValueError):
    """Truth or predictions are not well formed; the message names the place and the fault."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place} {problem}")
        self.place = place
        self.problem = problem


@dataclass(frozen=True)
class ImageSource:
    """The data unit of an image or frame; values that the file does not give are None or empty."""

    data_hash: str | None = None
    title: str = ""
    dataset_hash: str | None = None
    label_hash: str | None = None
    """Label row that holds the truth"""
    url: str | None = None
    frame: int | None = None
    space: str = ""
    names: tuple[str, ...] = ()
    """Other names of the image: its file; in an image group the hash, title and URL of the image itself"""


@dataclass(frozen=True)
class Detections:
    """Truth and predictions over the same images and classes, ready for the evaluator.

    Images, classes and annotations are numbered from 1 in the order of the truth file: the files may use any numbers,
    and COCO evaluators read annotation 0 as "not matched".
    """

    images: tuple[Hashable, ...]
    """Image ids of the truth file; number n of this object is `images[n - 1]`."""
    classes: tuple[str, ...]
    """Class names; number n is `classes[n - 1]`."""
    truth: Mapping[str, Any]
    """COCO `images`, `categories` and `annotations`."""
    predictions: Sequence[Mapping[str, Any]]
    """COCO results."""
    clusters: tuple[int, ...]
    """By image: number of its cluster (frames of one data unit), for clustered intervals."""
    fields: tuple[Mapping[str, Any], ...]
    """By image: its metadata (texts, numbers, booleans), for slices."""
    unmatched: tuple[Hashable, ...] = ()
    """Images, as the predictions name them, with predictions but no truth; they count nowhere."""
    matching: Matching = field(default_factory=lambda: Matching(()))
    """Which image of the truth each name in the predictions means, and by which rule."""
    predicted_images: int = 0
    """Images of the truth that the predictions mention."""
    sources: tuple[ImageSource, ...] = ()
    """By image: its data unit."""
    not_compared: Mapping[str, int] = field(default_factory=dict)
    """Objects on either side that are neither boxes nor areas, by shape; they count nowhere."""
    notes: tuple[str, ...] = ()
    """Remarks for the user about how the files were read."""

    @property
    def ambiguous(self) -> tuple[str, ...]:
        """Names in the predictions that contradict another name."""
        return tuple(one.asked for one in self.matching.refused.values() if one.contradicts)

    @classmethod
    def from_coco(cls, truth: Any, predictions: Any) -> Self:
        """Read a COCO data set and COCO results (a list, or a data set whose annotations have scores).

        Raises:
            PredictionInputError: a key is missing, a value is not a number, an id occurs twice or refers to nothing.
        """
        _need(isinstance(truth, Mapping), "truth", "is not a COCO data set (a JSON object)")
        _numbered(truth, "images", "id")
        # The protocol breaks ties by the order of image ids, in any order of the file.
        truth = {**truth, "images": [truth["images"][at] for at in in_order_of_ids(truth["images"])]}
        images = _numbered(truth, "images", "id")
        categories = _numbered(truth, "categories", "id")
        names = tuple(
            _text(category, "name", f"truth.categories[{at}]") for at, category in enumerate(truth["categories"])
        )
        return cls(
            images=tuple(image["id"] for image in truth["images"]),
            classes=names,
            truth={
                "images": [{"id": number, **_sides(image)} for number, image in enumerate(truth["images"], start=1)],
                "categories": [{"id": number, "name": name} for number, name in enumerate(names, start=1)],
                "annotations": _annotations(truth, images, categories),
            },
            predictions=_results(predictions, images, categories),
            clusters=tuple(range(len(images))),
            fields=tuple(_known_about(image) for image in truth["images"]),
            sources=tuple(_source_of(image) for image in truth["images"]),
            unmatched=_unmatched(predictions, images),
        )

    def only(self, kept: Sequence[bool] | NDArray[np.bool_]) -> "Detections":
        """The subset for some of the images (one boolean per image); numbers and classes stay the same."""
        numbers = {number for number, keep in enumerate(kept, start=1) if keep}
        annotations = [item for item in self.truth["annotations"] if item["image_id"] in numbers]
        return replace(
            self,
            truth={
                **self.truth,
                "images": [image for image in self.truth["images"] if image["id"] in numbers],
                # `Outcome` finds an annotation by its number, which is its index in this list.
                "annotations": [{**item, "id": at} for at, item in enumerate(annotations, start=1)],
            },
            predictions=PackedResults.of(self.predictions).renamed(
                lambda own: own if own in numbers else None, lambda own: own
            ),
        )

    def require_areas(self) -> None:
        """Raise `PredictionInputError` unless every object has an area and every image a size in pixels."""
        sides = ("truth.annotations", self.truth["annotations"]), ("predictions", self.predictions)
        for side, items in sides:
            for at, item in enumerate(items):
                if BROKEN in item:
                    raise PredictionInputError(item[BROKEN], "(--region bbox compares the boxes)")
                if "segmentation" not in item:
                    source = self.sources[item["image_id"] - 1]
                    what = f"{self.classes[item['category_id'] - 1]!r} on {source.title or source.data_hash!r}"
                    raise PredictionInputError(
                        f"{side}[{at}] ({what})", "has no segmentation: only boxes can be compared (--region bbox)"
                    )
        for at, image in enumerate(self.truth["images"]):
            sized = all(isinstance(image[key], int) and image[key] > 0 for key in ("width", "height"))
            _need(sized, f"truth.images[{at}]", "has no width and height: only boxes can be compared")
        sizes = [[image["height"], image["width"]] for image in self.truth["images"]]
        for side, items in sides:
            for at, item in enumerate(items):
                region, size = item["segmentation"], sizes[item["image_id"] - 1]
                fits = isinstance(region, list) or region["size"] == size
                _need(fits, f"{side}[{at}].segmentation", f"is not of its image's size {size}")


def _sides(image: Mapping[str, Any]) -> dict[str, int | None]:
    size = size_of(image)
    return {"width": size[0] if size else None, "height": size[1] if size else None}


def _key(own: Hashable) -> Hashable:
    """The form in which ids are compared: 7, 7.0 and "7" are equal; frames of label rows have tuples."""
    return id_text(own) if isinstance(own, int | float | str) else own


def in_order_of_ids(images: Sequence[Mapping[str, Any]]) -> list[int]:
    """Indices of images sorted by id in the order of `pycocotools`: numbers, then texts, then others."""

    def key(at: int) -> tuple[int, Any]:
        own = images[at]["id"]
        if isinstance(own, int | float):
            return 0, own
        if isinstance(own, str):
            return 1, own
        return (2, own) if isinstance(own, tuple) else (3, repr(own))

    return sorted(range(len(images)), key=key)


NO_FIELDS = frozenset(
    {"id", "file_name", "coco_url", "flickr_url", "license", "date_captured"}
    | {"data_hash", "data_title", "dataset_hash", "label_hash", "frame", "space"}
)
"""Keys of a COCO image that are no fields: different for every image, or not informative."""


def _known_about(image: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in image.items() if key not in NO_FIELDS and isinstance(value, str | int | float)}


def _source_of(image: Mapping[str, Any]) -> ImageSource:
    def text(*keys: str) -> str | None:
        return next((image[key] for key in keys if isinstance(image.get(key), str) and image[key]), None)

    frame = image.get("frame")
    title, file_name = text("data_title", "file_name") or "", text("file_name")
    return ImageSource(
        data_hash=text("data_hash"),
        title=title,
        dataset_hash=text("dataset_hash"),
        label_hash=text("label_hash"),
        url=text("coco_url", "url"),
        frame=frame if isinstance(frame, int) else None,
        space=text("space") or "",
        names=(file_name,) if file_name and file_name != title else (),
    )


def _annotations(
    truth: Mapping[str, Any], images: Mapping[Hashable, int], categories: Mapping[Hashable, int]
) -> list[dict[str, Any]]:
    annotations = []
    for at, given in enumerate(_list(truth, "annotations", "truth")):
        place = f"truth.annotations[{at}]"
        item = _item(given, place, images, categories)
        _need(item["image_id"] is not None, place, f"is on image {given['image_id']!r}, which is not in truth.images")
        item["id"] = at + 1
        crowd = given.get("iscrowd") or 0
        _need(isinstance(crowd, int | float), place, f"has iscrowd {crowd!r}, which is neither 0 nor 1")
        item["iscrowd"] = int(bool(crowd))
        if isinstance(given.get("object_hash"), str):
            item["object_hash"] = given["object_hash"]
        if "bbox" not in item:
            _need(isinstance(item["segmentation"], list), place, "has a mask but no bbox")
            item["bbox"] = box_around(item["segmentation"])
        width, height = item["bbox"][2:]
        area = given.get("area")
        item["area"] = width * height if area is None else finite_number(area, f"{place}.area")
        _need(item["area"] >= 0, f"{place}.area", "is negative")
        annotations.append(item)
    return annotations


def _results(predictions: Any, images: Mapping[Hashable, int], categories: Mapping[Hashable, int]) -> PackedResults:
    if isinstance(predictions, PackedResults):  # each was read by `read_region` when it was packed
        return predictions.renamed(lambda own: images.get(_key(own)), lambda own: categories[_key(own)])
    return PackedResults.of(_read_results(_listed(predictions), images, categories))


def _read_results(
    listed: Sequence[Any], images: Mapping[Hashable, int], categories: Mapping[Hashable, int]
) -> Iterator[dict[str, Any]]:
    for at, given in enumerate(listed):
        place = f"predictions[{at}]"
        item = _item(given, place, images, categories)
        item["score"] = finite_number(given.get("score"), f"{place}.score")
        if item["image_id"] is not None:
            yield item


def _unmatched(predictions: Any, images: Mapping[Hashable, int]) -> tuple[Hashable, ...]:
    packed = isinstance(predictions, PackedResults)
    named = predictions.images if packed else (result["image_id"] for result in _listed(predictions))
    return tuple(dict.fromkeys(own for own in named if _key(own) not in images))


def _listed(predictions: Any) -> list[Any]:
    listed = predictions.get("annotations") if isinstance(predictions, Mapping) else predictions
    if not isinstance(listed, list):
        raise PredictionInputError("predictions", "are neither a list of COCO results nor a COCO data set")
    return listed


def _item(given: Any, place: str, images: Mapping[Hashable, int], categories: Mapping[Hashable, int]) -> dict[str, Any]:
    _need(isinstance(given, Mapping), place, "is not a JSON object")
    for key in ("image_id", "category_id"):
        _need(key in given, place, f"has no {key}")
        _need(isinstance(given[key], Hashable), place, f"has a {key} that is no id")
    category = given["category_id"]
    _need(_key(category) in categories, place, f"has category {category!r}, which is not in truth.categories")
    place_and_class = {"image_id": images.get(_key(given["image_id"])), "category_id": categories[_key(category)]}
    return place_and_class | read_region(given, place)


BROKEN = "broken_outline"
"""Key of an object: why its outline cannot be used; its box can be used"""


def read_region(given: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Read the `bbox` and the `segmentation` of a COCO annotation or result.

    Raises:
        PredictionInputError: both are missing, or one is not well formed.
    """
    item: dict[str, Any] = {}
    if given.get("bbox"):
        item["bbox"] = _box(given["bbox"], f"{place}.bbox")
        turned = given["attributes"].get("rotation") if isinstance(given.get("attributes"), Mapping) else None
        if turned and not given.get("segmentation"):
            return _turned(item["bbox"], finite_number(turned, f"{place}.attributes.rotation"))
    if isinstance(given.get(BROKEN), str):
        item[BROKEN] = given[BROKEN]
    elif given.get("segmentation"):
        try:
            item["segmentation"] = _segmentation(given["segmentation"], f"{place}.segmentation")
        except PredictionInputError as error:
            if "bbox" not in item:
                raise
            item[BROKEN] = str(error)  # has no effect when boxes are compared
    _need("bbox" in item or "segmentation" in item, place, "has neither bbox nor segmentation")
    return item


def _turned(box: Sequence[float], degrees: float) -> dict[str, Any]:
    """A box turned about its middle, as CVAT writes it: its corners, and the box about them."""
    x, y, width, height = box
    drawn = turned_box((x + width / 2, y + height / 2), (width, height), degrees, (1, 1))
    return {"bbox": drawn["bbox"], "segmentation": drawn["segmentation"]}


def _segmentation(region: Any, place: str) -> Any:
    if isinstance(region, Mapping):
        return _mask(region, place)
    _need(isinstance(region, list), place, "is neither polygons nor a run-length encoded mask")
    for at, ring in enumerate(region):
        _need(
            isinstance(ring, list) and len(ring) >= 6 and len(ring) % 2 == 0,
            f"{place}[{at}]",
            "is not a list of x and y of three or more points",
        )
    return [[finite_number(value, f"{place}[{at}]") for value in ring] for at, ring in enumerate(region)]


def _mask(region: Mapping[str, Any], place: str) -> dict[str, Any]:
    """A mask whose runs fill it exactly: decoders in C do not check the runs."""
    size, counts = region.get("size"), region.get("counts")
    _need(isinstance(size, list) and len(size) == 2, place, "has no size [height, width]")
    height, width = (finite_number(side, f"{place}.size") for side in size or ())
    if isinstance(counts, str):
        try:
            runs = decode_runs([counts])[0].tolist()
        except BadRunLengthError as error:
            raise PredictionInputError(f"{place}.counts", error.problem) from None
    else:
        _need(isinstance(counts, list), place, "has no counts")
        runs = counts or []
    _need(
        all(isinstance(run, int) and run >= 0 for run in runs) and sum(runs) == height * width,
        f"{place}.counts",
        "do not add up to height x width",
    )
    return dict(region)


def _box(box: Any, place: str) -> list[float]:
    _need(isinstance(box, list) and len(box) == 4, place, "is not [x, y, width, height]")
    numbers = [finite_number(value, place) for value in box]
    _need(numbers[2] >= 0 and numbers[3] >= 0, place, "has a negative size")
    return numbers


def box_around(rings: Sequence[Sequence[float]]) -> list[float]:
    """The bounding box [x, y, width, height] of polygons, each [x, y, x, y, ...]."""
    left, right = min(min(ring[0::2]) for ring in rings), max(max(ring[0::2]) for ring in rings)
    top, bottom = min(min(ring[1::2]) for ring in rings), max(max(ring[1::2]) for ring in rings)
    return [left, top, right - left, bottom - top]


def _numbered(truth: Mapping[str, Any], key: str, id_key: str) -> dict[Hashable, int]:
    """The ids under `key` and their numbers from 1."""
    numbers: dict[Hashable, int] = {}
    for at, entry in enumerate(_list(truth, key, "truth")):
        place = f"truth.{key}[{at}]"
        _need(isinstance(entry, Mapping) and id_key in entry, place, f"has no {id_key}")
        _need(isinstance(entry[id_key], Hashable), place, f"has an {id_key} that is no id")
        own = _key(entry[id_key])
        _need(own not in numbers, place, f"has the id {entry[id_key]!r} of another one")
        numbers[own] = at + 1
    return numbers


def _list(holder: Mapping[str, Any], key: str, place: str) -> list[Any]:
    value = holder.get(key)
    if not isinstance(value, list):
        raise PredictionInputError(place, f"has no list {key}")
    return value


def _text(holder: Mapping[str, Any], key: str, place: str) -> str:
    value = holder.get(key)
    if not isinstance(value, str):
        raise PredictionInputError(place, f"has no {key}")
    return value


def confidence_of(value: Any, place: str) -> float:
    """The confidence, or a `PredictionInputError` with the place; percentages are not allowed."""
    number = finite_number(value, place)
    if number > 1 + _ROUNDING:
        raise PredictionInputError(place, f"is {number:g}: a confidence lies between 0 and 1 (divide percent by 100)")
    if number < -_ROUNDING:
        raise PredictionInputError(place, f"is {number:g}: a confidence lies between 0 and 1 (turn logits into shares)")
    return min(max(number, 0.0), 1.0)


_ROUNDING = 1e-5
"""Tolerance of a confidence above 1 or below 0: networks compute with 16 and 32 bits"""


def finite_number(value: Any, place: str) -> float:
    """The number, or a `PredictionInputError` with the place."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise PredictionInputError(place, f"is not a finite number: {value!r}")
    return value


def _need(holds: bool, place: str, problem: str) -> None:
    if not holds:
        raise PredictionInputError(place, problem)
