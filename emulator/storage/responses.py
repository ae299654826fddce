"""Storage items on the wire."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from emulator.errors import AuthorisationError, InvalidArgumentsError
from emulator.http.calls import Call
from emulator.http.routes import Routes
from emulator.storage.access import folder_role, managed_folder, may_read, open_folder, open_item
from emulator.storage.groups import make_group
from emulator.storage.listing import sorted_page
from emulator.storage.models import ITEM_TYPES, Folder, Item
from emulator.storage.scenes import scene_dto
from emulator.storage.wire import item_dto, item_with_metadata_link, summary_dto
from emulator.wire import whole

routes = Routes()

_SETTINGS = ("timeseriesSettings", "sceneViewSettings", "sceneLayout")


@routes.get("storage/items/{item}")
def get_item(call: Call) -> Any:
    """One item."""
    return item_dto(_item(call), call.base_url, signed=call.flag("signUrl"))


@routes.post("storage/items/get-bulk")
def get_items(call: Call) -> Any:
    """Items in the order they were asked for."""
    sign = bool(call.body.get("signUrls"))
    items = [open_item(call.platform, uuid, call.user.email) for uuid in call.field("itemUuids")]
    return whole(item_dto(item, call.base_url, signed=sign) for item in items)


@routes.get("storage/folders/{folder}/items")
def list_items(call: Call) -> Any:
    """The items of a folder, or of everything below it."""
    folder = open_folder(call.platform, call.params["folder"], call.user.email)
    below = call.platform.storage.folders_below(folder) if call.flag("isRecursive") else ()
    return _item_page(call, [folder, *below])


@routes.get("storage/search/items")
def search_items(call: Call) -> Any:
    """Items of every folder that the caller has access to."""
    if not call.query.get("search") and not call.query.getlist("itemTypes"):
        raise InvalidArgumentsError("At least one of search and itemTypes must be given")
    platform, email = call.platform, call.user.email
    return _item_page(call, [f for f in platform.storage.folders.values() if folder_role(platform, f, email)])


@routes.patch("storage/folders/{folder}/items/{item}")
def update_item(call: Call) -> Any:
    """Changes an item."""
    item = _child(call, call.params["item"])
    _update(item, call.body or {}, call)
    return item_dto(item, call.base_url, signed=False)


@routes.patch("storage/items/patch-bulk")
def update_items(call: Call) -> Any:
    """Changes several items: all of them or, when one is not the caller's, none."""
    call.refuse_more_than_a_bundle(call.field("itemPatches"))
    patches = {_writable(call, uuid): patch for uuid, patch in call.field("itemPatches").items()}
    for item, patch in patches.items():
        _update(item, patch, call)
    return whole(item_dto(item, call.base_url, signed=False) for item in patches)


@routes.get("storage/folders/{folder}/items/{item}/child-items")
def list_child_items(call: Call) -> Any:
    """What an item is made of, in order."""
    children = call.platform.storage.children(_item(call))
    return whole(item_dto(child, call.base_url, signed=call.flag("signUrls")) for child in children)


@routes.get("storage/folders/{folder}/items/{item}/summary")
def summarise_item(call: Call) -> Any:
    """Where an item is used."""
    return summary_dto(_item(call), call.platform, call.user.email)


@routes.post("storage/folders/{folder}/items/delete")
def delete_items(call: Call) -> Any:
    """Deletes items of a folder, with the data units made of them."""
    items = [_child(call, uuid) for uuid in call.field("childUuids")]
    for item in items:
        call.platform.delete_item(item, remove_unused_frames=bool(call.body.get("removeUnusedFrames", True)))


@routes.post("storage/folders/{folder}/items/move")
def move_items(call: Call) -> Any:
    """Moves items of a folder to another one."""
    platform = call.platform
    target = managed_folder(platform, call.field("newParentUuid"), call.user.email)
    items = [_child(call, uuid) for uuid in call.field("itemUuids")]
    source = platform.storage.folder(call.params["folder"])
    mirrored = platform.datasets.get(source.synced_dataset or "")
    if mirrored is not None and not call.body.get("allowSyncedDatasetMove"):
        raise InvalidArgumentsError("Items of a folder that a dataset mirrors are only moved when that is allowed")
    for item in items:
        if mirrored is not None:
            platform.remove_rows(mirrored, [h for h in item.data_hashes if h in mirrored.rows])
        platform.storage.move_item(item, target)
    mirroring = platform.datasets.get(target.synced_dataset or "")
    if mirroring is not None:
        platform.link(mirroring, items, call.user.email)


@routes.post("storage/folders/{folder}/create-group-items")
def create_groups(call: Call) -> Any:
    """Data groups of items that are there already; the answer is a bare list of uuids."""
    folder = managed_folder(call.platform, call.params["folder"], call.user.email)
    inputs = call.records
    may_use: Callable[[str], Item] = lambda uuid: open_item(call.platform, uuid, call.user.email)  # noqa: E731
    groups = [make_group(given, folder, call.user.email, call.platform.now(), may_use) for given in inputs]
    for group in groups:
        call.platform.storage.add_item(group)
    return [group.uuid for group in groups]


@routes.post("storage/items/migrate-storage")
def migrate_items(call: Call) -> Any:
    """Gives cloud items another URL or another integration."""
    body, platform = call.body or {}, call.platform
    to = body.get("toIntegrationHash")
    integration = platform.organisation.integration(to) if to else None
    changes = {platform.storage.item(uuid): url for uuid, url in (body.get("itemsMap") or {}).items()}
    for old, url in (body.get("urlsMap") or {}).items():
        found = [item for item in platform.storage.items.values() if item.url == old]
        if not found and not body.get("skipMissing"):
            raise InvalidArgumentsError(f"No item has the URL {old}")
        changes.update(dict.fromkeys(found, url))
    for item in changes:
        _writable(call, item.uuid)
    for item, url in changes.items():
        platform.storage.change_url(item, url or item.url)
        item.integration = integration.uuid if integration is not None else item.integration


@routes.post("storage/items/reencode")
def reencode_items(call: Call) -> Any:
    """Re-encodes videos: the emulator's are what they are, so the job is done at once."""
    items = [_writable(call, uuid) for uuid in call.field("storageItems")]
    wrong = next((item for item in items if item.type != "video"), None)
    if wrong is not None:
        raise InvalidArgumentsError(f"{wrong.name} is not a video")
    return call.platform.reencodings.add([item.uuid for item in items])


@routes.get("storage/items/reencode/{job}")
def get_reencoding(call: Call) -> Any:
    """What has become of a re-encoding."""
    return {"status": "done", "result": [{"itemUuid": u} for u in call.platform.reencodings.items(call.params["job"])]}


@routes.get("scene/{item}")
def get_scene(call: Call) -> Any:
    """A scene with its streams, every object behind a signed URL."""
    return scene_dto(_item(call), call.base_url, call.platform.uploads)


def _item_page(call: Call, folders: Iterable[Folder]) -> Any:
    storage, wanted = call.platform.storage, set(call.query.getlist("itemTypes"))
    items: Iterable[Item] = (item for folder in folders for item in storage.listed_items(folder))
    if wanted:
        items = (item for item in items if ITEM_TYPES[item.type] in wanted)
    if "isInDataset" in call.query:
        linked = call.flag("isInDataset")
        items = (item for item in items if bool(item.data_hashes) == linked)
    signed, as_link = call.flag("signUrls"), call.flag("clientMetadataAsSignedUrl")
    to_wire = item_with_metadata_link if as_link else item_dto
    with_metadata = call.flag("includeClientMetadata", default=True)

    def dto(item: Item) -> dict[str, Any]:
        found = to_wire(item, call.base_url, signed=signed)
        return found if with_metadata else {**found, "clientMetadata": "{}"}

    return sorted_page(items, call.query, dto)


def _item(call: Call) -> Item:
    return open_item(call.platform, call.params["item"], call.user.email)


def _child(call: Call, uuid: str) -> Item:
    item = _writable(call, uuid)
    if item.folder != call.params["folder"]:
        raise InvalidArgumentsError(f"Item {uuid} is not in folder {call.params['folder']}")
    return item


def _writable(call: Call, uuid: str) -> Item:
    item = call.platform.storage.item(uuid)
    folder = call.platform.storage.folders[item.folder]
    if folder_role(call.platform, folder, call.user.email) is None:
        if not may_read(call.platform, item, call.user.email):
            raise AuthorisationError(f"You do not have access to storage item {uuid}")
        raise AuthorisationError(f"You may not change storage item {uuid}")
    return item


def _update(item: Item, patch: dict[str, Any], call: Call) -> None:
    """Client metadata is replaced as a whole; a null forgets a setting."""
    item.name = patch.get("name") or item.name
    item.description = patch.get("description", item.description)
    metadata = patch.get("clientMetadata")
    if metadata is not None:
        if not isinstance(metadata, dict):
            raise InvalidArgumentsError(f"clientMetadata must be an object, not {json.dumps(metadata)[:50]}")
        item.client_metadata = metadata
    for name in _SETTINGS:
        if name in patch:
            item.settings[name] = patch[name]
    item.edited_at = call.platform.now()
