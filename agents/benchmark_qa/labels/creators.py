"""The creators of the labels of a label row."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def label_creators(row: Mapping[str, Any]) -> Counter[str]:
    """Number of objects and classifications that each person created, by e-mail.

    Reads `createdBy` of every object in its first frame, of range objects, and of classifications. Labels without a
    creator are not counted.
    """
    seen: dict[str, str] = {}
    for entry in _entries(row):
        label_hash = entry.get("objectHash") or entry.get("classificationHash")
        creator = entry.get("createdBy")
        if isinstance(label_hash, str) and isinstance(creator, str) and creator:
            seen.setdefault(label_hash, creator)
    return Counter(seen.values())


def _entries(row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for container in (*_values(row.get("data_units")), *_values(row.get("spaces"))):
        labels = container.get("labels")
        if isinstance(labels, Mapping):
            for frame in (labels, *_values(labels)):
                yield from _mappings(frame.get("objects"))
    yield from _values(row.get("object_answers"))
    yield from _values(row.get("classification_answers"))


def _values(container: object) -> Iterable[Mapping[str, Any]]:
    return _mappings(container.values()) if isinstance(container, Mapping) else ()


def _mappings(items: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(items, Iterable):
        yield from (item for item in items if isinstance(item, Mapping))


UNKNOWN = "(unknown)"


def creators(row: Mapping[str, Any]) -> list[str]:
    """Everybody who created a label of this row, sorted; `UNKNOWN` stands for labels without a creator."""
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
            # Only objects on ranges have their creator here.
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
