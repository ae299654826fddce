"""Storage folders on the wire."""

import json
from collections.abc import Iterable
from typing import Any

from emulator.errors import InvalidArgumentsError
from emulator.http.calls import Call
from emulator.http.routes import Routes
from emulator.organisation.group_routes import add_group_routes
from emulator.storage.access import folder_role, managed_folder, open_folder
from emulator.storage.listing import sorted_page
from emulator.storage.models import Folder, Item
from emulator.storage.wire import folder_dto
from emulator.wire import whole
from emulator.world import DataType

routes = Routes()

_COUNTED: dict[DataType, str] = {
    "video": "videos",
    "image": "images",
    "img_group": "imageGroups",
    "image_sequence": "imageSequences",
    "dicom_file": "dicomFiles",
    "dicom": "dicomSeries",
    "nifti": "niftis",
    "audio": "audios",
    "pdf": "pdfs",
    "plain_text": "plainTexts",
    "html": "plainTexts",
}


@routes.post("storage/folders")
def create_folder(call: Call) -> Any:
    """A new folder, at the top or in another one."""
    body, email = call.body or {}, call.user.email
    parent = managed_folder(call.platform, body["parent"], email) if body.get("parent") else None
    now = call.platform.now()
    folder = Folder(_name(call.field("name")), email, now, now, parent=parent.uuid if parent is not None else None)
    folder.description = body.get("description") or ""
    if body.get("clientMetadata") is not None:
        folder.client_metadata = _metadata(body["clientMetadata"])
    if synced := body.get("cloudSyncedFolderParams"):
        folder.integration = call.platform.organisation.integration(synced["integrationUuid"]).uuid
        folder.remote_url = str(synced["remoteUrl"])
    folder.users[email] = "admin"
    return folder_dto(call.platform, call.platform.storage.add_folder(folder), email)


@routes.get("storage/folders")
def list_top_folders(call: Call) -> Any:
    """The folders that lie in no other one that the caller has access to."""
    return _folder_page(call, [folder for folder in _accessible(call) if _outermost(folder, call)])


@routes.get("storage/search/folders")
def search_folders(call: Call) -> Any:
    """Folders wherever they lie."""
    return _folder_page(call, _accessible(call))


@routes.get("storage/folders/{folder}/folders")
def list_folders(call: Call) -> Any:
    """The folders in a folder, or all below it."""
    folder, storage = _folder(call), call.platform.storage
    inner = storage.folders_below(folder) if call.flag("isRecursive") else (storage.folders[u] for u in folder.folders)
    return _folder_page(call, list(inner))


@routes.get("storage/folders/{folder}")
def get_folder(call: Call) -> Any:
    """One folder."""
    return folder_dto(call.platform, _folder(call), call.user.email)


@routes.patch("storage/folders/{folder}")
def update_folder(call: Call) -> Any:
    """Changes a folder."""
    folder = _managed(call)
    _update(folder, call.body or {}, call)
    return folder_dto(call.platform, folder, call.user.email)


@routes.patch("storage/folders/patch-bulk")
def update_folders(call: Call) -> Any:
    """Changes several folders: all of them or, when one is not the caller's, none."""
    email = call.user.email
    call.refuse_more_than_a_bundle(call.field("folderPatches"))
    patches = {managed_folder(call.platform, u, email): patch for u, patch in call.field("folderPatches").items()}
    for folder, patch in patches.items():
        _update(folder, patch, call)
    return whole(folder_dto(call.platform, folder, email) for folder in patches)


@routes.delete("storage/folders/{folder}")
def delete_folder(call: Call) -> Any:
    """Deletes an empty folder."""
    folder = _managed(call)
    if folder.folders or folder.items:
        raise InvalidArgumentsError(f"Folder {folder.name!r} is not empty")
    if folder.synced_dataset is not None:
        raise InvalidArgumentsError(f"A dataset mirrors folder {folder.name!r}")
    call.platform.storage.remove_folder(folder)


@routes.post("storage/folders/move")
def move_folders(call: Call) -> Any:
    """Moves folders into another one, or to the top."""
    platform, email = call.platform, call.user.email
    target_uuid = call.body.get("newParentUuid")
    target = managed_folder(platform, target_uuid, email) if target_uuid else None
    for folder in [managed_folder(platform, uuid, email) for uuid in call.field("folderUuids")]:
        platform.storage.move_folder(folder, target)
        folder.users.setdefault(email, "admin")


@routes.get("storage/folders/{folder}/summary")
def summarise_folder(call: Call) -> Any:
    """What lies in a folder and below it, counted."""
    folder, storage = _folder(call), call.platform.storage
    below = list(storage.folders_below(folder))
    items = [storage.items[uuid] for around in (folder, *below) for uuid in around.items]
    return {
        "files": sum(item.parent_item is None for item in items),
        "folders": len(below),
        **_counts(items),
        "tombstones": sum(item.tombstone for item in items),
        "uploadJobs": folder.upload_jobs + sum(inner.upload_jobs for inner in below),
        "totalSize": sum(item.size or 0 for item in items if not item.children),
    }


@routes.get("storage/folders/{folder}/folder-config")
def get_config(call: Call) -> Any:
    """The folder's configuration; keys that are not known here are kept."""
    return _folder(call).config


@routes.post("storage/folders/{folder}/folder-config")
def set_config(call: Call) -> Any:
    """Replaces the folder's configuration."""
    _managed(call).config = call.body


def _folder(call: Call) -> Folder:
    return open_folder(call.platform, call.params["folder"], call.user.email)


def _managed(call: Call) -> Folder:
    return managed_folder(call.platform, call.params["folder"], call.user.email)


def _accessible(call: Call) -> list[Folder]:
    platform, email = call.platform, call.user.email
    everything = call.flag("includeOrgAccess") and call.user.organisation_admin
    return [f for f in platform.storage.folders.values() if everything or folder_role(platform, f, email)]


def _outermost(folder: Folder, call: Call) -> bool:
    if folder.parent is None:
        return True
    around = call.platform.storage.folders[folder.parent]
    return folder_role(call.platform, around, call.user.email) is None


def _folder_page(call: Call, folders: Iterable[Folder]) -> Any:
    if "datasetSynced" in call.query:
        synced = call.flag("datasetSynced")
        folders = [folder for folder in folders if (folder.synced_dataset is not None) == synced]
    if call.query.getlist("organisationTagNamesAllof"):
        folders = []  # The SDK cannot tag folders, so none carries a tag.
    return sorted_page(folders, call.query, lambda f: folder_dto(call.platform, f, call.user.email))


def _counts(items: list[Item]) -> dict[str, int]:
    counts = dict.fromkeys(_COUNTED.values(), 0)
    for item in items:
        name = _COUNTED.get(item.type)
        if name is not None:
            counts[name] += 1
    return counts


def _update(folder: Folder, patch: dict[str, Any], call: Call) -> None:
    if "name" in patch:
        folder.name = _name(patch["name"])
    folder.description = patch.get("description", folder.description)
    if patch.get("clientMetadata") is not None:
        folder.client_metadata = _metadata(patch["clientMetadata"])
    folder.edited_at = call.platform.now()


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip():
        raise InvalidArgumentsError("name: must not be empty")
    return name


def _metadata(given: Any) -> dict[str, Any]:
    """Client metadata as an object; folders are created with it as JSON text."""
    try:
        metadata = json.loads(given) if isinstance(given, str) else given
    except json.JSONDecodeError:
        metadata = None
    if not isinstance(metadata, dict):
        raise InvalidArgumentsError("clientMetadata must be a JSON object")
    return metadata


add_group_routes(routes, "storage/folders/{folder}", _managed, {"admin": "admin", "user": "user"})
