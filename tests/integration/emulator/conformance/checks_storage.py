"""Checks of storage: folders, items, uploads, jobs."""

import pytest
from encord.exceptions import AuthorisationError, EncordException, InvalidArgumentsError
from encord.http.bundle import Bundle
from encord.orm.dataset import StorageLocation
from encord.orm.storage import (
    FoldersSortBy,
    SidecarMatcherSuffix,
    StorageFolderType,
    StorageItemType,
    StorageUserRole,
)

from .ground import ANNA, Ground
from .registry import check


@check(
    "StorageFolder",
    "uuid",
    "name",
    "description",
    "client_metadata",
    "parent",
    "parent_uuid",
    "path_to_root",
    "folder_type",
    "create_subfolder",
    "update",
    "refetch_data",
    "move_to_folder",
    "delete",
)
def folders_nest_change_move_and_go(ground: Ground) -> None:
    """Folders are nested, renamed (also in a bundle), moved and deleted; another client sees each step."""
    top, other = ground.folder(), ground.folder()
    inner = top.create_subfolder("inner", "described", {"a": [1, None]})
    deepest = inner.create_subfolder("deepest")
    found = ground.again.get_storage_folder(deepest.uuid)
    assert [element.uuid for element in found.path_to_root] == [inner.uuid, top.uuid]
    assert found.parent is not None
    assert (found.parent.description, found.parent.client_metadata) == ("described", {"a": [1, None]})
    assert (found.folder_type, found.is_cloud_synced) == (StorageFolderType.GENERIC, False)
    assert (found.integration_hash, found.remote_url) == (None, None)
    inner.update(name="renamed", client_metadata={"b": 2})
    with Bundle() as bundle:
        top.update(description="first", bundle=bundle)
        other.update(description="second", bundle=bundle)
    assert (top.description, other.description) == ("first", "second")
    inner_again = ground.again.get_storage_folder(inner.uuid)
    assert (inner_again.name, inner_again.client_metadata) == ("renamed", {"b": 2})
    assert ground.again.get_storage_folder(other.uuid).description == "second"
    inner.move_to_folder(other)
    found.refetch_data()
    assert [element.uuid for element in found.path_to_root] == [inner.uuid, other.uuid]
    assert inner.parent_uuid == other.uuid
    with pytest.raises(InvalidArgumentsError):
        other.move_to_folder(deepest)
    with pytest.raises(InvalidArgumentsError):
        inner.delete()
    deepest.delete()
    inner.delete()
    assert list(ground.again.get_storage_folder(other.uuid).list_subfolders()) == []


@check("StorageFolder", "list_subfolders", "find_subfolders", "list_items", "find_items", "get_summary")
def what_lies_in_a_folder_is_listed_and_counted(ground: Ground) -> None:
    """Items and folders are listed sorted and paged, found below, and counted; metadata also comes from signed URLs."""
    top = ground.folder()
    inner = top.create_subfolder("b inner")
    inner.create_subfolder("a deepest")
    names = [f"image {n}" for n in range(5)]
    for name in names:
        top.upload_image(ground.png(), title=name, client_metadata={"name": name})
    below = inner.upload_image(ground.png(), title="below")
    folder = ground.again.get_storage_folder(top.uuid)
    assert [item.name for item in folder.list_items(page_size=2)] == names
    newest_first = folder.list_items(order=FoldersSortBy.CREATED_AT, desc=True, page_size=2)
    assert [item.name for item in newest_first] == names[::-1]
    resolved = folder.list_items(page_size=2, resolve_client_metadata_locally=True)
    assert [item.client_metadata for item in resolved] == [{"name": name} for name in names]
    assert [item.client_metadata for item in folder.list_items(search="image 3", include_client_metadata=False)] == [{}]
    assert [f.name for f in folder.list_subfolders()] == ["b inner"]
    assert [f.name for f in folder.find_subfolders()] == ["a deepest", "b inner"]
    (found,) = folder.find_items(search="below", get_signed_urls=True)
    assert found.uuid == below
    assert list(folder.list_items(item_types=[StorageItemType.AUDIO])) == []
    summary = folder.get_summary()
    assert (summary.files, summary.images, summary.folders) == (6, 6, 2)
    assert summary.total_size > 0


@check("StorageFolder", "move_items_to_folder", "delete_storage_items")
def items_are_moved_and_deleted_several_at_a_time(ground: Ground) -> None:
    """Items are moved and deleted in one call each; out of a mirrored folder only when that is allowed."""
    source, target = ground.folder(), ground.folder()
    uuids = [ground.image(source) for _ in range(3)]
    source.move_items_to_folder(target, uuids[:2])
    assert {item.uuid for item in ground.again.get_storage_folder(target.uuid).list_items()} == set(uuids[:2])
    target.delete_storage_items(uuids[:1])
    assert {item.uuid for item in ground.again.get_storage_folder(target.uuid).list_items()} == {uuids[1]}
    mirrored = ground.me.create_dataset(ground.name("mirrored"), StorageLocation.CORD_STORAGE)
    folder = ground.me.get_storage_folder(mirrored.backing_folder_uuid)
    linked = folder.upload_image(ground.png())
    assert [r.backing_item_uuid for r in ground.again.get_dataset(mirrored.dataset_hash).data_rows] == [linked]
    with pytest.raises(InvalidArgumentsError):
        folder.move_items_to_folder(target, [linked])
    folder.move_items_to_folder(target, [linked], allow_mirror_dataset_changes=True)
    assert ground.again.get_dataset(mirrored.dataset_hash).data_rows == []


@check("StorageFolder", "add_group", "list_groups", "remove_group")
def a_folder_is_shared_with_a_group(ground: Ground) -> None:
    """Somebody sees a folder, and an image below it, while their group has access, and not before or after."""
    folder = ground.folder()
    uuid = ground.image(folder.create_subfolder("inner"))
    group = ground.me.create_group(ground.name("group"))
    group.add_users([ANNA])
    with pytest.raises(AuthorisationError):
        ground.anna.get_storage_item(uuid)
    folder.add_group(group.group_hash, StorageUserRole.USER)
    ((known, role),) = [(g.group_hash, g.user_role) for g in ground.again.get_storage_folder(folder.uuid).list_groups()]
    assert (known, role) == (group.group_hash, StorageUserRole.USER)
    assert ground.anna.get_storage_item(uuid).uuid == uuid
    folder.remove_group(group.group_hash)
    with pytest.raises(AuthorisationError):
        ground.anna.get_storage_item(uuid)


@check("StorageFolder", "get_folder_config", "enable_metadata_ingestion")
def a_folder_keeps_its_configuration(ground: Ground) -> None:
    """Metadata ingestion is switched on and read back by another client."""
    folder = ground.folder()
    assert folder.get_folder_config().metadata_ingestion is None
    folder.enable_metadata_ingestion(SidecarMatcherSuffix(suffix=".meta.json"), paused=True)
    found = ground.again.get_storage_folder(folder.uuid).get_folder_config().metadata_ingestion
    assert found is not None
    assert (found.matcher.suffix, found.paused) == (".meta.json", True)


@check(
    "StorageItem",
    "update",
    "refetch_data",
    "move_to_folder",
    "parent_folder",
    "parent_folder_uuid",
    "client_metadata",
    "description",
    "created_at",
    "last_edited_at",
    "backed_data_units_count",
    "delete",
)
def an_item_changes_moves_and_goes(ground: Ground) -> None:
    """An item is renamed (also in a bundle), moved, linked and deleted; another client sees each step."""
    target = ground.folder()
    item, second = (ground.me.get_storage_item(ground.image()) for _ in range(2))
    item.update(name="renamed", description="described", client_metadata={"a": {"b": None}})
    with Bundle() as bundle:
        item.update(client_metadata={"bundled": 1}, bundle=bundle)
        second.update(client_metadata={"bundled": 2}, bundle=bundle)
    assert (item.client_metadata, second.client_metadata) == ({"bundled": 1}, {"bundled": 2})
    found = ground.item(item.uuid)
    assert (found.name, found.description, found.client_metadata) == ("renamed", "described", {"bundled": 1})
    assert found.last_edited_at > found.created_at
    found.update(description="described anew")
    item.refetch_data()
    assert item.description == "described anew"
    item.move_to_folder(target)
    assert item.parent_folder_uuid == target.uuid
    assert ground.item(item.uuid).parent_folder().name == target.name
    dataset = ground.dataset()
    dataset.link_items([item.uuid])
    assert ground.item(item.uuid).backed_data_units_count == 1
    item.delete()
    assert ground.again.get_dataset(dataset.dataset_hash).data_rows == []
    assert list(ground.again.get_storage_folder(target.uuid).list_items()) == []
    with pytest.raises(EncordException):
        ground.again.get_storage_item(item.uuid)
