"""The `data_units` of a label row, one builder per modality; what annotators drew is laid over it."""

from collections.abc import Callable
from typing import Any

from emulator.datasets.models import DataRow
from emulator.labels.media_metadata import Child, media_metadata, with_slices
from emulator.labels.models import Content
from emulator.storage.models import Item, Storage
from emulator.world import DataType

LABEL_ROW_TYPES: dict[DataType, str] = {
    "image": "image",
    "img_group": "img_group",
    "image_sequence": "img_group",
    "video": "video",
    "audio": "audio",
    "plain_text": "plain_text",
    "html": "plain_text",
    "pdf": "pdf",
    "dicom": "dicom",
    "nifti": "nifti",
    "dicom_file": "dicom",
    "time_series": "time_series",
    "group": "group",
    "scene": "scene",
}
"""The type as label rows spell it; metadata and data rows spell it in upper case."""

_FLAT = {"image", "img_group"}


def data_units(
    unit: DataRow, content: Content, storage: Storage, link: Callable[[Item], str], child: Child
) -> dict[str, Any]:
    """The data units of a label row with the labels that were saved.

    `child` gives the data hash and the label hash of a member of a data group.
    """
    kind = LABEL_ROW_TYPES[unit.item.type]
    if kind == "img_group":
        frames = [storage.item(child) for child in unit.item.children]
        return {
            frame.uuid: {
                **_unit(kind, frame, content.units.get(frame.uuid), link),
                "data_hash": frame.uuid,
                "data_title": frame.name,
                "data_sequence": str(index),
            }
            for index, frame in enumerate(frames)
        }
    described = _unit(kind, unit.item, content.units.get(unit.hash), link)
    return {
        unit.hash: {
            **described,
            **media_metadata(unit.item, storage, child),
            "labels": with_slices(described["labels"], unit.item, storage, link),
            "data_hash": unit.hash,
            "data_title": unit.title,
            "data_sequence": 0,
        }
    }


def _unit(kind: str, item: Item, labels: dict[str, Any] | None, link: Callable[[Item], str]) -> dict[str, Any]:
    empty: dict[str, Any] = {"objects": [], "classifications": []} if kind in _FLAT else {}
    return {
        "data_type": "group" if kind == "group" else item.mime_type,
        "labels": labels or empty,
        **({} if kind == "group" else {"data_link": link(item)}),
        **_MEDIA.get(kind, _no_media)(item),
    }


def _no_media(_item: Item) -> dict[str, Any]:
    return {}


def _size(item: Item) -> dict[str, Any]:
    return {"width": item.width, "height": item.height}


def _video(item: Item) -> dict[str, Any]:
    return {**_size(item), "data_duration": item.duration, "data_fps": item.fps}


def _audio(item: Item) -> dict[str, Any]:
    return {
        "audio_codec": item.codec or "pcm_s16le",
        "audio_sample_rate": item.sample_rate or 44100,
        "audio_bit_depth": item.bit_depth or 16,
        "audio_num_channels": item.channels or 1,
        "data_duration": item.duration,
    }


_MEDIA: dict[str, Callable[[Item], dict[str, Any]]] = {
    "image": _size,
    "img_group": _size,
    "video": _video,
    "dicom": _size,
    "nifti": _size,
    "audio": _audio,
}
