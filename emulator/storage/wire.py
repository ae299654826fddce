"""Folders and items as the SDK reads them: every key present."""

import json
from typing import TYPE_CHECKING, Any

from emulator.organisation.models import shared_role
from emulator.storage.access import folder_role
from emulator.storage.links import metadata_url, signed_url
from emulator.storage.models import ITEM_TYPES, Folder, Item
from emulator.wire import iso
from emulator.world import DataType

if TYPE_CHECKING:
    from emulator.platform import Platform

# What has no file of its own has no URL of its own.
WITHOUT_URL: frozenset[DataType] = frozenset({"img_group", "dicom", "scene", "group"})


def item_dto(item: Item, base_url: str, *, signed: bool) -> dict[str, Any]:
    """An item."""
    return {
        "uuid": item.uuid,
        "parent": item.folder,
        "itemType": ITEM_TYPES[item.type],
        "name": item.name,
        "description": item.description,
        "clientMetadata": json.dumps(item.client_metadata),
        "owner": item.owner,
        "createdAt": iso(item.created_at),
        "lastEditedAt": iso(item.edited_at),
        "isTombstone": item.tombstone,
        "backedDataUnitsCount": len(item.data_hashes),
        "storageLocation": item.storage_location,
        "integrationHash": item.integration,
        "url": item.url,
        "signedUrl": signed_url(base_url, item) if signed and item.type not in WITHOUT_URL else None,
        "fileSize": item.size,
        "mimeType": item.mime_type,
        "duration": item.duration,
        "fps": item.fps,
        "height": item.height,
        "width": item.width,
        "dicomInstanceUid": item.dicom_instance_uid,
        "dicomStudyUid": item.dicom_study_uid,
        "dicomSeriesUid": item.dicom_series_uid,
        "frameCount": item.frames,
        "audioSampleRate": item.sample_rate,
        "audioBitDepth": item.bit_depth,
        "audioCodec": item.codec,
        "audioNumChannels": item.channels,
        "timeseriesSettings": item.settings.get("timeseriesSettings"),
    }


def item_with_metadata_link(item: Item, base_url: str, *, signed: bool) -> dict[str, Any]:
    """An item whose client metadata is fetched from a signed URL."""
    return {
        **item_dto(item, base_url, signed=signed),
        "clientMetadata": "{}",
        "clientMetadataSignedUrl": metadata_url(base_url, item),
    }


def folder_dto(platform: "Platform", folder: Folder, email: str) -> dict[str, Any]:
    """A folder as somebody sees it; what lies above it is shown as far as they have access."""
    path = platform.storage.path_to_root(folder)
    return {
        "uuid": folder.uuid,
        "parent": folder.parent,
        "name": folder.name,
        "description": folder.description,
        "clientMetadata": json.dumps(folder.client_metadata) if folder.client_metadata is not None else None,
        "owner": folder.owner,
        "createdAt": iso(folder.created_at),
        "lastEditedAt": iso(folder.edited_at),
        "userRole": folder_role(platform, folder, email) or "user",
        "syncedDatasetHash": folder.synced_dataset,
        "pathToRoot": [_path_element(around) for around in path[1:]],
        "folderType": "cloudLinked" if folder.remote_url is not None else "generic",
        "integrationHash": folder.integration,
        "remoteUrl": folder.remote_url,
    }


def _path_element(folder: Folder) -> dict[str, Any]:
    return {
        "uuid": folder.uuid,
        "parentUuid": folder.parent,
        "name": folder.name,
        "syncedDatasetHash": folder.synced_dataset,
    }


def summary_dto(item: Item, platform: "Platform", email: str) -> dict[str, Any]:
    """Where an item is used, as far as somebody has access to it."""
    groups = platform.storage.groups_of(item)
    datasets: dict[str, list[str]] = {}
    for data_hash in sorted(item.data_hashes):
        datasets.setdefault(platform.data_rows[data_hash].dataset.hash, []).append(data_hash)
    return {
        "frameInGroups": len(groups),
        "accessibleGroupItems": [_short_item(group, platform) for group in groups],
        "usedInDatasets": len(datasets),
        "accessibleDatasets": [
            _short_dataset(platform, dataset_hash, data_hashes)
            for dataset_hash, data_hashes in datasets.items()
            if shared_role(platform.datasets[dataset_hash], email) is not None
        ],
        "groupLayout": _layout(item.layout) if item.layout is not None else None,
    }


def _layout(layout: dict[str, Any]) -> dict[str, Any]:
    return {**layout, "layoutContents": {key: {"uuid": uuid} for key, uuid in layout["layoutContents"].items()}}


def _short_item(item: Item, platform: "Platform") -> dict[str, Any]:
    return {
        "uuid": item.uuid,
        "name": item.name,
        "parentUuid": item.folder,
        "parentName": platform.storage.folders[item.folder].name,
        "itemType": ITEM_TYPES[item.type],
    }


def _short_dataset(platform: "Platform", dataset_hash: str, data_hashes: list[str]) -> dict[str, Any]:
    dataset = platform.datasets[dataset_hash]
    return {
        "datasetHash": dataset.hash,
        "backingFolderUuid": dataset.backing_folder,
        "title": dataset.title,
        "dataHashes": data_hashes,
        "dataUnitsCreatedAt": iso(min(platform.data_rows[data_hash].created_at for data_hash in data_hashes)),
    }
