"""Storage: folders, items and the bytes behind them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from emulator.errors import ResourceNotFoundError
from emulator.world import DatasetRole, DataType, new_uuid

MIME_TYPES: dict[DataType, str] = {
    "image": "image/png",
    "img_group": "image/png",
    "image_sequence": "image/png",
    "video": "video/mp4",
    "audio": "audio/wav",
    "plain_text": "text/plain",
    "html": "text/html",
    "pdf": "application/pdf",
    "dicom": "application/dicom",
    "nifti": "application/nifti",
    "time_series": "text/csv",
    "group": "group",
    "scene": "application/json",
}


@dataclass(slots=True, eq=False)
class Item:
    """A storage item of any type; what a type does not have stays None."""

    uuid: str
    name: str
    type: DataType
    folder: str
    owner: str
    created_at: datetime
    edited_at: datetime
    mime_type: str
    description: str = ""
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    fps: float | None = None
    duration: float | None = None
    sample_rate: int | None = None
    bit_depth: int | None = None
    codec: str | None = None
    channels: int | None = None
    url: str | None = None
    content: bytes | None = None
    client_metadata: dict[str, Any] = field(default_factory=dict)
    children: list[str] = field(default_factory=list)
    parent_item: str | None = None
    integration: str | None = None
    storage_location: str = "encord"
    data_hashes: set[str] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class Folder:
    """A storage folder."""

    name: str
    owner: str
    created_at: datetime
    edited_at: datetime
    uuid: str = field(default_factory=new_uuid)
    parent: str | None = None
    description: str = ""
    client_metadata: dict[str, Any] | None = None
    users: dict[str, DatasetRole] = field(default_factory=dict)
    items: dict[str, None] = field(default_factory=dict)
    folders: dict[str, None] = field(default_factory=dict)
    synced_dataset: str | None = None


class Storage:
    """Every folder and item, by uuid; a folder knows what lies in it."""

    def __init__(self) -> None:
        self.folders: dict[str, Folder] = {}
        self.items: dict[str, Item] = {}

    def add_folder(self, folder: Folder) -> Folder:
        """Puts a folder into its parent, or at the top."""
        self.folders[folder.uuid] = folder
        if folder.parent is not None:
            self.folder(folder.parent).folders[folder.uuid] = None
        return folder

    def add_item(self, item: Item) -> Item:
        """Puts an item into its folder."""
        self.items[item.uuid] = item
        self.folder(item.folder).items[item.uuid] = None
        return item

    def folder(self, uuid: str) -> Folder:
        """The folder of that uuid."""
        try:
            return self.folders[uuid]
        except KeyError:
            raise ResourceNotFoundError(f"There is no folder {uuid}") from None

    def item(self, uuid: str) -> Item:
        """The item of that uuid."""
        try:
            return self.items[uuid]
        except KeyError:
            raise ResourceNotFoundError(f"There is no storage item {uuid}") from None
