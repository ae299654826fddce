"""Datasets on the wire."""

from typing import Any

from emulator.datasets.models import DataRow, Dataset
from emulator.http.calls import Call, LegacyCall
from emulator.http.routes import Routes
from emulator.labels.units import LABEL_ROW_TYPES
from emulator.storage.links import signed_url
from emulator.titled import filtered
from emulator.wire import iso

routes = Routes()


@routes.get("datasets/list")
def list_datasets(call: Call) -> Any:
    """The caller's datasets; this list says `result`."""
    own = (d for d in call.platform.datasets.values() if call.user.email in d.users)
    return {"result": [dataset_dto(dataset, call.user.email) for dataset in filtered(own, call.query)]}


@routes.query("dataset", "dataset", "GET")
def get_dataset(call: LegacyCall) -> Any:
    """A dataset with its data rows."""
    dataset = call.dataset()
    settings = call.payload.get("dataset_access_settings") or {}
    rows = dataset.rows.values() if settings.get("fetch_rows", True) else ()
    return {
        "title": dataset.title,
        "description": dataset.description,
        "dataset_type": "CORD_STORAGE",
        "dataset_hash": dataset.hash,
        "backing_folder_uuid": dataset.backing_folder,
        "data_rows": [data_row(row, call.base_url, settings) for row in rows],
    }


def dataset_dto(dataset: Dataset, email: str) -> dict[str, Any]:
    """A dataset in the list of datasets."""
    return {
        "datasetUuid": dataset.hash,
        "title": dataset.title,
        "description": dataset.description,
        "createdAt": iso(dataset.created_at),
        "lastEditedAt": iso(dataset.edited_at),
        "userRole": dataset.users.get(email),
        "storageLocation": 0,
        "backingFolderUuid": dataset.backing_folder,
    }


def data_row(row: DataRow, base_url: str, settings: dict[str, Any]) -> dict[str, Any]:
    """A data row as the legacy protocol has it."""
    item = row.item
    found: dict[str, Any] = {
        "data_hash": row.hash,
        "data_title": row.title,
        "data_type": LABEL_ROW_TYPES[item.type].upper(),
        "created_at": iso(row.created_at),
        "last_edited_at": iso(row.edited_at),
        "width": item.width,
        "height": item.height,
        "file_link": item.url or signed_url(base_url, item),
        "file_size": len(item.content) if item.content is not None else None,
        "file_type": item.mime_type,
        "storage_location": 0,
        "frames_per_second": item.fps,
        "duration": item.duration,
        "backing_item_uuid": item.uuid,
        "is_optimised_image_group": item.type == "image_sequence" or None,
    }
    if settings.get("fetch_client_metadata"):
        found["client_metadata"] = item.client_metadata
    return found
