"""What the label editor shows of one frame, as JSON for its page."""

from collections.abc import Iterable
from typing import Any

from emulator.errors import InvalidArgumentsError, ResourceNotFoundError
from emulator.labels.metadata import entry_of, number_of_frames
from emulator.labels.models import Content, LabelRow, objects_of
from emulator.projects.models import Project
from emulator.storage.links import signed_url
from emulator.storage.models import Item, Storage

Json = dict[str, Any]

# The keys under which frame objects keep their geometry, and what draws it.
_GEOMETRIES = (
    "boundingBox",
    "rotatableBoundingBox",
    "polygons",
    "polygon",
    "polyline",
    "point",
    "skeleton",
    "circle",
    "ellipse",
    "cuboid_2d",
    "bitmask",
    "cuboid",
)


def frame_view(project: Project, data_hash: str, frame: int, branch: str, *, storage: Storage, base_url: str) -> Json:
    """One frame of a data unit with the labels of a branch.

    Raises:
        ResourceNotFoundError: the project has no such data unit, or the data unit no such frame.
    """
    unit = project.units.get(data_hash)
    if unit is None:
        raise ResourceNotFoundError(f"The project has no data unit {data_hash}")
    frames = number_of_frames(unit.item, storage)
    if not 0 <= frame < frames:
        raise ResourceNotFoundError(f"{unit.title} has {frames} frames: there is no frame {frame}")
    row = project.rows.find(data_hash, branch) or project.unopened(data_hash, branch)
    task = entry_of(project, row).task
    return {
        "project": {"hash": project.hash, "title": project.title},
        "data": {"hash": data_hash, "title": unit.title, "type": unit.item.type, "frames": frames},
        "frame": frame,
        "branch": branch,
        "branches": [known.branch_name for known in project.rows.branches(data_hash)],
        "stage": task.stage.title,
        "status": row.label_status,
        "media": _media(unit.item, frame, storage, base_url),
        "objects": list(_objects(row, project, _labels_at(row.content, unit.item, data_hash, frame))),
        "classifications": [_classification(answer) for answer in row.content.classification_answers.values()],
        "agents": [{"name": agent.name, "url": agent.url} for agent in project.agents],
    }


def frame_number(text: str) -> int:
    """A frame number out of a path."""
    if not text.isdigit():
        raise InvalidArgumentsError(f"{text!r} is not a frame number")
    return int(text)


def _media(item: Item, frame: int, storage: Storage, base_url: str) -> Json:
    """What lies under the labels: a picture, a film at a moment, or nothing that a browser could show."""
    parts = storage.children(item)
    shown = parts[frame] if parts and item.type in ("img_group", "image_sequence") else item
    kind = {"image": "image", "video": "video"}.get(shown.type)
    return {
        "kind": kind,
        "url": signed_url(base_url, shown) if kind else None,
        "seconds": frame / shown.fps if shown.fps else 0,
        "width": shown.width or item.width or 640,
        "height": shown.height or item.height or 480,
    }


def _labels_at(content: Content, item: Item, data_hash: str, frame: int) -> Iterable[Json]:
    """The frame objects of one frame, wherever this kind of data keeps them."""
    if item.type in ("img_group", "image_sequence"):
        parts = [content.units.get(item.children[frame], {})]
    else:
        labels = content.units.get(data_hash, {})
        parts = [labels if "objects" in labels else labels.get(str(frame), {})]
    for space in content.spaces.values():
        parts.append(space if "objects" in space else space.get(str(frame), {}))
    for part in parts:
        yield from objects_of(part)


def _objects(row: LabelRow, project: Project, drawn: Iterable[Json]) -> Iterable[Json]:
    colours = {thing["featureNodeHash"]: thing.get("color") for thing in project.ontology.editor.get("objects", [])}
    seen = set()
    for label in drawn:
        seen.add(label["objectHash"])
        yield {
            "hash": label["objectHash"],
            "name": label.get("name"),
            "number": row.content.object_answers.get(label["objectHash"], {}).get("objectNumber"),
            "shape": label.get("shape"),
            "color": colours.get(label.get("featureHash")) or label.get("color"),
            "by": label.get("createdBy"),
            "geometry": {key: label[key] for key in _GEOMETRIES if key in label},
        }
    for object_hash, answer in row.content.object_answers.items():
        if object_hash not in seen and answer.get("range"):
            about = {key: answer.get(key) for key in ("name", "shape", "color")}
            yield {
                "hash": object_hash,
                **about,
                "by": answer.get("createdBy"),
                "ranges": answer["range"],
                "geometry": {},
            }


def _classification(answer: Json) -> Json:
    first: Json = next(iter(answer.get("classifications") or ()), {})
    given = first.get("answers")
    text = ", ".join(option["name"] for option in given) if isinstance(given, list) else given
    return {"hash": answer["classificationHash"], "name": first.get("name"), "answer": text}
