"""The spaces of a label row: members of a data group, point clouds and images of a scene.

The SDK makes its space objects from the metadata listing, so every key it needs stands there; it leaves most of them
out when it saves, so what it saves is only the labels.
"""

from collections.abc import Callable, Iterator
from typing import Any

from emulator.labels.models import Content
from emulator.storage.groups import layout_keys
from emulator.storage.models import Item, Storage
from emulator.world import DataType

Link = Callable[[Item], str]
Described = tuple[str, dict[str, Any]]

_EMPTY_LABELS: dict[str, Any] = {"objects": [], "classifications": []}


def spaces_of(item: Item, content: Content, storage: Storage, link: Link) -> dict[str, Any]:
    """Every space of a data unit by its id, described in full, with the labels that were saved."""
    if item.type == "group":
        described = _members(item, storage, link)
    elif item.type == "scene" and item.scene is not None:
        described = _scene_files(item.scene)
    else:
        return {}
    return {
        space_id: {**space, "labels": content.spaces.get(space_id) or dict(space["labels"])}
        for space_id, space in described
    }


def is_continuous(item: Item) -> bool:
    """Whether a scene is a recording on a timeline of nanoseconds: labels are then events, not frames."""
    content = (item.scene or {}).get("content", item.scene) or {}
    return str(content.get("format", "")).lower() == "mcap"


def _members(group: Item, storage: Storage, link: Link) -> Iterator[Described]:
    keys = layout_keys(group)
    for uuid in group.children:
        item = storage.item(uuid)
        child = {"layout_key": keys[uuid], "file_name": item.name, "data_link": link(item)}
        describe = _DESCRIPTIONS[item.type]
        yield uuid, {"child_info": child, "labels": {}, **describe(item, storage, link)}


def _video(item: Item, _storage: Storage, _link: Link) -> dict[str, Any]:
    return {
        "space_type": "video",
        "number_of_frames": item.frames or 1,
        "width": item.width,
        "height": item.height,
        "data_duration": item.duration,
        "data_fps": item.fps,
    }


def _image(item: Item, _storage: Storage, _link: Link) -> dict[str, Any]:
    return {"space_type": "image", "width": item.width, "height": item.height}


def _image_sequence(item: Item, storage: Storage, link: Link) -> dict[str, Any]:
    frames = [storage.item(uuid) for uuid in item.children]
    return {
        "space_type": "image_sequence",
        "number_of_frames": len(frames),
        "width": item.width or frames[0].width,
        "height": item.height or frames[0].height,
        "frames": [
            {
                "data_uuid": frame.uuid,
                "data_type": frame.mime_type,
                "data_sequence": index,
                "data_link": link(frame),
                "data_title": frame.name,
            }
            for index, frame in enumerate(frames)
        ],
    }


def _audio(item: Item, _storage: Storage, _link: Link) -> dict[str, Any]:
    return {"space_type": "audio", "duration_ms": round(1000 * (item.duration or 0))}


def _medical_stack(item: Item, storage: Storage, _link: Link) -> dict[str, Any]:
    slices = [storage.item(uuid) for uuid in item.children]
    return {
        "space_type": "medical_stack",
        "frames": [
            {
                "width": one.width or item.width,
                "height": one.height or item.height,
                "instance_uid": one.dicom_instance_uid or one.uuid,
                "file_name": one.name,
            }
            for one in slices
        ],
    }


def _medical_file(item: Item, _storage: Storage, _link: Link) -> dict[str, Any]:
    return {
        "space_type": "medical_file",
        "number_of_frames": item.frames or 1,
        "width": item.width,
        "height": item.height,
    }


def _pdf(item: Item, _storage: Storage, _link: Link) -> dict[str, Any]:
    return {"space_type": "pdf", "number_of_pages": item.frames or 1}


def _text(_item: Item, _storage: Storage, _link: Link) -> dict[str, Any]:
    return {"space_type": "text"}


def _html(_item: Item, _storage: Storage, _link: Link) -> dict[str, Any]:
    return {"space_type": "html"}


def _time_series(_item: Item, _storage: Storage, _link: Link) -> dict[str, Any]:
    return {"space_type": "time_series"}


_DESCRIPTIONS: dict[DataType, Callable[[Item, Storage, Link], dict[str, Any]]] = {
    "video": _video,
    "image": _image,
    "img_group": _image_sequence,
    "image_sequence": _image_sequence,
    "audio": _audio,
    "dicom": _medical_stack,
    "dicom_file": _medical_file,
    "nifti": _medical_file,
    "pdf": _pdf,
    "plain_text": _text,
    "html": _html,
    "time_series": _time_series,
}

_SCENE_SPACES = {"point_cloud": "point_cloud", "image": "scene_image"}


def _scene_files(scene: dict[str, Any]) -> Iterator[Described]:
    for name, stream in scene.get("content", scene).items():
        kind = _SCENE_SPACES.get(stream.get("type", "")) if isinstance(stream, dict) else None
        for index, event in enumerate(stream.get("events", ()) if kind else ()):
            info = {"stream_id": name, "event_index": index, "uri": event["uri"]}
            space = {"space_type": kind, "scene_info": info, "labels": dict(_EMPTY_LABELS)}
            yield f"{name}#{index}", space
