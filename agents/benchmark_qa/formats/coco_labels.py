"""Read COCO files (detection, segmentation, keypoints) into labels for an ontology.

Each annotation is drawn with the shape of its class: a box, a box rotated by `attributes.rotation`, polygons, a bitmask
(from run lengths or from polygons), a skeleton (from keypoints, joined by their names) or a point. Object hashes are
derived from the ids of image and annotation, so the same file always makes the same labels.
"""

from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from hashlib import blake2b
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import numpy as np

from benchmark_qa.formats.class_mapping import Target, UnmappedError, answers_of
from benchmark_qa.formats.coco_building import turned_by_corners
from benchmark_qa.formats.coco_reader import (
    _PREFERRED,
    _VISIBILITIES,
    SHARES,
    UNKNOWN,
    NoKeypointError,
    UndrawableError,
    _box,
    _by_id,
    _Faults,
    _list,
    _number,
    id_text,
    size_of,
    whole_number,
)
from benchmark_qa.formats.drawn_shapes import clipped_box, clipped_polygons, exact_drawing, polygons
from benchmark_qa.formats.label_parts import ImageSize, Json, Labelled, LabelParts, LabelReading
from benchmark_qa.formats.regions import outlines_of
from benchmark_qa.formats.run_lengths import pixels_of_rings, run_length_string
from benchmark_qa.labels.ontology import ObjectClass, Shape
from benchmark_qa.labels.runs import BadRunLengthError, decode_runs


def read_coco(document: Mapping[str, Any], target: Target) -> LabelReading:
    """Labels of every image of a COCO document; an image without annotations has empty labels.

    Args:
        document: parsed JSON with `images`, `annotations` and `categories`.
        target: the ontology, and the names of the categories in it.

    Raises:
        CocoError: it is not COCO. Single annotations that cannot be used become faults of the reading.
    """
    images = _by_id(document, "images")
    categories = _by_id(document, "categories")
    annotations: dict[str, list[Json]] = {own: [] for own in images}
    faults = _Faults()
    for annotation in _list(document, "annotations"):
        own = id_text(annotation.get("image_id"))
        if own in annotations:
            annotations[own].append(annotation)
        else:
            faults.add(f"annotation {annotation.get('id')}", f"the file has no image {annotation.get('image_id')!r}")
    labelled = [
        (image, _labelled(image, annotations[own], categories, target, faults)) for own, image in images.items()
    ]
    return LabelReading(tuple(_with_films(labelled)), tuple(faults.listed()), faults.in_words())


def _with_films(labelled: Sequence[tuple[Json, Labelled]]) -> Iterator[Labelled]:
    """The labels, with frames of one data unit combined.

    Our own export lists the frames of videos, groups and series like this.
    """
    frames: dict[str, list[tuple[int, Labelled]]] = defaultdict(list)
    for image, one in labelled:
        frame = whole_number(image.get("frame"))
        if one.data_hash is None or frame is None or image.get("space"):
            yield one
        else:
            frames[one.data_hash].append((frame, one))
    for of_unit in frames.values():
        if len(of_unit) == 1 and of_unit[0][0] == 0:
            yield of_unit[0][1]
        else:
            yield _film(of_unit)


def _film(of_unit: Sequence[tuple[int, Labelled]]) -> Labelled:
    first = of_unit[0][1]
    return replace(
        first,
        parts=LabelParts(
            ({str(frame): one.parts.units[0] for frame, one in of_unit},),
            object_answers={own: entry for _, one in of_unit for own, entry in one.parts.object_answers.items()},
        ),
        size=None if len({one.size for _, one in of_unit}) > 1 else first.size,
        annotated=any(one.annotated for _, one in of_unit),
    )


def _labelled(
    image: Json, annotations: Sequence[Json], categories: Mapping[str, Json], target: Target, faults: _Faults
) -> Labelled:
    size = size_of(image)
    objects, answers = [], {}
    repeats: Counter[str] = Counter()
    hashes: set[str] = set()
    unplaced = 0
    for annotation in annotations:
        subject, name = f"annotation {annotation.get('id')}", ""
        repeats[id_text(annotation.get("id"))] += 1
        try:
            category = categories.get(id_text(annotation.get("category_id")))
            if category is None:
                raise UndrawableError(f"the file has no category {annotation.get('category_id')!r}")
            name = str(category.get("name"))
            item, drawing, clipped = _drawing(annotation, category, target, size or _shares_of(image))
            own = _object_hash(image, annotation, repeats[id_text(annotation.get("id"))], hashes)
            hashes.add(own)
        except NoKeypointError:
            faults.others["objects without a keypoint left out: nobody has drawn them"] += 1
            unplaced += 1
            continue
        except UnmappedError as error:
            faults.add(subject, str(error))
            continue
        except UndrawableError as error:
            faults.add(subject, f"{error} (class {name!r})" if name else str(error))
            continue
        if clipped:
            faults.others["objects cut off at the edges of their images"] += 1
        given, problems = answers_of(annotation.get("attributes"), name, item, target)
        for problem in problems:
            faults.add(subject, problem)
        objects.append({"objectHash": own, "featureHash": item.hash, "name": item.name, "shape": item.shape, **drawing})
        answers[own] = {"objectHash": own, "classifications": given}
    parts = LabelParts(({"objects": objects, "classifications": []},), object_answers=answers)
    file_name = str(image.get("file_name") or "")
    titles = [str(image[key]) for key in ("image_title", "data_title", "file_name") if image.get(key)]
    extra = image.get("extra")
    if isinstance(extra, Mapping) and extra.get("name"):
        titles.append(str(extra["name"]))  # Roboflow's field: the file's name before it was renamed
    return Labelled(
        name=str(image.get("image_title") or file_name or f"image {image.get('id')}"),
        parts=parts,
        data_hash=_data_hash(image, file_name),
        urls=tuple(str(image[key]) for key in ("coco_url", "url") if image.get(key)),
        titles=() if image.get("stem") else tuple(dict.fromkeys(titles)),
        ids=(str(image["stem"]),) if image.get("stem") else (),
        size=size,
        annotated=bool(objects) or len(annotations) > unplaced,
    )


def _shares_of(image: Json) -> ImageSize | None:
    """The size that converts coordinates to shares of the image; None if they are in pixels."""
    return UNKNOWN if image.get(SHARES) is True else None


def _drawing(
    annotation: Json, category: Json, target: Target, size: ImageSize | None
) -> tuple[ObjectClass, dict[str, Any], bool]:
    """Class and geometry of an annotation, and whether it was clipped.

    The class's first shape that can be drawn is used.
    """
    classes = target.objects(str(category.get("name")))
    drawable = sorted(
        (item for item in classes if item.shape in _PREFERRED), key=lambda item: _PREFERRED.index(item.shape)
    )
    if not drawable:
        raise UndrawableError(f"class {classes[0].name!r} is a {classes[0].shape}, which COCO does not know")
    if size is None:
        raise UndrawableError("its image has no width and height")
    refused = None
    for item in drawable:
        try:
            exact = exact_drawing(annotation, item.shape, size)
            if exact is not None:
                return item, exact, False
            return item, *_geometry(annotation, category, target, item, size)
        except UndrawableError as error:
            refused = refused or error
    raise refused or AssertionError("unreachable")


def _geometry(
    annotation: Json, category: Json, target: Target, item: ObjectClass, size: ImageSize
) -> tuple[dict[str, Any], bool]:
    """The geometry for the shape of a class, and whether it was clipped."""
    _require_single(annotation, item)
    match item.shape:
        case Shape.BOUNDING_BOX:
            box = _box(annotation, size)
            inside = clipped_box(box)
            return {"boundingBox": inside}, inside != box
        case Shape.ROTATABLE_BOUNDING_BOX:
            return _turned_box(annotation, size), False
        case Shape.POLYGON:
            return _polygon(annotation, size)
        case Shape.BITMASK:
            return {"bitmask": _bitmask(annotation, size)}, False
        case Shape.POINT:
            return {"point": _point(annotation, size)}, False
        case Shape.SKELETON:
            return {"skeleton": _skeleton(annotation, category, target, item, size)}, False
        case _:
            raise UndrawableError(f"has no {item.shape}, and its class is one (COCO has none)")


def _turned_box(annotation: Json, size: ImageSize) -> dict[str, Any]:
    """A box turned by `attributes.rotation`, or the four corners of an outline."""
    turned = _number((annotation.get("attributes") or {}).get("rotation") or 0.0, "rotation")
    rings = annotation.get("segmentation")
    if turned or not isinstance(rings, list) or len(rings) != 1 or len(rings[0]) != 8:
        return {"rotatableBoundingBox": {**_box(annotation, size), "theta": turned}}
    if size == UNKNOWN:
        raise UndrawableError("is a turned box on an image whose size is not known: put the pictures beside the labels")
    (ring,) = _rings(annotation)
    return turned_by_corners(np.array(ring).reshape(4, 2), size)


def _require_single(annotation: Json, item: ObjectClass) -> None:
    """Refuse an annotation that is not a single object."""
    if annotation.get("iscrowd") and item.shape is not Shape.BITMASK:  # Encord's and CVAT's masks are marked so
        raise UndrawableError(f"a crowd region (iscrowd) is no single {item.name!r}")
    if annotation.get("ignore"):
        raise UndrawableError(f"is marked to be ignored, so it is no {item.name!r}")


def _polygon(annotation: Json, size: ImageSize) -> tuple[dict[str, Any], bool]:
    """The polygon of an annotation, and whether it was clipped.

    Run lengths become outlines of their pixels.
    """
    if not isinstance(annotation.get("segmentation"), Mapping):
        return clipped_polygons([np.array(ring).reshape(-1, 2) / size for ring in _rings(annotation)])
    parts = outlines_of(_decoded(annotation["segmentation"], size))
    if not parts:
        raise UndrawableError("has a mask without a pixel on its image")
    return polygons([[ring / size for ring in part] for part in parts]), False


def _point(annotation: Json, size: ImageSize) -> dict[str, Any]:
    ((x, y, seen),) = _keypoints(annotation, 1)
    if not seen:
        raise NoKeypointError
    if not (0 <= x <= size[0] and 0 <= y <= size[1]):
        raise UndrawableError("has a point that lies outside its image")
    return {"0": {"x": x / size[0], "y": y / size[1]}}


def _rings(annotation: Json) -> list[list[float]]:
    """Outer rings as flat lists, in pixels."""
    segmentation = annotation.get("segmentation")
    if not isinstance(segmentation, list) or not segmentation or not all(isinstance(r, list) for r in segmentation):
        raise UndrawableError("has no segmentation")
    rings = [[_number(number, "segmentation") for number in ring] for ring in segmentation]
    if any(len(ring) < 6 or len(ring) % 2 for ring in rings):
        raise UndrawableError("has a segmentation of fewer than three points, or half a point")
    return rings


def _bitmask(annotation: Json, size: ImageSize) -> dict[str, Any]:
    width, height = size
    if size == UNKNOWN:
        raise UndrawableError("is a mask on an image whose size is not known: put the pictures beside the labels")
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, Mapping):
        pixels = _decoded(segmentation, size)
    else:
        pixels = np.zeros((height, width), np.bool_)
        for ring in _rings(annotation):  # parts of one object are united; overlaps do not cancel
            pixels |= pixels_of_rings([np.array(ring).reshape(-1, 2)], height, width)
    if not pixels.any():
        raise UndrawableError("has a mask without a pixel on its image")
    flat = pixels.ravel()
    changes = np.flatnonzero(np.diff(flat, prepend=False))
    counts = np.diff(np.concatenate(([0], changes, [flat.size])))
    return {"top": 0, "left": 0, "height": height, "width": width, "rleString": run_length_string(counts.tolist())}


def _decoded(segmentation: Json, size: ImageSize) -> "np.ndarray[tuple[int, int], np.dtype[np.bool_]]":
    width, height = size
    counts, told = segmentation.get("counts"), segmentation.get("size")
    if told != [height, width]:
        raise UndrawableError(f"its run lengths are of a mask of {told}, its image is {[height, width]}")
    try:
        runs = decode_runs([counts])[0] if isinstance(counts, str) else np.array(counts, np.int64)
    except (BadRunLengthError, TypeError, ValueError, OverflowError):
        raise UndrawableError("has run lengths that cannot be read") from None
    if runs.ndim != 1 or (runs < 0).any() or runs.sum() != width * height:
        raise UndrawableError("has run lengths that do not fill its image")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def _keypoints(annotation: Json, count: int) -> list[tuple[float, float, int]]:
    given = annotation.get("keypoints")
    if isinstance(given, list) and not any(given[3 * count :]):
        given = given[: 3 * count]  # YOLO fills up to the most points that a class has
    if not isinstance(given, list) or len(given) != 3 * count:
        held = len(given) // 3 if isinstance(given, list) else "no"
        raise UndrawableError(f"has {held} keypoints, its class {count}")
    numbers = [_number(number, "keypoints") for number in given]
    if any(seen not in (0, 1, 2) for seen in numbers[2::3]):
        raise UndrawableError("has a keypoint whose visibility is none of 0, 1, 2")
    return [(numbers[i], numbers[i + 1], int(numbers[i + 2])) for i in range(0, len(numbers), 3)]


def _skeleton(annotation: Json, category: Json, target: Target, item: ObjectClass, size: ImageSize) -> dict[str, Any]:
    template = target.classes.skeletons.get(target.classes.ontology.object_index[item.hash])
    names = category.get("keypoints")
    if template is None:
        raise UndrawableError(f"the ontology has no skeleton template {item.name!r}")
    many_enough = isinstance(names, list) and len(names) >= len(template.names)
    if many_enough and names == [str(at) for at in range(len(names or ()))]:
        names = list(template.names)  # YOLO's points have an order and no names
    if not isinstance(names, list) or sorted(map(str, names)) != sorted(template.names):
        raise UndrawableError(f"its category's keypoints are not those of skeleton {item.name!r}: {names}")
    given = dict(zip(map(str, names), _keypoints(annotation, len(names)), strict=True))
    placed = [(x, y) for x, y, seen in given.values() if seen]
    if not placed:
        raise NoKeypointError
    if not any(0 <= x <= size[0] and 0 <= y <= size[1] for x, y in placed):
        raise UndrawableError("has keypoints that lie outside its image")
    return {
        str(place): {
            "x": given[name][0] / size[0],
            "y": given[name][1] / size[1],
            "name": name,
            "value": name,
            "featureHash": node,
            "visibility": _VISIBILITIES[given[name][2]],
        }
        for place, (node, name) in enumerate(zip(template.nodes, template.names, strict=True))
    }


def _object_hash(image: Json, annotation: Json, occurrence: int, taken: Set[str]) -> str:
    """Eight characters: the hash that our export wrote, otherwise derived from the ids.

    Two annotations with one id become two objects.
    """
    told = annotation.get("object_hash")
    if isinstance(told, str) and len(told) == _HASH and told not in taken:
        return told
    if annotation.get("id") is None:
        raise UndrawableError("an annotation has no id")
    key = f"{id_text(image['id'])}\0{id_text(annotation['id'])}" + (f"\0{occurrence}" if occurrence > 1 else "")
    return b64encode(blake2b(key.encode(), digest_size=6).digest()).decode()


_HASH = 8
"""Characters of an object hash."""


def _data_hash(image: Json, file_name: str) -> str | None:
    """The data hash in the image name of Encord's own export: `images/DATA_HASH.jpg`."""
    for candidate in (image.get("data_hash"), PurePosixPath(file_name).stem):
        try:
            return str(UUID(str(candidate)))
        except ValueError:
            continue
    return None
