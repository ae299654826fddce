"""The truth of an evaluation, and the search for the image that a prediction means."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, Self

from benchmark_qa.commands.predictions.detections import (
    Detections,
    ImageSource,
    PredictionInputError,
    box_around,
    in_order_of_ids,
)
from benchmark_qa.commands.predictions.result import PackedResults
from benchmark_qa.formats.coco_reader import SHARES, id_text, size_of
from benchmark_qa.formats.label_parts import ImageSize
from benchmark_qa.images.data_units import ImageMap
from benchmark_qa.images.identity import Asked, ImageIndex, KnownImage, Match, Matching
from benchmark_qa.labels.answers import seen_text


class GivenImage(NamedTuple):
    """An image, as a prediction file names it."""

    names: tuple[str, ...]
    """Names in the file: a data hash, a title, a URL"""
    frame: int | None = None
    """None: the file gives no frame"""
    space: str | None = None
    """Space of a data group or a scene"""
    ids: tuple[str, ...] = ()
    """Possible ids in the labels' file, or names without extension"""
    size: ImageSize | None = None

    @property
    def shown(self) -> str:
        """The name in messages."""
        return (self.names or self.ids or ("an image without a name",))[0]


class GivenClass(NamedTuple):
    """A class, as a prediction file names it."""

    name: str
    """Id, feature hash or name"""
    shown: str | None
    """Name for a class that the truth does not have; None: the truth must have it"""


@dataclass(frozen=True)
class GivenPredictions:
    """A model's predictions, as its file names images and classes."""

    objects: Sequence[Mapping[str, Any]]
    """COCO results, but `image_id` is a `GivenImage` and `category_id` a `GivenClass`"""
    places: Iterable[GivenImage] = ()
    """Images that the file mentions without any object"""
    not_compared: Mapping[str, int] = field(default_factory=dict)
    """Objects that are neither boxes nor areas, by shape"""
    notes: tuple[str, ...] = ()
    """Remarks for the user about how the file was read"""


@dataclass(frozen=True)
class Truth:
    """Labels that predictions are compared with: ground truth, or production's."""

    document: Mapping[str, Any]
    """A COCO data set, with the ids of the caller"""
    sources: tuple[ImageSource, ...]
    """By image"""
    fields: tuple[Mapping[str, Any], ...]
    """By image: its metadata, for slices"""
    not_compared: Mapping[str, int] = field(default_factory=dict)
    """Objects that are neither boxes nor areas, by shape"""
    grows: bool = False
    """Whether a frame without labels is an image without objects.

    True for label rows, which hold all labels of a data unit; false for COCO, which lists its images.
    """
    notes: tuple[str, ...] = ()
    """Remarks for the user about how the labels were read"""

    @classmethod
    def from_coco(cls, document: Any) -> Self:
        """The truth of a COCO data set.

        Raises:
            PredictionInputError: it is not well formed.
        """
        read = Detections.from_coco(document, [])
        images = document["images"]  # `read` has them in the order of their ids
        return cls({**document, "images": [images[at] for at in in_order_of_ids(images)]}, read.sources, read.fields)

    def with_fields(self, known: Mapping[str, Mapping[str, Any]]) -> "Truth":
        """The truth with added metadata: fields by image id, data hash, title or URL."""
        index = _Index(self)
        fields = [dict(each) for each in self.fields]
        for name, more in known.items():
            for at in index.images_of(name):
                fields[at] |= more
        return replace(self, fields=tuple(fields))

    def unknown(self, names: Iterable[str]) -> list[str]:
        """The names that mean no image, or several."""
        index = _Index(self)
        return [name for name in names if not index.images_of(name)]

    def alone(self) -> Detections:
        """The labels, with a model that predicts nothing."""
        (nothing,) = self.detections([GivenPredictions(())])
        return nothing

    def detections(
        self,
        models: Sequence[GivenPredictions],
        image_map: ImageMap | None = None,
        class_map: Mapping[str, str] | None = None,
    ) -> list[Detections]:
        """Each model's predictions on the same images and classes, so that models can be compared.

        Args:
            models: the predictions of each.
            image_map: the image that a name means; has precedence over every other rule.
            class_map: feature hash or name by the number of a class, for predictions without class names.

        Raises:
            PredictionInputError: truth or predictions are not well formed.
        """
        matcher = _Matcher(self, image_map, class_map or {})
        matched = [matcher.match(model) for model in models]
        truth = matcher.truth()
        return [
            replace(
                Detections.from_coco(truth.document, one.results),
                clusters=_clusters(truth.sources),
                fields=truth.fields,
                sources=truth.sources,
                unmatched=_named(one.missed),
                matching=one.matching,
                predicted_images=len(one.images),
                not_compared=_added(self.not_compared, model.not_compared),
                notes=(*model.notes, *self.notes, *one.notes),
            )
            for model, one in zip(models, matched, strict=True)
        ]


class _Index:
    """The images of a truth by their possible names: as data units, and each by itself."""

    def __init__(self, truth: Truth) -> None:
        self._members: list[list[int]] = []
        """By position in the index: indices of images"""
        known: list[KnownImage] = []
        units: dict[str, int] = {}
        for at, (image, source) in enumerate(zip(truth.document["images"], truth.sources, strict=True)):
            names = tuple(name for name in (source.title, source.url) if name)
            ids = () if isinstance(image["id"], tuple) else (id_text(image["id"]),)
            if source.data_hash is None:
                known.append(KnownImage((*source.names, *names), ids=ids, size=size_of(image)))
                self._members.append([at])
                continue
            if source.data_hash not in units:
                units[source.data_hash] = len(known)
                known.append(KnownImage(names, (source.data_hash,)))
                self._members.append([])
            self._members[units[source.data_hash]].append(at)
            known.append(KnownImage(source.names, ids=ids, size=size_of(image), within=units[source.data_hash]))
            self._members.append([at])
        self._images = ImageIndex(known)

    def images_of(self, name: str) -> list[int]:
        """All images that a name means."""
        found = self._images.find(Asked((name,), (name,), (name,)))
        return self._members[found.at] if isinstance(found, Match) else []

    def matching(
        self, places: Sequence[GivenImage], image_map: ImageMap | None
    ) -> tuple[Matching, dict[GivenImage, list[int]]]:
        """The outcome for every image that was asked for, and the images of each place's data unit."""
        asked: dict[Asked, list[GivenImage]] = defaultdict(list)
        for place in places:
            asked[Asked(place.names, place.names, place.ids, place.size)].append(place)
        matching = self._images.all_of(list(asked), image_map)
        return matching, {
            place: self._members[match.at]
            for match, of_name in zip(matching.found, asked.values(), strict=True)
            if match is not None
            for place in of_name
        }


@dataclass(frozen=True)
class _Matched:
    """A model's predictions with the truth's ids."""

    results: PackedResults

    images: set[Hashable]
    """Images of the truth that the predictions mention"""
    missed: list[GivenImage]
    matching: Matching
    notes: tuple[str, ...]


class _Matcher:
    """Finds images and classes, and collects those that the truth does not list."""

    def __init__(self, truth: Truth, image_map: ImageMap | None, class_map: Mapping[str, str]) -> None:
        self._truth = truth
        self._class_map = class_map
        self._map = image_map
        self._index = _Index(truth)
        self._images: list[Mapping[str, Any]] = list(truth.document["images"])
        self._sources, self._fields = list(truth.sources), list(truth.fields)
        self._classes = {id_text(category["id"]): category["id"] for category in truth.document["categories"]}
        names: dict[str, list[Hashable]] = defaultdict(list)
        for category in truth.document["categories"]:
            for name in {seen_text(category["name"]), category.get("feature_hash")} - {None}:
                names[name].append(category["id"])
        self._named = {name: ids for name, ids in names.items() if name not in self._classes}
        self._new_classes: list[dict[str, Any]] = []
        self._notes: dict[str, None] = {}

    def match(self, model: GivenPredictions) -> _Matched:
        """Find the images and classes of a model's predictions."""
        self._notes = {}
        objects = PackedResults.of(model.objects)
        places: list[GivenImage] = list(dict.fromkeys((*model.places, *objects.images)))  # type: ignore[arg-type]
        matching, candidates = self._index.matching(places, self._map)
        images = {place: self._image(place, candidates.get(place, [])) for place in places}
        if self._truth.grows or any(SHARES in fields for fields in objects.more.values()):
            objects = PackedResults.of(self._on_image(item, images[item["image_id"]]) for item in objects)
        results = objects.renamed(lambda place: images[place], self._class)  # type: ignore[index, arg-type]
        missed = [place for place, image in images.items() if image is None]
        if results and all("bbox" in item and max(item["bbox"]) <= 1 for item in results):
            self._notes[
                "all predicted boxes lie within one pixel: x, y, w and h are pixels, no shares of the image"
            ] = None
        return _Matched(results, set(images.values()) - {None}, missed, matching, tuple(self._notes))

    def _on_image(self, item: Mapping[str, Any], image: Hashable) -> Mapping[str, Any]:
        """The object in pixels; beside label rows, whose boxes are cut at the edges, its box is cut, too."""
        placed = self._in_pixels(item, image)
        return cut_at_edges(placed, self._sizes.get(image)) if self._truth.grows else placed

    def _in_pixels(self, item: Mapping[str, Any], image: Hashable) -> Mapping[str, Any]:
        """The object in pixels, if the file gives shares of an image of unknown size."""
        if not item.get(SHARES) or image is None:
            return item
        size = self._sizes.get(image)
        if size is None:
            raise PredictionInputError(f"image {image!r}", "has no width and height, and neither have the predictions")
        scaled = dict(item)
        if "bbox" in item:
            scaled["bbox"] = [number * size[at % 2] for at, number in enumerate(item["bbox"])]
        if isinstance(item.get("segmentation"), list):
            scaled["segmentation"] = [
                [number * size[at % 2] for at, number in enumerate(ring)] for ring in item["segmentation"]
            ]
        return scaled

    @cached_property
    def _sizes(self) -> dict[Hashable, ImageSize | None]:
        return {image["id"]: size_of(image) for image in self._images}

    def truth(self) -> Truth:
        """The truth with frames and classes that only models have, without objects; images in order of ids."""
        order = in_order_of_ids(self._images)
        document = {
            **self._truth.document,
            "images": [self._images[at] for at in order],
            "categories": [*self._truth.document["categories"], *self._new_classes],
        }
        return replace(
            self._truth,
            document=document,
            sources=tuple(self._sources[at] for at in order),
            fields=tuple(self._fields[at] for at in order),
        )

    def _image(self, place: GivenImage, candidates: list[int]) -> Hashable | None:
        if not candidates:
            return None
        if self._map is not None:
            place = self._as_meant(place)
        fitting = [at for at in candidates if self._fits(self._sources[at], place)]
        if len(fitting) == 1:
            return self._id(fitting[0])
        if fitting or not self._truth.grows or place.frame is None:
            return None
        return self._new_image(candidates, place)

    def _as_meant(self, place: GivenImage) -> GivenImage:
        """The place with frame and space from the map, if the map has the image."""
        meant = self._map.find(Asked(place.names, place.names, place.ids)) if self._map is not None else None
        if meant is None:
            return place
        frame = place.frame if meant.frame is None else meant.frame
        return place._replace(frame=frame, space=place.space if meant.space is None else meant.space)

    def _fits(self, source: ImageSource, place: GivenImage) -> bool:
        frame_fits = place.frame is None or source.frame in (None, place.frame)
        return frame_fits and place.space in (None, source.space)

    def _new_image(self, candidates: list[int], place: GivenImage) -> Hashable:
        like = self._images[candidates[0]]
        source = replace(self._sources[candidates[0]], frame=place.frame, space=place.space or "")
        identity = (source.data_hash, source.space, source.frame)
        self._images.append({**like, "id": identity})
        self._sources.append(source)
        self._fields.append(self._fields[candidates[0]])
        candidates.append(len(self._images) - 1)
        return identity

    def _id(self, at: int) -> Hashable:
        identity: Hashable = self._images[at]["id"]
        return identity

    def _class(self, kind: GivenClass) -> Hashable:
        name = seen_text(self._class_map.get(kind.name, kind.name) if kind.shown is None else kind.name)
        ids = [self._classes[name]] if name in self._classes else self._named.get(name, [])
        if len(ids) == 1:
            return ids[0]
        if ids:
            raise PredictionInputError(f"class {kind.name!r}", f"is the name of {len(ids)} classes: give its id")
        if kind.shown is None:
            raise PredictionInputError(f"class {kind.name!r}", "is not among the classes of the truth")
        known_names = [*self._named, *(category["name"] for category in self._truth.document["categories"])]
        like = next((known for known in known_names if _loosely(known) == _loosely(name)), None)
        if like is not None:
            self._notes[f"class {kind.shown!r} is not class {like!r} of the labels: it is spelt otherwise"] = None
        self._classes[name] = name
        self._new_classes.append({"id": name, "name": kind.shown})
        return name


def cut_at_edges(item: Mapping[str, Any], size: ImageSize | None) -> Mapping[str, Any]:
    """The object with its box cut at the edges of its image; a box that lies outside stays as it is."""
    outline = item.get("segmentation")
    box = item.get("bbox") or (box_around(outline) if isinstance(outline, list) else None)
    if box is None or size is None:
        return item
    left, top = max(box[0], 0.0), max(box[1], 0.0)
    width, height = min(box[0] + box[2], size[0]) - left, min(box[1] + box[3], size[1]) - top
    is_cut = left > box[0] or top > box[1] or box[0] + box[2] > size[0] or box[1] + box[3] > size[1]
    return {**item, "bbox": [left, top, width, height]} if is_cut and width > 0 and height > 0 else item


def _loosely(name: str) -> str:
    """The name without what people spell differently: case, spaces, hyphens, underscores."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _named(places: Iterable[GivenImage]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(place.shown for place in places))


def _clusters(sources: Sequence[ImageSource]) -> tuple[int, ...]:
    """Cluster number of each image; images of one data unit share one."""
    numbers: dict[Hashable, int] = {}
    return tuple(
        numbers.setdefault(("unit", source.data_hash) if source.data_hash else ("image", at), len(numbers))
        for at, source in enumerate(sources)
    )


def _added(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {shape: first.get(shape, 0) + second.get(shape, 0) for shape in {**first, **second}}
