"""Add image sizes that a file does not give, from the data units on Encord."""

from collections.abc import Mapping
from typing import Any

from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.label_writing import TruthRows
from benchmark_qa.formats.coco_reader import SHARES, size_of
from benchmark_qa.formats.label_parts import Size
from benchmark_qa.images.identity import Asked, ImageIndex, Known, Match
from benchmark_qa.images.image_map import ImageMap


def with_known_sizes(
    document: Mapping[str, Any], encord: Encord, project_hash: str, image_map: ImageMap | None
) -> Mapping[str, Any]:
    """The COCO document with sizes from Encord. 1 request if the file lacks a size, else none."""
    images = document.get("images")
    if not isinstance(images, list) or all(not isinstance(one, Mapping) or size_of(one) for one in images):
        return document
    slots = TruthRows(encord, project_hash).slots()
    known = [
        Known((slot.title, *([slot.url] if slot.url else [])), (slot.data_hash,), size=slot.size) for slot in slots
    ]
    index = ImageIndex(known)
    return {**document, "images": [_sized(image, index, image_map) for image in images]}


def _sized(image: Any, index: ImageIndex, image_map: ImageMap | None) -> Any:
    if not isinstance(image, Mapping) or size_of(image) or image.get(SHARES):  # shares need no size
        return image
    keys = ("data_title", "image_title", "file_name", "coco_url")
    names = tuple(str(image[key]) for key in keys if image.get(key))
    hashes = (str(image["data_hash"]),) if image.get("data_hash") else ()
    (found,) = index.all_of([Asked(names, hashes)], image_map).found
    size: Size | None = index.known[found.at].size if isinstance(found, Match) else None
    return image if size is None else {**image, "width": size[0], "height": size[1]}
