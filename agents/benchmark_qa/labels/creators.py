"""Who made the labels of a label row."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def label_creators(row: Mapping[str, Any]) -> Counter[str]:
    """How many objects and classifications each person has created, by e-mail.

    Read from `createdBy` of every object in its first frame, of range objects, and of classifications. Labels that
    name nobody are not counted.
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
