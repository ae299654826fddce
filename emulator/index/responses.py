"""Collections and presets of Index on the wire."""

from typing import Any

from emulator.errors import AuthorisationError, InvalidArgumentsError, ResourceNotFoundError
from emulator.http.calls import Call
from emulator.http.routes import Routes
from emulator.index.models import Collection, Preset, selected
from emulator.storage.access import folder_role, may_read, open_folder
from emulator.storage.models import Item
from emulator.storage.wire import item_dto
from emulator.wire import iso, page

routes = Routes()

MOST_TITLES = 1000


@routes.get("index/collections")
def list_collections(call: Call) -> Any:
    """The collections that the caller has access to."""
    wanted, folder = call.query.getlist("uuids"), call.query.get("topLevelFolderUuid")
    found = [
        _collection_dto(collection)
        for collection in call.platform.collections.values()
        if _may_see(call, collection)
        and (not wanted or collection.uuid in wanted)
        and folder in (None, collection.folder)
    ]
    return _page(call, found)


@routes.post("index/collections")
def create_collection(call: Call) -> Any:
    """A new collection in a top-level folder; the answer is its uuid."""
    folder = open_folder(call.platform, call.query.get("topLevelFolderUuid", ""), call.user.email)
    now = call.platform.now()
    collection = Collection(folder.uuid, str(call.field("name")), str(call.body.get("description") or ""), now, now)
    call.platform.collections[collection.uuid] = collection
    return collection.uuid


@routes.patch("index/collections/{collection}")
def update_collection(call: Call) -> Any:
    """Changes name or description."""
    collection = _collection(call)
    collection.name = call.body.get("name") or collection.name
    collection.description = call.body.get("description", collection.description)
    collection.edited_at = call.platform.now()


@routes.delete("index/collections/{collection}")
def delete_collection(call: Call) -> Any:
    """Deletes a collection; its items stay where they are."""
    del call.platform.collections[_collection(call).uuid]


@routes.get("index/collections/{collection}/accessible-items")
def list_accessible_items(call: Call) -> Any:
    """The items that the caller has access to."""
    readable = [item for item in _items(call) if may_read(call.platform, item, call.user.email)]
    return _page(call, [item_dto(item, call.base_url, signed=False) for item in readable])


@routes.get("index/collections/{collection}/all-items")
def list_all_items(call: Call) -> Any:
    """All items; of those that the caller has no access to, only the uuid."""
    email = call.user.email
    found = [
        item_dto(item, call.base_url, signed=False) if may_read(call.platform, item, email) else {"uuid": item.uuid}
        for item in _items(call)
    ]
    return _page(call, found)


@routes.post("index/collections/{collection}/add-items")
def add_items(call: Call) -> Any:
    """Adds items; what does not exist or is not the caller's fails."""
    collection = _collection(call)
    failed = [uuid for uuid in call.field("itemUuids") if not _add(call, collection, uuid)]
    return {"failedItems": failed}


@routes.post("index/collections/{collection}/remove-items")
def remove_items(call: Call) -> Any:
    """Removes items; what is not in the collection fails."""
    items = _collection(call).items
    return {"failedItems": [uuid for uuid in call.field("itemUuids") if items.pop(uuid, items) is items]}


@routes.post("index/collections/{collection}/add-data-title-items")
def add_items_by_title(call: Call) -> Any:
    """Adds the items of these titles below the collection's folder; a title of several items is ambiguous."""
    collection, titles = _collection(call), call.field("dataTitles")
    if len(titles) > MOST_TITLES:
        raise InvalidArgumentsError(f"At most {MOST_TITLES} titles can be given at a time")
    by_title: dict[str, list[Item]] = {title: [] for title in titles}
    for item in _items_below(call, collection):
        if item.name in by_title:
            by_title[item.name].append(item)
    before = len(collection.items)
    matched = [title for title, items in by_title.items() if len(items) == 1]
    for title in matched:
        collection.items[by_title[title][0].uuid] = None
    return {
        "requested": len(titles),
        "matchedTitles": len(matched),
        "itemsAdded": len(collection.items) - before,
        "ambiguousTitles": [title for title, items in by_title.items() if len(items) > 1],
        "unmatchedTitles": [title for title, items in by_title.items() if not items],
        "failedItems": [],
    }


@routes.post("index/collections/{collection}/add-preset-items")
def add_preset_items(call: Call) -> Any:
    """Adds the items that a preset selects."""
    collection = _collection(call)
    collection.items.update(dict.fromkeys(item.uuid for item in _preset_items(call, collection)))


@routes.post("index/collections/{collection}/remove-preset-items")
def remove_preset_items(call: Call) -> Any:
    """Removes the items that a preset selects."""
    collection = _collection(call)
    for item in _preset_items(call, collection):
        collection.items.pop(item.uuid, None)


@routes.get("index/presets")
def list_presets(call: Call) -> Any:
    """The caller's presets."""
    wanted = call.query.getlist("uuids")
    own = (preset for preset in call.platform.presets.values() if preset.owner == call.user.email)
    return _page(call, [_preset_dto(preset) for preset in own if not wanted or preset.uuid in wanted])


@routes.post("index/presets")
def create_preset(call: Call) -> Any:
    """A new preset; the answer is its uuid."""
    body, now = call.body or {}, call.platform.now()
    filters = _filters(call.field("filterPresetJson"))
    preset = Preset(str(call.field("name")), body.get("description") or "", call.user.email, filters, now, now)
    call.platform.presets[preset.uuid] = preset
    return preset.uuid


@routes.get("index/presets/{preset}")
def get_preset(call: Call) -> Any:
    """The filters of a preset; these keys keep their snake case."""
    return _preset(call, call.params["preset"]).filters


@routes.patch("index/presets/{preset}")
def update_preset(call: Call) -> Any:
    """Changes a preset."""
    preset, body = _preset(call, call.params["preset"]), call.body or {}
    preset.name = body.get("name") or preset.name
    preset.description = body.get("description") or preset.description
    if body.get("filterPreset") is not None:
        preset.filters = _filters(body["filterPreset"])
    preset.edited_at = call.platform.now()


@routes.delete("index/presets/{preset}")
def delete_preset(call: Call) -> Any:
    """Deletes a preset."""
    del call.platform.presets[_preset(call, call.params["preset"]).uuid]


def _page(call: Call, found: list[Any]) -> Any:
    size = call.query.get("pageSize", "100")
    if not size.isdigit() or int(size) < 1:
        raise InvalidArgumentsError("pageSize must be a positive number")
    return page(found, call.query.get("pageToken"), int(size))


def _collection(call: Call) -> Collection:
    collection = call.platform.collections.get(call.params["collection"])
    if collection is None:
        raise ResourceNotFoundError(f"There is no collection {call.params['collection']}")
    if not _may_see(call, collection):
        raise AuthorisationError(f"You do not have access to collection {collection.uuid}")
    return collection


def _may_see(call: Call, collection: Collection) -> bool:
    folder = call.platform.storage.folders.get(collection.folder)
    return folder is not None and folder_role(call.platform, folder, call.user.email) is not None


def _items(call: Call) -> list[Item]:
    items = call.platform.storage.items
    return [items[uuid] for uuid in _collection(call).items if uuid in items]


def _items_below(call: Call, collection: Collection) -> list[Item]:
    storage = call.platform.storage
    folder = storage.folder(collection.folder)
    return [item for f in (folder, *storage.folders_below(folder)) for item in storage.listed_items(f)]


def _add(call: Call, collection: Collection, uuid: str) -> bool:
    item = call.platform.storage.items.get(uuid)
    if item is None or not may_read(call.platform, item, call.user.email):
        return False
    collection.items[uuid] = None
    return True


def _preset_items(call: Call, collection: Collection) -> list[Item]:
    preset = _preset(call, call.field("presetUuid"))
    return selected(preset.filters, _items_below(call, collection))


def _preset(call: Call, uuid: str) -> Preset:
    preset = call.platform.presets.get(uuid)
    if preset is None or preset.owner != call.user.email:
        raise ResourceNotFoundError(f"There is no preset {uuid}")
    return preset


def _filters(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise InvalidArgumentsError("The filters of a preset must be an object")
    return given


def _collection_dto(collection: Collection) -> dict[str, Any]:
    return {
        "uuid": collection.uuid,
        "topLevelFolderUuid": collection.folder,
        "name": collection.name,
        "description": collection.description,
        "createdAt": iso(collection.created_at),
        "lastEditedAt": iso(collection.edited_at),
    }


def _preset_dto(preset: Preset) -> dict[str, Any]:
    return {
        "uuid": preset.uuid,
        "name": preset.name,
        "description": preset.description,
        "createdAt": iso(preset.created_at),
        "lastUpdatedAt": iso(preset.edited_at),
    }
