"""Storage on the wire."""

import json
from typing import Any

from emulator.http.calls import Call
from emulator.http.routes import Routes
from emulator.storage.links import signed_url
from emulator.storage.models import Item
from emulator.wire import iso, whole
from emulator.world import DataType

routes = Routes()

ITEM_TYPES: dict[DataType, str] = {
    "image": "image",
    "img_group": "imageGroup",
    "image_sequence": "imageSequence",
    "video": "video",
    "audio": "audio",
    "plain_text": "plainText",
    "html": "plainText",
    "pdf": "pdf",
    "dicom": "dicomSeries",
    "nifti": "nifti",
    "time_series": "timeseries",
    "group": "group",
    "scene": "scene",
}


@routes.get("storage/items/{item}")
def get_item(call: Call) -> Any:
    """One item."""
    return item_dto(call.platform.storage.item(call.params["item"]), call.base_url, signed=call.flag("signUrl"))


@routes.post("storage/items/get-bulk")
def get_items(call: Call) -> Any:
    """Items in the order they were asked for."""
    sign = bool(call.body.get("signUrls"))
    items = [call.platform.storage.item(uuid) for uuid in call.field("itemUuids")]
    return whole(item_dto(item, call.base_url, signed=sign) for item in items)


def item_dto(item: Item, base_url: str, *, signed: bool) -> dict[str, Any]:
    """An item as the SDK reads it: every key present."""
    has_url = item.type not in ("img_group", "dicom", "scene", "group")
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
        "backedDataUnitsCount": len(item.data_hashes),
        "storageLocation": item.storage_location,
        "integrationHash": item.integration,
        "url": item.url,
        "signedUrl": signed_url(base_url, item) if signed and has_url else None,
        "fileSize": len(item.content) if item.content is not None else None,
        "mimeType": item.mime_type,
        "duration": item.duration,
        "fps": item.fps,
        "height": item.height,
        "width": item.width,
        "dicomInstanceUid": None,
        "dicomStudyUid": None,
        "dicomSeriesUid": None,
        "frameCount": item.frames,
        "audioSampleRate": item.sample_rate,
        "audioBitDepth": item.bit_depth,
        "audioCodec": item.codec,
        "audioNumChannels": item.channels,
    }
