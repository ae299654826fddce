"""Interpolation: the frames between two key frames, filled in a straight line."""

from itertools import pairwise
from typing import Any

from emulator.errors import InvalidArgumentsError

Json = dict[str, Any]

_GEOMETRIES = ("boundingBox", "rotatableBoundingBox", "polygon", "polyline", "point", "skeleton")


def interpolate(key_frames: Json, objects: set[str]) -> Json:
    """Every frame from the first key frame of each object to its last, key frames included.

    Args:
        key_frames: frame number (as text) to `{"objects": [...]}`.
        objects: hashes of the objects to interpolate.

    Raises:
        InvalidArgumentsError: when a frame number is none, or an object changes its shape on the way.
    """
    seen: dict[str, list[tuple[int, Json]]] = {}
    numbered = {_number(frame): labels for frame, labels in key_frames.items()}
    for number in sorted(numbered):
        for drawn in numbered[number].get("objects") or ():
            if drawn["objectHash"] in objects:
                seen.setdefault(drawn["objectHash"], []).append((number, drawn))
    filled: dict[int, list[Json]] = {}
    for stops in seen.values():
        for frame, drawn in _between(stops):
            filled.setdefault(frame, []).append(drawn)
    return {str(frame): {"objects": filled[frame]} for frame in sorted(filled)}


def _between(stops: list[tuple[int, Json]]) -> list[tuple[int, Json]]:
    found = [stops[0]]
    for (start, first), (end, second) in pairwise(stops):
        key = next((key for key in _GEOMETRIES if key in first and key in second), None)
        if key is None:
            raise InvalidArgumentsError(f"Object {first['objectHash']} has no shape that can be interpolated")
        for frame in range(start + 1, end):
            share = (frame - start) / (end - start)
            found.append((frame, {**first, key: _mix(first[key], second[key], share)}))
        found.append((end, second))
    return found


def _mix(first: Any, second: Any, share: float) -> Any:
    if isinstance(first, dict):
        if not isinstance(second, dict) or first.keys() != second.keys():
            raise InvalidArgumentsError("An object must have as many points on one key frame as on the next")
        return {key: _mix(first[key], second[key], share) for key in first}
    if isinstance(first, int | float) and isinstance(second, int | float):
        return first + (second - first) * share
    return first


def _number(frame: str) -> int:
    if not frame.isdigit():
        raise InvalidArgumentsError(f"{frame!r} is not a frame number")
    return int(frame)
