"""Active on the wire: collections and presets of a project, import and sync."""

from typing import Any

from emulator.errors import InvalidArgumentsError, ResourceNotFoundError
from emulator.http.calls import Call
from emulator.http.routes import Routes
from emulator.index.models import Instance, Preset, ProjectCollection, selected
from emulator.labels.metadata import entry_of, metadata, number_of_frames
from emulator.labels.models import MAIN_BRANCH, objects_of
from emulator.projects.models import Project
from emulator.storage.models import Storage
from emulator.wire import iso, page

routes = Routes()

_MODES = {"data", "label", "metric", "advanced"}
_SNAKE = {"label_hash": "label_uuid", "data_hash": "data_uuid", "dataset_hash": "dataset_uuid"}


@routes.post("active/{project}/import")
def import_project(call: Call) -> Any:
    """Imports a project into Active."""
    mode = call.field("projectMode")
    if mode not in _MODES:
        raise InvalidArgumentsError(f"There is no import mode {mode!r}")
    call.managed_project().active = {"mode": mode, "sampling_rate": call.body.get("videoSamplingRate"), "syncs": 0}


@routes.post("active/{project}/sync")
def sync_project(call: Call) -> Any:
    """Brings Active up to date with the project."""
    project = call.managed_project()
    if project.active is None:
        raise InvalidArgumentsError("The project has not been imported into Active")
    project.active["syncs"] += 1


@routes.get("active/{project}/collections")
def list_collections(call: Call) -> Any:
    """The collections of a project."""
    project, wanted = call.project(), call.query.getlist("uuids")
    found = [_collection_dto(c, project) for c in project.collections.values() if not wanted or c.uuid in wanted]
    return _page(call, found)


@routes.post("active/{project}/collections")
def create_collection(call: Call) -> Any:
    """A new collection; the answer is its uuid."""
    project, body, now = call.project(), call.body or {}, call.platform.now()
    kind = body.get("collectionType", "FRAME")
    if kind not in ("FRAME", "LABEL"):
        raise InvalidArgumentsError(f"There is no collection type {kind!r}")
    collection = ProjectCollection(str(call.field("name")), str(body.get("description") or ""), kind, now, now)
    project.collections[collection.uuid] = collection
    return collection.uuid


@routes.patch("active/{project}/collections/{collection}")
def update_collection(call: Call) -> Any:
    """Changes name or description."""
    collection = _collection(call)
    collection.name = call.body.get("name") or collection.name
    collection.description = call.body.get("description", collection.description)
    collection.edited_at = call.platform.now()


@routes.delete("active/{project}/collections/{collection}")
def delete_collection(call: Call) -> Any:
    """Deletes a collection."""
    del call.project().collections[_collection(call).uuid]


@routes.get("active/{project}/collections/{collection}/items")
def list_items(call: Call) -> Any:
    """The frames of a collection, or its labels with `getLabels=true`, by data unit."""
    project, labels = call.project(), call.flag("getLabels")
    by_unit: dict[str, list[dict[str, Any]]] = {}
    for instance in _collection(call).instances:
        entry = {"frame": instance.frame, **({"annotationId": instance.annotation_id} if labels else {})}
        if instance.data_hash in project.units and (not labels or instance.annotation_id is not None):
            by_unit.setdefault(instance.data_hash, []).append(entry)
    found = [{"labelRowMetadata": _metadata(call, project, unit), "instances": by_unit[unit]} for unit in by_unit]
    return _page(call, found)


@routes.post("active/{project}/collections/{collection}/add-items")
def add_items(call: Call) -> Any:
    """Adds frames or labels; those that the project does not have fail."""
    project, collection, failed = call.project(), _collection(call), []
    for item in call.field("items"):
        instance = _instance(item)
        if _exists(call.platform.storage, project, collection, instance):
            collection.instances[instance] = None
        else:
            failed.append(item)
    return {"failedItems": failed}


@routes.post("active/{project}/collections/{collection}/remove-items")
def remove_items(call: Call) -> Any:
    """Removes frames or labels; those that are not in the collection fail."""
    instances = _collection(call).instances
    return {"failedItems": [item for item in call.field("items") if instances.pop(_instance(item), item) is item]}


@routes.post("active/{project}/collections/{collection}/add-preset-items")
def add_preset_items(call: Call) -> Any:
    """Adds the frames, or the labels, of the data units that a preset selects."""
    collection = _collection(call)
    collection.instances.update(dict.fromkeys(_preset_instances(call, collection)))


@routes.post("active/{project}/collections/{collection}/remove-preset-items")
def remove_preset_items(call: Call) -> Any:
    """Removes the frames, or the labels, of the data units that a preset selects."""
    collection = _collection(call)
    for instance in _preset_instances(call, collection):
        collection.instances.pop(instance, None)


@routes.get("active/{project}/presets")
def list_presets(call: Call) -> Any:
    """The presets of a project."""
    wanted = call.query.getlist("presetUuids")
    found = [_preset_dto(preset) for preset in call.project().presets.values() if not wanted or preset.uuid in wanted]
    return _page(call, found)


@routes.post("active/{project}/presets")
def create_preset(call: Call) -> Any:
    """A new preset; the answer is its uuid."""
    project, now = call.project(), call.platform.now()
    preset = Preset(str(call.field("name")), "", call.user.email, dict(call.field("filterPresetJson")), now, now)
    project.presets[preset.uuid] = preset
    return preset.uuid


@routes.get("active/{project}/presets/{preset}/raw")
def get_preset(call: Call) -> Any:
    """The filters of a preset."""
    return _preset(call, call.params["preset"]).filters


@routes.patch("active/{project}/presets/{preset}")
def update_preset(call: Call) -> Any:
    """Changes a preset."""
    preset, body = _preset(call, call.params["preset"]), call.body or {}
    preset.name = body.get("name") or preset.name
    preset.filters = body.get("filterPreset") or preset.filters
    preset.edited_at = call.platform.now()


@routes.delete("active/{project}/presets/{preset}")
def delete_preset(call: Call) -> Any:
    """Deletes a preset."""
    del call.project().presets[_preset(call, call.params["preset"]).uuid]


def _page(call: Call, found: list[Any]) -> Any:
    size = call.query.get("pageSize", "100")
    if not size.isdigit() or int(size) < 1:
        raise InvalidArgumentsError("pageSize must be a positive number")
    return page(found, call.query.get("pageToken"), int(size))


def _collection(call: Call) -> ProjectCollection:
    collection = call.project().collections.get(call.params["collection"])
    if collection is None:
        raise ResourceNotFoundError(f"There is no collection {call.params['collection']}")
    return collection


def _preset(call: Call, uuid: str) -> Preset:
    preset = call.project().presets.get(uuid)
    if preset is None:
        raise ResourceNotFoundError(f"There is no preset {uuid}")
    return preset


def _instance(item: dict[str, Any]) -> Instance:
    return Instance(str(item["dataUuid"]), int(item["frame"]), item.get("annotationId"))


def _exists(storage: Storage, project: Project, collection: ProjectCollection, instance: Instance) -> bool:
    unit = project.units.get(instance.data_hash)
    if unit is None or not 0 <= instance.frame < number_of_frames(unit.item, storage):
        return False
    if collection.kind == "FRAME":
        return instance.annotation_id is None
    return instance.annotation_id in _annotations(project, instance.data_hash)


def _annotations(project: Project, data_hash: str) -> set[str]:
    row = project.rows.find(data_hash, MAIN_BRANCH)
    if row is None:
        return set()
    return {*row.content.object_answers, *row.content.classification_answers}


def _preset_instances(call: Call, collection: ProjectCollection) -> list[Instance]:
    project, preset = call.project(), _preset(call, call.field("presetUuid"))
    items = {unit.item.uuid: unit for unit in project.units.values()}
    units = [items[item.uuid] for item in selected(preset.filters, [u.item for u in project.units.values()])]
    if collection.kind == "FRAME":
        return [
            Instance(unit.hash, frame)
            for unit in units
            for frame in range(number_of_frames(unit.item, call.platform.storage))
        ]
    return [instance for unit in units for instance in _labels_of(project, unit.hash)]


def _labels_of(project: Project, data_hash: str) -> list[Instance]:
    row = project.rows.find(data_hash, MAIN_BRANCH)
    if row is None:
        return []
    found: dict[Instance, None] = {}
    for labels in row.content.units.values():
        flat = {"0": labels} if "objects" in labels else labels
        for frame, drawn in flat.items():
            for label in objects_of(drawn):
                found[Instance(data_hash, int(frame), label["objectHash"])] = None
    return list(found)


def _metadata(call: Call, project: Project, data_hash: str) -> dict[str, Any]:
    """Label row metadata as Active spells it: some keys in snake case under other names, the rest in camel case."""
    row = project.rows.ensure(data_hash, MAIN_BRANCH)
    told = metadata(entry_of(project, row), {}, call.platform.storage, call.base_url)
    return {_SNAKE.get(key) or _camel(key): value for key, value in told.items()}


def _camel(key: str) -> str:
    head, *rest = key.split("_")
    return head + "".join(part.title() for part in rest)


def _collection_dto(collection: ProjectCollection, project: Project) -> dict[str, Any]:
    return {
        "collectionUuid": collection.uuid,
        "name": collection.name,
        "description": collection.description,
        "createdAt": iso(collection.created_at),
        "lastEditedAt": iso(collection.edited_at),
        "projectUuid": project.hash,
        "collectionType": collection.kind,
    }


def _preset_dto(preset: Preset) -> dict[str, Any]:
    return {
        "presetUuid": preset.uuid,
        "name": preset.name,
        "createdAt": iso(preset.created_at),
        "updatedAt": iso(preset.edited_at),
    }
