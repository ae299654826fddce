"""Checks of collections and presets, in Index and in Active."""

from datetime import datetime
from uuid import UUID

import pytest
from encord.collection import Collection, ProjectCollection
from encord.exceptions import AuthorisationError
from encord.orm.collection import (
    ProjectCollectionType,
    ProjectDataCollectionItemRequest,
    ProjectLabelCollectionItemRequest,
)
from encord.orm.filter_preset import ActiveFilterPresetDefinition, FilterDefinition
from encord.storage import StorageItem

from .ground import ANNA, Ground
from .registry import check


@check("EncordUserClient", "create_collection", "get_collection", "list_collections", "delete_collection")
@check("Collection", "uuid", "name", "description", "created_at", "last_edited_at", "top_level_folder_uuid")
@check("Collection", "update_collection")
def collections_come_change_and_go(ground: Ground) -> None:
    """A collection is created, changed and deleted; another client gets it and lists it by folder and by uuid."""
    folder = ground.folder()
    made = ground.me.create_collection(folder.uuid, "first name", "described")
    made.update_collection(name="second name")
    found = ground.again.get_collection(made.uuid)
    assert (found.name, found.description, found.top_level_folder_uuid) == ("second name", "described", folder.uuid)
    assert isinstance(found.created_at, datetime)
    assert found.last_edited_at > found.created_at
    assert [c.uuid for c in ground.again.list_collections(folder.uuid)] == [made.uuid]
    assert [c.uuid for c in ground.again.list_collections(collection_uuids=[made.uuid])] == [made.uuid]
    with pytest.raises(AuthorisationError):
        ground.anna.get_collection(made.uuid)
    ground.me.delete_collection(made.uuid)
    assert list(ground.again.list_collections(folder.uuid)) == []


@check("Collection", "add_items", "add_items_by_title", "remove_items", "list_items")
@check("Collection", "list_items_include_inaccessible")
def items_are_collected(ground: Ground) -> None:
    """Items are added by uuid and by title and removed; whoever may not see an item is told its uuid alone."""
    folder = ground.folder()
    inner = folder.create_subfolder("inner")
    uuids = [folder.upload_image(ground.png(), title=f"title {n}") for n in range(3)]
    inner.upload_image(ground.png(), title="title 2")
    collection = ground.me.create_collection(folder.uuid, "items")
    assert collection.add_items([uuids[0], UUID(int=7)]).failed_items == [UUID(int=7)]
    by_title = collection.add_items_by_title(["title 1", "title 2", "no such title"])
    assert (by_title.requested, by_title.matched_titles, by_title.items_added) == (3, 1, 1)
    assert (by_title.ambiguous_titles, by_title.unmatched_titles) == (["title 2"], ["no such title"])
    again = ground.again.get_collection(collection.uuid)
    assert [item.uuid for item in again.list_items(page_size=1)] == uuids[:2]
    assert collection.remove_items([uuids[0], UUID(int=7)]).failed_items == [UUID(int=7)]
    assert [item.name for item in again.list_items()] == ["title 1"]
    hidden = ground.image()
    collection.add_items([hidden])
    group = ground.me.create_group(ground.name("group"))
    group.add_users([ANNA])
    folder.add_group(group.group_hash, "user")  # type: ignore[arg-type]
    theirs = list(ground.anna.get_collection(collection.uuid).list_items_include_inaccessible())
    assert [(item.uuid, isinstance(item, StorageItem)) for item in theirs] == [(uuids[1], True), (hidden, False)]


@check("EncordUserClient", "create_preset", "get_filter_preset", "get_filter_presets", "list_presets", "delete_preset")
@check(
    "FilterPreset",
    "uuid",
    "name",
    "description",
    "created_at",
    "last_updated_at",
    "get_filter_preset_json",
    "update_preset",
)
@check("Collection", "add_preset_items", "remove_preset_items")
def presets_select_items(ground: Ground) -> None:
    """A preset is created, changed, and used to fill and to empty a collection; another client reads all of it."""
    folder = ground.folder()
    day = folder.upload_image(ground.png(), client_metadata={"light": "day"})
    night = folder.upload_image(ground.png(), client_metadata={"light": "night"})
    preset = ground.me.create_preset(ground.name("preset"), _filters("day"), "described")
    assert preset.uuid in {known.uuid for known in ground.again.list_presets()}
    assert [known.uuid for known in ground.again.get_filter_presets([preset.uuid])] == [preset.uuid]
    collection = ground.me.create_collection(folder.uuid, "by preset")
    collection.add_preset_items(preset)
    assert _items(ground, collection) == [day]
    renamed = ground.name("renamed")
    preset.update_preset(name=renamed, filter_preset_json=_filters("night"))
    found = ground.again.get_filter_preset(preset.uuid)
    assert (found.name, found.description) == (renamed, "described")
    assert found.last_updated_at > found.created_at
    assert found.get_filter_preset_json().global_filters.filters[0]["values"] == ["night"]
    collection.add_preset_items(preset.uuid)
    assert _items(ground, collection) == [day, night]
    collection.remove_preset_items(str(preset.uuid))
    assert _items(ground, collection) == [day]
    ground.me.delete_preset(preset.uuid)
    assert list(ground.again.get_filter_presets([preset.uuid])) == []


def _filters(light: str) -> dict[str, object]:
    return {"global_filters": {"filters": [{"key": "light", "values": [light], "include": True, "type": "varchar"}]}}


def _items(ground: Ground, collection: Collection) -> list[UUID]:
    return [item.uuid for item in ground.again.get_collection(collection.uuid).list_items()]


@check("Project", "create_collection", "get_collection", "list_collections", "delete_collection")
@check(
    "ProjectCollection",
    "uuid",
    "name",
    "description",
    "created_at",
    "last_edited_at",
    "project_hash",
    "collection_type",
    "update_collection",
    "add_items",
    "remove_items",
    "list_frames",
    "list_annotations",
)
def frames_and_labels_are_collected(ground: Ground) -> None:
    """Frames and labels of a project are collected and removed; another client lists them with their rows."""
    project = ground.project(images=2)
    first, second = (row.data_hash for row in project.list_label_rows_v2())
    box = ground.row(project, drawn=True).get_object_instances()[0].object_hash
    frames = project.create_collection("frames", "described")
    labels = project.create_collection("labels", collection_type=ProjectCollectionType.LABEL)
    wanted = [ProjectDataCollectionItemRequest(data_uuid=data_hash, frame=0) for data_hash in (first, second)]
    beyond = ProjectDataCollectionItemRequest(data_uuid=first, frame=99)
    assert frames.add_items([*wanted, beyond]).failed_items == [beyond]
    labels.add_items([ProjectLabelCollectionItemRequest(data_uuid=first, frame=0, annotation_id=box)])
    frames.update_collection(name="renamed")
    again = ground.reread(project)
    found = again.get_collection(frames.uuid)
    assert (found.name, found.description, found.collection_type) == (
        "renamed",
        "described",
        ProjectCollectionType.FRAME,
    )
    assert (str(found.project_hash), isinstance(found.created_at, datetime)) == (project.project_hash, True)
    assert found.last_edited_at > found.created_at
    assert [(row.data_hash, [i.frame for i in instances]) for row, instances in found.list_frames()] == [
        (first, [0]),
        (second, [0]),
    ]
    ((row, instances),) = again.get_collection(labels.uuid).list_annotations()
    assert (row.data_hash, [(i.frame, i.annotation_id) for i in instances]) == (first, [(0, box)])
    assert frames.remove_items(wanted[:1]).failed_items == []
    assert [row.data_hash for row, _ in found.list_frames()] == [second]
    assert {c.uuid for c in again.list_collections()} == {frames.uuid, labels.uuid}
    project.delete_collection(labels.uuid)
    assert [c.uuid for c in ground.reread(project).list_collections()] == [frames.uuid]


@check("Project", "create_filter_preset", "get_filter_preset", "list_filter_presets", "delete_filter_preset")
@check("ProjectFilterPreset", "uuid", "name", "created_at", "updated_at", "project_hash")
@check("ProjectFilterPreset", "get_filter_preset_json", "update_preset")
@check("ProjectCollection", "add_preset_items", "remove_preset_items")
def presets_select_frames(ground: Ground) -> None:
    """A project's preset is created, changed, and fills and empties a collection; another client reads all of it."""
    project = ground.project(images=2)
    titles = {row.data_title: row.data_hash for row in project.list_label_rows_v2()}
    one, other = titles
    preset = project.create_filter_preset("by title", _by_title(one))
    again = ground.reread(project)
    assert [(p.uuid, p.name) for p in again.list_filter_presets()] == [(preset.uuid, "by title")]
    collection = project.create_collection("by preset")
    collection.add_preset_items(preset.uuid)
    assert _frames(collection) == [titles[one]]
    preset.update_preset(name="by another title", filter_preset=_by_title(other))
    found = again.get_filter_preset(preset.uuid)
    assert (found.name, str(found.project_hash)) == ("by another title", project.project_hash)
    assert found.updated_at > found.created_at
    assert found.get_filter_preset_json().global_filters.filters[0]["values"] == [other]
    collection.add_preset_items(str(preset.uuid))
    collection.remove_preset_items(preset.uuid)
    assert _frames(collection) == [titles[one]]
    project.delete_filter_preset(preset.uuid)
    assert list(ground.reread(project).list_filter_presets()) == []


def _by_title(title: str) -> ActiveFilterPresetDefinition:
    return ActiveFilterPresetDefinition(
        global_filters=FilterDefinition(filters=[{"key": "data_title", "values": [title], "include": True}])
    )


def _frames(collection: ProjectCollection) -> list[str]:
    return [row.data_hash for row, _ in collection.list_frames()]
