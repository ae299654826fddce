"""Collections and filter presets; Active keeps its own in the project."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from emulator.spec import new_uuid
from emulator.storage.models import ITEM_TYPES, Item


@dataclass(slots=True, eq=False)
class Collection:
    """Storage items of one top-level folder, in the order they were added."""

    folder: str
    name: str
    description: str
    created_at: datetime
    edited_at: datetime
    uuid: str = field(default_factory=new_uuid)
    items: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Preset:
    """Filters that somebody has given a name; `filters` as the SDK sent them."""

    name: str
    description: str
    owner: str
    filters: dict[str, Any]
    created_at: datetime
    edited_at: datetime
    uuid: str = field(default_factory=new_uuid)


FrameKind = Literal["FRAME", "LABEL"]


@dataclass(frozen=True, slots=True)
class Instance:
    """A frame of a data unit or, with an annotation id, a label on it."""

    data_hash: str
    frame: int
    annotation_id: str | None = None


@dataclass(slots=True, eq=False)
class ProjectCollection:
    """Frames or labels of one project."""

    name: str
    description: str
    kind: FrameKind
    created_at: datetime
    edited_at: datetime
    uuid: str = field(default_factory=new_uuid)
    instances: dict[Instance, None] = field(default_factory=dict)


def selected(filters: dict[str, Any], items: Iterable[Item]) -> list[Item]:
    """The items that every global filter of a preset lets pass.

    A filter is `{key, values, include?, type?}`: its key is `data_title`, `data_type` or a key of the client metadata,
    and an item passes when its value is among `values` (is not, with `include: false`). What a filter of another form
    means is not documented: it lets everything pass.
    """
    wanted = filters.get("global_filters") or filters.get("globalFilters") or {}
    tests = [f for f in wanted.get("filters") or () if "key" in f and isinstance(f.get("values"), list)]
    return [item for item in items if all(_passes(item, test) for test in tests)]


def _passes(item: Item, test: dict[str, Any]) -> bool:
    key = test["key"]
    fixed = {"data_title": item.name, "data_type": ITEM_TYPES[item.type]}
    value = fixed[key] if key in fixed else item.client_metadata.get(key)
    return (value in test["values"]) == bool(test.get("include", True))
