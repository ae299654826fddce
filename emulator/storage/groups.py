"""Data groups: items shown and labelled together, with the layout they are shown in."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from emulator.errors import InvalidArgumentsError
from emulator.spec import new_uuid
from emulator.storage.models import MIME_TYPES, Folder, Item

_NOT_ALONE = {"img_group", "group", "dicom_file"}


def make_group(given: Any, folder: Folder, owner: str, now: datetime, may_use: Callable[[str], Item]) -> Item:
    """A data group out of what the SDK sends: a carousel, a grid, or a layout of the caller's own.

    Raises:
        InvalidArgumentsError: when there is nothing in it, or something that cannot be.
    """
    if not isinstance(given, dict) or not given.get("layoutContents"):
        raise InvalidArgumentsError("layoutContents: a data group needs at least one item")
    contents = given["layoutContents"]
    keyed: dict[str, str] = contents if isinstance(contents, dict) else {str(i): u for i, u in enumerate(contents)}
    items = {key: may_use(uuid) for key, uuid in keyed.items()}
    wrong = next((item for item in items.values() if item.type in _NOT_ALONE), None)
    if wrong is not None:
        raise InvalidArgumentsError(f"{wrong.name}: items of type {wrong.type} cannot be in a data group")
    name = given.get("name") or f"group-{next(iter(items.values())).name}"
    group = Item(new_uuid(), name, "group", folder.uuid, owner, now, now, MIME_TYPES["group"])
    group.client_metadata = dict(given.get("clientMetadata") or {})
    group.children = [item.uuid for item in items.values()]
    group.layout = carousel({key: item.uuid for key, item in items.items()})
    if given.get("layoutType") == "default-grid":
        group.layout["layout"] = _halves(list(items), "row")
    if given.get("layout"):
        group.layout["layout"] = given["layout"]
    group.layout["layoutSettings"] = given.get("settings") or {}
    group.layout["timeline"] = given.get("timeline") or []
    return group


def layout_keys(group: Item) -> dict[str, str]:
    """The key that each member has in a group's layout, by the member's uuid."""
    contents = (group.layout or {}).get("layoutContents")
    named = {uuid: key for key, uuid in contents.items()} if isinstance(contents, dict) else {}
    return {uuid: named.get(uuid, str(index)) for index, uuid in enumerate(group.children)}


def carousel(contents: dict[str, str]) -> dict[str, Any]:
    """The layout that shows one item at a time; `contents` are the uuids of the items by their key."""
    tile = {"type": "data_unit_list", "keys": list(contents), "carouselPosition": "left", "carouselSize": 20}
    return {"layoutContents": contents, "layout": tile, "layoutSettings": {}, "timeline": []}


def _halves(keys: list[str], direction: str) -> dict[str, Any]:
    """Cut in turns lengthwise and across until every item has a tile."""
    if len(keys) == 1:
        return {"type": "data_unit", "key": keys[0]}
    middle, across = len(keys) // 2, "column" if direction == "row" else "row"
    first, second = _halves(keys[:middle], across), _halves(keys[middle:], across)
    return {"direction": direction, "first": first, "second": second, "splitPercentage": 50}
