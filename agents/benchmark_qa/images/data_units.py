"""Assign labels to the data units of a project, by the rules of `images/identity.py`."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from benchmark_qa.formats.coco_building import in_pixels
from benchmark_qa.formats.coco_reader import SHARES, id_text, size_of
from benchmark_qa.formats.label_parts import ImageSize, InputFault, Labelled
from benchmark_qa.images.identity import Asked, ImageIndex, KnownImage, Match, Matching


class ImageMapError(ValueError):
    """The list is not valid; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Meant:
    """The image that a name means."""

    name: str
    """Data hash, title or URL that identifies the image in the target project."""
    frame: int | None = None
    space: str | None = None


class ImageMap:
    """A map from names of images to images.

    Args:
        entries: names and ids of an image, and the image they mean.
    """

    def __init__(self, entries: Iterable[tuple[KnownImage, Meant]]) -> None:
        called: dict[Meant, list[KnownImage]] = defaultdict(list)  # an export in two formats lists each image twice
        for known, meant in entries:
            called[meant].append(known)
        self._meant = list(called)
        self._index = ImageIndex(
            [
                KnownImage(
                    tuple(dict.fromkeys(name for known in of_image for name in known.names)),
                    ids=tuple(dict.fromkeys(own for known in of_image for own in known.ids)),
                )
                for of_image in called.values()
            ]
        )

    @classmethod
    def of_rows(cls, rows: Iterable[Mapping[str, Any]]) -> Self:
        """A map from the lines of `images.jsonl`, or the `images` of a COCO file.

        An image of a COCO file that no export wrote has no data hash: its id means its file name.

        Raises:
            ImageMapError: a row has no file, or neither data hash nor id.
        """
        return cls(_entry(row, at) for at, row in enumerate(rows))

    @classmethod
    def of_names(cls, names: Mapping[str, Any]) -> Self:
        """A map from `{name in the file: data hash, title or URL}`.

        A value may also be an object with `data_hash` and `frame`.

        Raises:
            ImageMapError: a value is neither.
        """
        entries: list[tuple[KnownImage, Meant]] = []
        for name, meant in names.items():
            if isinstance(meant, Mapping):
                entries.append(_entry({"file": name, **meant}, len(entries)))
            elif isinstance(meant, str) and meant:
                entries.append((KnownImage((name,), ids=(name,)), Meant(meant)))
            else:
                raise ImageMapError(f"{name!r} means no image: write the data hash, the title or the URL of one")
        return cls(entries)

    def find(self, asked: Asked) -> Meant | None:
        """The image that the list states; None if it states none, or several."""
        found = self._index.find(replace(asked, size=None))
        return self._meant[found.at] if isinstance(found, Match) else None


def _entry(row: Mapping[str, Any], at: int) -> tuple[KnownImage, Meant]:
    names = tuple(str(row[key]) for key in ("file", "file_name") if row.get(key))
    data_hash = row.get("data_hash")
    if data_hash is None and row.get("id") is not None and row.get("file_name"):
        data_hash = str(row["file_name"])
    if not names or not isinstance(data_hash, str) or not data_hash:
        raise ImageMapError(f"entry {at + 1} has no file or no data_hash")
    frame, space = row.get("frame"), row.get("space")
    ids = (str(row["id"]),) if isinstance(row.get("id"), int | str) else ()
    return (
        KnownImage(names, ids=ids),
        Meant(data_hash, frame if isinstance(frame, int) else None, space if isinstance(space, str) else None),
    )


By = Literal["data-hash", "url", "title"]


ALL_WAYS: tuple[By, ...] = ("data-hash", "url", "title")


@dataclass(frozen=True, slots=True)
class DataUnit:
    """A data unit and the names it may have elsewhere."""

    data_hash: str
    title: str
    url: str | None = None
    size: ImageSize | None = None


@dataclass(frozen=True)
class Joined:
    """Labels by the data hash of their unit, and labels without a unit."""

    found: Mapping[str, Labelled]
    faults: tuple[InputFault, ...]
    matching: Matching


def joined_labels(
    labelled: Sequence[Labelled],
    units: Sequence[DataUnit],
    by: Sequence[By] = ALL_WAYS,
    image_map: ImageMap | None = None,
) -> Joined:
    """Find the data unit of each label set; if two belong to one unit, both are refused.

    Args:
        labelled: the labels of a file, or of another project.
        units: the data units of the project that receives the labels.
        by: the kinds of names that identify data units.
        image_map: maps names to data units; it takes precedence over all other rules.
    """
    index = ImageIndex([_known(unit, by) for unit in units])
    asked = [_asked(one, by) for one in labelled]
    matching = index.all_of(asked, image_map)
    faults = [InputFault(refusal.asked, refusal.reason) for refusal in matching.refused.values()]
    found: dict[str, Labelled] = {}
    for one, match in zip(labelled, matching.found, strict=True):
        if match is None:
            continue
        unit = units[match.at]
        if unit.data_hash in found:
            faults.append(InputFault(one.name, f"belongs to the same data unit as {found[unit.data_hash].name!r}"))
        else:
            found[unit.data_hash] = one
    return Joined(found, tuple(faults), matching)


def sized(document: Mapping[str, Any], units: Sequence[DataUnit], image_map: ImageMap | None) -> Mapping[str, Any]:
    """The COCO document with the sizes of its images that only the data units have, and all they know in pixels."""
    images = document.get("images")
    if not lacks_sizes(document) or not isinstance(images, list):
        return document
    index = ImageIndex([_known(unit, ALL_WAYS) for unit in units])
    found = [_sized(image, index, image_map) for image in images]
    scaled = {
        id_text(before.get("id")): (now["width"], now["height"])
        for before, now in zip(images, found, strict=True)
        if isinstance(before, Mapping) and before.get(SHARES) and not now.get(SHARES)
    }
    annotations = document.get("annotations")
    if not scaled or not isinstance(annotations, list):
        return {**document, "images": found}
    moved = [
        in_pixels(one, size) if (size := scaled.get(id_text(one.get("image_id")))) is not None else one
        for one in annotations
    ]
    return {**document, "images": found, "annotations": moved}


def lacks_sizes(document: Mapping[str, Any]) -> bool:
    """Whether the document does not say the size of an image."""
    images = document.get("images")
    return isinstance(images, list) and any(isinstance(image, Mapping) and not size_of(image) for image in images)


def _sized(image: Any, index: ImageIndex, image_map: ImageMap | None) -> Any:
    if not isinstance(image, Mapping) or size_of(image):
        return image
    stem = str(image["stem"]) if image.get("stem") else ""
    keys = () if stem else ("data_title", "image_title", "file_name", "coco_url")
    names = tuple(str(image[key]) for key in keys if image.get(key))
    hashes = (str(image["data_hash"]),) if image.get("data_hash") else ()
    (found,) = index.all_of([Asked(names, hashes, (stem,) if stem else ())], image_map).found
    size = index.known[found.at].size if isinstance(found, Match) else None
    if size is None:
        return image
    return {**{key: value for key, value in image.items() if key != SHARES}, "width": size[0], "height": size[1]}


def _known(unit: DataUnit, by: Sequence[By]) -> KnownImage:
    names = [unit.title] if "title" in by else []
    if "url" in by and unit.url:
        names.append(unit.url)
    return KnownImage(tuple(names), (unit.data_hash,) if "data-hash" in by else (), size=unit.size)


def _asked(one: Labelled, by: Sequence[By]) -> Asked:
    names = [*(one.urls if "url" in by else ()), *(one.titles if "title" in by else ())]
    hashes = (one.data_hash,) if one.data_hash and "data-hash" in by else ()
    return Asked(tuple(names), hashes, one.ids if "title" in by else (), size=one.size, label=one.name)
