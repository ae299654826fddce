"""The side that predictions are held against, and which image of it a prediction speaks of."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from benchmark_qa.commands.predictions.detections import Detections, PredictionInputError, Source


class Place(NamedTuple):
    """An image in the words of a prediction file."""

    names: tuple[str, ...]
    """What the file calls it: a data hash, a title, a URL; tried in this order"""
    frame: int | None = None
    """None: the file tells none"""
    space: str | None = None
    """Of a data group or a scene"""


class Kind(NamedTuple):
    """A class in the words of a prediction file."""

    name: str
    """Id, feature hash or name"""
    shown: str | None
    """What it is called where the truth does not have it; None: it must have it"""


@dataclass(frozen=True)
class Given:
    """What a model has predicted, in the words of its file."""

    objects: Sequence[Mapping[str, Any]]
    """COCO results, but `image_id` is a `Place` and `category_id` a `Kind`"""
    places: Iterable[Place] = ()
    """Images that the file speaks of without any object"""
    not_compared: Mapping[str, int] = field(default_factory=dict)
    """Objects that are neither boxes nor areas, by shape"""


@dataclass(frozen=True)
class Truth:
    """Labels that predictions are held against: ground truth, or production's."""

    document: Mapping[str, Any]
    """A COCO data set; the ids are the caller's"""
    sources: tuple[Source, ...]
    """By image"""
    fields: tuple[Mapping[str, Any], ...]
    """By image: what is known of it, for slices"""
    not_compared: Mapping[str, int] = field(default_factory=dict)
    """Objects that are neither boxes nor areas, by shape"""
    grows: bool = False
    """Whether a frame that nobody has labelled is an image without objects: so it is where the labels of a data unit
    are all there (label rows), and not where the images are listed one by one (COCO)"""

    @classmethod
    def from_coco(cls, document: Any) -> Self:
        """A COCO data set.

        Raises:
            PredictionInputError: it is not well formed.
        """
        read = Detections.from_coco(document, [])
        return cls(document, read.sources, read.fields)

    def with_fields(self, known: Mapping[str, Mapping[str, Any]]) -> "Truth":
        """With more known about images: fields by image id, data hash, title or URL."""
        index = _Index(self)
        fields = [dict(each) for each in self.fields]
        for name, more in known.items():
            for at in index.images_of(name):
                fields[at] |= more
        return replace(self, fields=tuple(fields))

    def alone(self) -> Detections:
        """The labels, and a model that predicts nothing."""
        (nothing,) = self.detections([Given(())])
        return nothing

    def detections(self, models: Sequence[Given]) -> list[Detections]:
        """Each model's predictions beside the same images and classes, so that models can be compared.

        Raises:
            PredictionInputError: truth or predictions are not well formed.
        """
        matcher = _Matcher(self)
        matched = [matcher.match(model) for model in models]
        truth = matcher.truth()
        return [
            replace(
                Detections.from_coco(truth.document, results),
                clusters=_clusters(truth.sources),
                fields=truth.fields,
                sources=truth.sources,
                unmatched=_named(missed),
                ambiguous=_named(place for place in missed if matcher.index.is_ambiguous(place)),
                predicted_images=len(images),
                not_compared=_added(self.not_compared, model.not_compared),
            )
            for model, (results, images, missed) in zip(models, matched, strict=True)
        ]


def plain_url(url: str) -> str:
    """A URL without what a signature adds to it; other texts as they are."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def last_part(name: str) -> str:
    """Of a path or a plain URL: the file's name."""
    return PurePosixPath(name).name


class _Index:
    """The images of a truth by what they may be called."""

    def __init__(self, truth: Truth) -> None:
        self._images: dict[str, list[int]] = defaultdict(list)
        """Data unit -> its images"""
        self._units: dict[str, set[str]] = defaultdict(set)
        """Name -> data units; and the images of an image group, which are units of their own besides"""
        for at, (image, source) in enumerate(zip(truth.document["images"], truth.sources, strict=True)):
            own = () if isinstance(image["id"], tuple) else (str(image["id"]),)
            unit = f"unit {source.data_hash}" if source.data_hash else f"image {at}"
            self._note(unit, at, (source.data_hash, source.title, source.url))
            self._note(f"image {at} alone", at, (*own, *source.names))

    def _note(self, unit: str, at: int, names: Iterable[str | None]) -> None:
        self._images[unit].append(at)
        plain = {plain_url(name) for name in names if name}
        for name in plain | {last_part(name) for name in plain}:
            self._units[name].add(unit)

    def images_of(self, name: str) -> list[int]:
        """All images of the one data unit of that name; of units that lie in each other, the inner one's."""
        units = [self._images[unit] for unit in self._units.get(plain_url(name), ())]
        return sorted(set(units[0]).intersection(*units[1:])) if units else []

    def unit(self, place: Place) -> list[int]:
        """The images of the data unit that is meant: by its names, then by the last part of a path or URL."""
        tried = [*place.names, *map(last_part, place.names)]
        return next((found for name in tried if (found := self.images_of(name))), [])

    def is_ambiguous(self, place: Place) -> bool:
        """Whether several data units are called so."""
        return any(self._units.get(plain_url(name)) and not self.images_of(name) for name in place.names)


class _Matcher:
    """Finds images and classes, and notes those that the truth did not list."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self.index = _Index(truth)
        self._images: list[Mapping[str, Any]] = list(truth.document["images"])
        self._sources, self._fields = list(truth.sources), list(truth.fields)
        self._classes = {str(category["id"]): category["id"] for category in truth.document["categories"]}
        names: dict[str, list[Hashable]] = defaultdict(list)
        for category in truth.document["categories"]:
            for name in {category["name"], category.get("feature_hash")} - {None}:
                names[name].append(category["id"])
        self._named = {name: ids for name, ids in names.items() if name not in self._classes}
        self._new_classes: list[dict[str, Any]] = []

    def match(self, model: Given) -> tuple[list[dict[str, Any]], set[Hashable], list[Place]]:
        """COCO results in the truth's ids, the images of the truth they are on, and images it does not know."""
        images: dict[Place, Hashable] = {}
        for place in dict.fromkeys((*model.places, *(item["image_id"] for item in model.objects))):
            images[place] = self._image(place)
        missed = [place for place, image in images.items() if image is None]
        results = [
            {**item, "image_id": image, "category_id": self._class(item["category_id"])}
            for item in model.objects
            if (image := images[item["image_id"]]) is not None
        ]
        return results, set(images.values()) - {None}, missed

    def truth(self) -> Truth:
        """With the frames and classes that only models know, which then have no objects."""
        document = {
            **self._truth.document,
            "images": self._images,
            "categories": [*self._truth.document["categories"], *self._new_classes],
        }
        return replace(self._truth, document=document, sources=tuple(self._sources), fields=tuple(self._fields))

    def _image(self, place: Place) -> Hashable | None:
        candidates = self.index.unit(place)
        if not candidates:
            return None
        fitting = [at for at in candidates if self._fits(self._sources[at], place)]
        if len(fitting) == 1:
            return self._id(fitting[0])
        if fitting or not self._truth.grows or place.frame is None:
            return None
        return self._new_image(candidates, place)

    def _fits(self, source: Source, place: Place) -> bool:
        frame_fits = place.frame is None or source.frame in (None, place.frame)
        return frame_fits and place.space in (None, source.space)

    def _new_image(self, candidates: list[int], place: Place) -> Hashable:
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

    def _class(self, kind: Kind) -> Hashable:
        ids = [self._classes[kind.name]] if kind.name in self._classes else self._named.get(kind.name, [])
        if len(ids) == 1:
            return ids[0]
        if ids:
            raise PredictionInputError(f"class {kind.name!r}", f"is the name of {len(ids)} classes: give its id")
        if kind.shown is None:
            raise PredictionInputError(f"class {kind.name!r}", "is not among the classes of the truth")
        self._classes[kind.name] = kind.name
        self._new_classes.append({"id": kind.name, "name": kind.shown})
        return kind.name


def _named(places: Iterable[Place]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(place.names[0] for place in places))


def _clusters(sources: Sequence[Source]) -> tuple[int, ...]:
    """Images of one data unit belong together."""
    numbers: dict[Hashable, int] = {}
    return tuple(
        numbers.setdefault(("unit", source.data_hash) if source.data_hash else ("image", at), len(numbers))
        for at, source in enumerate(sources)
    )


def _added(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {shape: first.get(shape, 0) + second.get(shape, 0) for shape in {**first, **second}}
