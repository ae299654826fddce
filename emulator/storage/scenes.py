"""Scenes: what was uploaded as streams of objects is read back as streams of signed URLs."""

import math
from typing import Any

from emulator.errors import InvalidArgumentsError
from emulator.storage.links import object_url
from emulator.storage.models import Item
from emulator.storage.uploads import Uploads

Json = dict[str, Any]
Matrix = list[float]

_IDENTITY: Matrix = [1, 0, 0, 0, 1, 0, 0, 0, 1]


def scene_dto(item: Item, base_url: str, uploads: Uploads) -> Json:
    """A scene as the SDK reads it.

    Raises:
        InvalidArgumentsError: when the item is none.
    """
    if item.scene is None:
        raise InvalidArgumentsError(f"{item.name} is not a scene")
    links = _Links(base_url, uploads)
    content = item.scene.get("content", item.scene)
    config = {
        "defaultGroundHeight": item.scene.get("default_ground_height"),
        "worldConvention": item.scene.get("world_convention"),
        "cameraConvention": item.scene.get("camera_convention"),
        "viewSettings": item.settings.get("sceneViewSettings", item.scene.get("view_settings")),
        "layout": item.settings.get("sceneLayout", item.scene.get("layout")),
    }
    if "url" in content and "format" in content:
        link = links.of(str(content["url"]))
        return {"type": "self_contained", "format": content["format"], **link, **config}
    streams = {name: _stream(name, stream, links) for name, stream in content.items()}
    return {"type": "composite", "streams": streams, **config}


class _Links:
    """URLs as they were given, and signed ones for what lies here."""

    def __init__(self, base_url: str, uploads: Uploads) -> None:
        self._base_url = base_url
        self._uploads = uploads

    def of(self, url: str) -> Json:
        here = self._uploads.of_key(url) is not None
        return {"url": url, "signedUrl": object_url(self._base_url, url) if here else url}

    def event(self, event: Json) -> Json:
        link = self.of(str(event["uri"]))
        # Events are dataclasses in the SDK: these keys keep their snake case.
        return {"url": link["url"], "signed_url": link["signedUrl"], "timestamp": event.get("timestamp")}


def _stream(name: str, stream: Json, links: _Links) -> Json:
    kind, events = stream["type"], stream.get("events", [])
    frame = {"frameOfReferenceId": stream.get("frame_of_reference")}
    match kind:
        case "time_series":
            return {"type": "self_contained", "id": name, "entityType": kind, **links.of(str(stream["uri"]))}
        case "point_cloud":
            inner = {"events": [links.event(event) for event in events], **frame}
        case "image":
            inner = {"events": [links.event(event) for event in events], "cameraId": stream.get("camera")}
        case "camera_parameters" | "camera":
            kind, inner = "camera_parameters", {"events": [_camera_event(event) for event in events], **frame}
        case "frame_of_reference":
            inner = {"events": [_frame_event(stream, event) for event in events]}
        case _:
            raise InvalidArgumentsError(f"Stream {name}: there are no streams of type {kind!r}")
    return {"type": "event", "id": name, "stream": {"entityType": kind, **inner}}


def _camera_event(event: Json) -> Json:
    known = ("timestamp", "width_px", "height_px", "intrinsics", "extrinsics")
    return {key: event[key] for key in known if event.get(key) is not None}


def _frame_event(stream: Json, event: Json) -> Json:
    pose = event["pose"]
    parent = stream.get("parent_FoR_id")
    if isinstance(pose, list):  # An affine transform: four columns of four numbers.
        rotation, position = [pose[i] for i in (0, 1, 2, 4, 5, 6, 8, 9, 10)], pose[12:15]
    else:
        where = pose["position"]
        rotation, position = _matrix(pose["rotation"]), [where["x"], where["y"], where["z"]]
    return {
        "id": stream["id"],
        "rotation": rotation,
        "position": position,
        "timestamp": event.get("timestamp"),
        "parent_for": parent,
    }


def _matrix(rotation: Any) -> Matrix:
    """A rotation as a matrix in column-major order, out of a matrix, a quaternion or Euler angles (x, y, z)."""
    if isinstance(rotation, list | tuple):
        return list(rotation)
    if "w" in rotation:
        return _of_quaternion(rotation["x"], rotation["y"], rotation["z"], rotation["w"])
    half = [(math.sin(rotation[axis] / 2), math.cos(rotation[axis] / 2)) for axis in "xyz"]
    (sx, cx), (sy, cy), (sz, cz) = half
    return _of_quaternion(
        sx * cy * cz - cx * sy * sz,
        cx * sy * cz + sx * cy * sz,
        cx * cy * sz - sx * sy * cz,
        cx * cy * cz + sx * sy * sz,
    )


def _of_quaternion(x: float, y: float, z: float, w: float) -> Matrix:
    if x == y == z == 0:
        return list(_IDENTITY)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )
    return [rows[row][column] for column in range(3) for row in range(3)]
