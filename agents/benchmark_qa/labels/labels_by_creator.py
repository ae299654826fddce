"""Whose labels are whose in a label row that several people have worked on."""

from collections.abc import Iterator, Mapping
from typing import Any

UNKNOWN = "(unknown)"


def creators(row: Mapping[str, Any]) -> list[str]:
    """Everybody who created a label of this row, sorted; a label without a name counts for `UNKNOWN`."""
    return sorted({_creator(item) for item in _labels(row)})


def created_by(row: Mapping[str, Any], creator: str) -> dict[str, Any]:
    """The label row with this person's labels only."""
    return {
        **row,
        "data_units": _holders(row.get("data_units"), creator),
        "spaces": _holders(row.get("spaces"), creator),
        "classification_answers": _own(row.get("classification_answers"), creator),
        "object_answers": {
            key: entry
            for key, entry in (row.get("object_answers") or {}).items()
            # Only objects that live on a range have their creator here.
            if "createdBy" not in entry or _creator(entry) == creator
        },
    }


def _creator(item: Mapping[str, Any]) -> str:
    return str(item.get("createdBy") or UNKNOWN)


def _labels(row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for key in ("data_units", "spaces"):
        for holder in (row.get(key) or {}).values():
            for frame in _frames(holder.get("labels") or {}).values():
                yield from frame.get("objects") or ()
    yield from (row.get("classification_answers") or {}).values()
    yield from (e for e in (row.get("object_answers") or {}).values() if "createdBy" in e)


def _frames(labels: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"": labels} if "objects" in labels else labels


def _holders(holders: Mapping[str, Any] | None, creator: str) -> dict[str, Any]:
    return {
        key: {**value, "labels": _own_labels(value.get("labels"), creator)} for key, value in (holders or {}).items()
    }


def _own_labels(labels: Mapping[str, Any] | None, creator: str) -> dict[str, Any]:
    if not labels:
        return {}
    if "objects" in labels:
        return _own_frame(labels, creator)
    return {number: _own_frame(frame, creator) for number, frame in labels.items()}


def _own_frame(frame: Mapping[str, Any], creator: str) -> dict[str, Any]:
    return {**frame, "objects": [item for item in frame.get("objects") or () if _creator(item) == creator]}


def _own(entries: Mapping[str, Any] | None, creator: str) -> dict[str, Any]:
    return {key: entry for key, entry in (entries or {}).items() if _creator(entry) == creator}
