"""Datasets and data rows as the SDK reads them."""

from typing import Any

from emulator.datasets.models import DataRow, Dataset
from emulator.http.calls import LegacyCall
from emulator.labels.units import LABEL_ROW_TYPES
from emulator.organisation.models import shared_role
from emulator.storage.links import signed_url
from emulator.storage.models import Item
from emulator.wire import iso
from emulator.world import DataType

IMAGE_OPTIONS = "images_data_fetch_options"

_IS_SEQUENCE: dict[DataType, bool] = {"img_group": False, "image_sequence": True}

# StorageLocation of data rows is a number; what has none is `NEW_STORAGE` in the SDK.
_LOCATIONS = {"encord": 0, "s3": 1, "gcp": 2, "azure": 3, "s3Compatible": 4}


def dataset_dto(dataset: Dataset, email: str) -> dict[str, Any]:
    """A dataset in the list of datasets."""
    return {
        "datasetUuid": dataset.hash,
        "title": dataset.title,
        "description": dataset.description,
        "createdAt": iso(dataset.created_at),
        "lastEditedAt": iso(dataset.edited_at),
        "userRole": shared_role(dataset, email),
        "storageLocation": 0,
        "backingFolderUuid": dataset.backing_folder,
    }


def data_row(row: DataRow, call: LegacyCall, settings: dict[str, Any]) -> dict[str, Any]:
    """A data row as the legacy protocol has it; `settings` name what is only told when it is asked for."""
    item = row.item
    link = signed_url(call.base_url, item)
    found: dict[str, Any] = {
        "data_hash": row.hash,
        "data_title": row.title,
        "data_type": LABEL_ROW_TYPES[item.type].upper(),
        "created_at": iso(row.created_at),
        "last_edited_at": iso(row.edited_at),
        "width": item.width,
        "height": item.height,
        "file_link": item.url or link,
        "file_size": item.size,
        "file_type": item.mime_type,
        "storage_location": _LOCATIONS.get(item.storage_location, -99),
        "frames_per_second": item.fps,
        "duration": item.duration,
        "backing_item_uuid": item.uuid,
        "is_optimised_image_group": _IS_SEQUENCE.get(item.type),
    }
    if settings.get("fetch_client_metadata"):
        found["client_metadata"] = item.client_metadata
    if settings.get("signed_url"):
        found["signed_url"] = link
    if settings.get(IMAGE_OPTIONS) is not None:
        sign = bool(settings[IMAGE_OPTIONS].get("fetch_signed_urls"))
        images = call.platform.storage.children(item)
        found["images_data"] = [_image(image, call.base_url, signed=sign) for image in images]
    return found


def _image(image: Item, base_url: str, *, signed: bool) -> dict[str, Any]:
    link = signed_url(base_url, image)
    return {
        "title": image.name,
        "file_link": image.url or link,
        "file_type": image.mime_type,
        "file_size": image.size,
        "image_hash": image.uuid,
        "storage_location": _LOCATIONS.get(image.storage_location, -99),
        "created_at": iso(image.created_at),
        "last_edited_at": iso(image.edited_at),
        "width": image.width,
        "height": image.height,
        "signed_url": link if signed else None,
    }
