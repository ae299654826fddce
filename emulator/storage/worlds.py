"""Folders and items out of a world file, and back into one."""

import base64
import binascii
from copy import deepcopy
from typing import TYPE_CHECKING

from emulator.errors import WorldError
from emulator.organisation.models import Grant
from emulator.storage.groups import carousel
from emulator.storage.models import MIME_TYPES, Folder, Item
from emulator.world import FolderSpec, ItemSpec

if TYPE_CHECKING:
    from emulator.platform import Platform

# What an item and its part of a world file call by the same name.
_COPIED = (
    "description",
    "client_metadata",
    "width",
    "height",
    "frames",
    "fps",
    "duration",
    "sample_rate",
    "bit_depth",
    "codec",
    "channels",
    "dicom_patient_id",
    "dicom_instance_uid",
    "dicom_study_uid",
    "dicom_series_uid",
    "url",
    "file_size",
    "integration",
    "storage_location",
    "settings",
    "layout",
    "scene",
)


def load_folder(spec: FolderSpec, parent: str | None, owner: str, platform: "Platform") -> Folder:
    """Adds a folder with everything in it; whoever it names no owner for is `owner`'s."""
    now = platform.now()
    folder = Folder(spec.name, spec.owner or owner, now, now, spec.uuid, parent, spec.description, spec.client_metadata)
    folder.users = {folder.owner: "admin", **spec.users}
    folder.groups = {name: Grant(platform.organisation.group(name), role) for name, role in spec.groups.items()}
    folder.integration, folder.remote_url, folder.config = spec.integration, spec.remote_url, dict(spec.config)
    platform.storage.add_folder(folder)
    for item in spec.items:
        load_item(item, folder, platform)
    for inner in spec.folders:
        load_folder(inner, folder.uuid, folder.owner, platform)
    return folder


def load_item(spec: ItemSpec, folder: Folder, platform: "Platform", parent_item: str | None = None) -> Item:
    """Adds an item with what it is made of."""
    now = platform.now()
    mime_type = spec.mime_type or MIME_TYPES[spec.type]
    item = Item(spec.uuid, spec.name, spec.type, folder.uuid, folder.owner, now, now, mime_type)
    for name in _COPIED:
        setattr(item, name, deepcopy(getattr(spec, name)))
    item.content, item.parent_item = _content(spec), parent_item
    item.children = spec.members or [child.uuid for child in spec.children]
    if spec.type == "group" and spec.layout is None:
        item.layout = carousel({str(index): uuid for index, uuid in enumerate(item.children)})
    platform.storage.add_item(item)
    for child in spec.children:
        load_item(child, folder, platform, item.uuid)
    return item


def check_members(platform: "Platform") -> None:
    """Refuses a world whose items are made of items that it does not have."""
    items = platform.storage.items
    for item in items.values():
        missing = next((uuid for uuid in item.children if uuid not in items), None)
        if missing is not None:
            raise WorldError(f"item {item.name!r} is made of {missing}, which is not in the world")


def dump_folder(folder: Folder, platform: "Platform") -> FolderSpec:
    """A folder with everything in it."""
    storage = platform.storage
    return FolderSpec(
        uuid=folder.uuid,
        name=folder.name,
        description=folder.description,
        client_metadata=folder.client_metadata,
        owner=folder.owner,
        users=folder.users,
        groups={group_hash: grant.role for group_hash, grant in folder.groups.items()},
        integration=folder.integration,
        remote_url=folder.remote_url,
        config=folder.config,
        items=[_dump_item(item, platform) for item in storage.listed_items(folder)],
        folders=[dump_folder(storage.folders[uuid], platform) for uuid in folder.folders],
    )


def _dump_item(item: Item, platform: "Platform") -> ItemSpec:
    parts = platform.storage.children(item)
    own = [part for part in parts if part.parent_item == item.uuid]
    return ItemSpec(
        uuid=item.uuid,
        name=item.name,
        type=item.type,
        mime_type=item.mime_type,
        content_base64=base64.b64encode(item.content).decode() if item.content is not None else None,
        children=[_dump_item(part, platform) for part in own],
        members=[part.uuid for part in parts] if len(own) < len(parts) else [],
        **{name: getattr(item, name) for name in _COPIED},
    )


def _content(spec: ItemSpec) -> bytes | None:
    if spec.content_base64 is not None:
        try:
            return base64.b64decode(spec.content_base64, validate=True)
        except binascii.Error:
            raise WorldError(f"content_base64 of {spec.name!r} is not base64") from None
    if spec.file is None:
        return None
    try:
        return spec.file.read_bytes()
    except OSError as error:
        raise WorldError(f"file of {spec.name!r}: {error.strerror}") from None
