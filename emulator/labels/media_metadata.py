"""What a label row says of its medium: the children of a data group, the series and the slices of DICOM."""

from collections.abc import Callable, Iterator
from typing import Any

from emulator.storage.groups import layout_keys
from emulator.storage.models import Item, Storage

Link = Callable[[Item], str]
Child = Callable[[Item], tuple[str, str | None]]

_DICOM = ("dicom", "dicom_file")


def media_metadata(item: Item, storage: Storage, child: Child) -> dict[str, Any]:
    """The `metadata` of a data unit, in a dictionary that is empty where its type has none.

    `child` gives the data hash and the label hash of a member of a data group.
    """
    if item.type == "group":
        return {"metadata": {"children": list(_children(item, storage, child))}}
    if item.type in _DICOM and item.dicom_study_uid is not None and item.dicom_series_uid is not None:
        return {"metadata": _series(item)}
    return {}


def with_slices(labels: dict[str, Any], item: Item, storage: Storage, link: Link) -> dict[str, Any]:
    """The labels of a DICOM data unit, with the metadata of every slice; other labels as they are."""
    if item.type not in _DICOM:
        return labels
    found = dict(labels)
    for frame, metadata in enumerate(_slices(item, storage, link)):
        own = labels.get(str(frame)) or {"objects": [], "classifications": []}
        found[str(frame)] = {**own, "metadata": metadata}
    return found


def _children(group: Item, storage: Storage, child: Child) -> Iterator[dict[str, Any]]:
    keys = layout_keys(group)
    for member in storage.children(group):
        data_hash, label_hash = child(member)
        yield {
            "data_hash": data_hash,
            "label_hash": label_hash,
            "name": member.name,
            "layout_key": keys[member.uuid],
        }


def _series(item: Item) -> dict[str, Any]:
    return {
        "patient_id": item.dicom_patient_id,
        "study_uid": item.dicom_study_uid,
        "series_uid": item.dicom_series_uid,
    }


def _slices(item: Item, storage: Storage, link: Link) -> Iterator[dict[str, Any]]:
    """One for each frame: a file of several frames has as many slices."""
    for file in storage.children(item) or [item]:
        frames = file.frames or 1
        for number in range(frames):
            yield {
                "dicom_instance_uid": file.dicom_instance_uid or file.uuid,
                "multiframe_frame_number": number if frames > 1 else None,
                "file_uri": link(file),
                "width": file.width or item.width or 0,
                "height": file.height or item.height or 0,
            }
