"""Storage: folders, items and the bytes behind them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from emulator.errors import InvalidArgumentsError, ResourceNotFoundError
from emulator.organisation.models import Grant
from emulator.spec import new_uuid
from emulator.world import DatasetRole, DataType

MIME_TYPES: dict[DataType, str] = {
    "image": "image/png",
    "img_group": "image/png",
    "image_sequence": "video/quicktime",
    "video": "video/mp4",
    "audio": "audio/wav",
    "plain_text": "text/plain",
    "html": "text/html",
    "pdf": "application/pdf",
    "dicom": "application/dicom",
    "dicom_file": "application/dicom",
    "nifti": "application/nifti",
    "time_series": "text/csv",
    "group": "group",
    "scene": "application/json",
}

# What the platform calls them.
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
    "dicom_file": "dicomFile",
    "nifti": "nifti",
    "time_series": "timeseries",
    "group": "group",
    "scene": "scene",
}


@dataclass(slots=True, eq=False)
class Item:
    """A storage item of any type; what a type does not have stays None.

    `children` are the items it is made of: frames, files, members of a data group. `parent_item` is the item whose
    part this one is and nothing else: such an item is not listed in its folder.
    """

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
    dicom_patient_id: str | None = None
    dicom_instance_uid: str | None = None
    dicom_study_uid: str | None = None
    dicom_series_uid: str | None = None
    url: str | None = None
    content: bytes | None = None
    file_size: int | None = None
    client_metadata: dict[str, Any] = field(default_factory=dict)
    children: list[str] = field(default_factory=list)
    parent_item: str | None = None
    integration: str | None = None
    storage_location: str = "encord"
    data_hashes: set[str] = field(default_factory=set)
    settings: dict[str, Any] = field(default_factory=dict)
    layout: dict[str, Any] | None = None
    scene: dict[str, Any] | None = None
    tombstone: bool = False

    @property
    def size(self) -> int | None:
        """Bytes, as far as they are known."""
        return len(self.content) if self.content is not None else self.file_size


@dataclass(slots=True, eq=False)
class Folder:
    """A storage folder; who has access to one has access to all that lies below it."""

    name: str
    owner: str
    created_at: datetime
    edited_at: datetime
    uuid: str = field(default_factory=new_uuid)
    parent: str | None = None
    description: str = ""
    client_metadata: dict[str, Any] | None = None
    users: dict[str, DatasetRole] = field(default_factory=dict)
    groups: dict[str, Grant] = field(default_factory=dict)
    items: dict[str, None] = field(default_factory=dict)
    folders: dict[str, None] = field(default_factory=dict)
    by_url: dict[str, str] = field(default_factory=dict)
    synced_dataset: str | None = None
    integration: str | None = None
    remote_url: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    upload_jobs: int = 0


class Storage:
    """Every folder and item, by uuid; a folder knows what lies in it."""

    def __init__(self) -> None:
        self.folders: dict[str, Folder] = {}
        self.items: dict[str, Item] = {}
        self._groups_of: dict[str, dict[str, None]] = {}

    def add_folder(self, folder: Folder) -> Folder:
        """Puts a folder into its parent, or at the top."""
        self.folders[folder.uuid] = folder
        if folder.parent is not None:
            self.folder(folder.parent).folders[folder.uuid] = None
        return folder

    def add_item(self, item: Item) -> Item:
        """Puts an item into its folder."""
        self.items[item.uuid] = item
        folder = self.folder(item.folder)
        folder.items[item.uuid] = None
        if item.url is not None:
            folder.by_url.setdefault(item.url, item.uuid)
        for child in item.children:
            self._groups_of.setdefault(child, {})[item.uuid] = None
        return item

    def folder(self, uuid: str) -> Folder:
        """The folder of that uuid."""
        try:
            return self.folders[uuid.lower()]
        except KeyError:
            raise ResourceNotFoundError(f"There is no folder {uuid}") from None

    def item(self, uuid: str) -> Item:
        """The item of that uuid."""
        try:
            return self.items[uuid.lower()]
        except KeyError:
            raise ResourceNotFoundError(f"There is no storage item {uuid}") from None

    def children(self, item: Item) -> list[Item]:
        """What an item is made of, in order."""
        return [self.items[uuid] for uuid in item.children if uuid in self.items]

    def groups_of(self, item: Item) -> list[Item]:
        """The items that this one is a part of."""
        return [self.items[uuid] for uuid in self._groups_of.get(item.uuid, ())]

    def path_to_root(self, folder: Folder) -> list[Folder]:
        """A folder and the folders it lies in, the innermost first."""
        path = [folder]
        while path[-1].parent is not None:
            path.append(self.folders[path[-1].parent])
        return path

    def folders_below(self, folder: Folder) -> Iterator[Folder]:
        """Every folder below this one, without itself."""
        for uuid in folder.folders:
            yield self.folders[uuid]
            yield from self.folders_below(self.folders[uuid])

    def listed_items(self, folder: Folder) -> Iterator[Item]:
        """The items of a folder that are not merely parts of others."""
        for uuid in folder.items:
            item = self.items[uuid]
            if item.parent_item is None:
                yield item

    def move_folder(self, folder: Folder, target: Folder | None) -> None:
        """Puts a folder into another, or at the top.

        Raises:
            InvalidArgumentsError: when that would put it below itself.
        """
        if target is not None and folder in self.path_to_root(target):
            raise InvalidArgumentsError("A folder cannot be moved into itself")
        if folder.parent is not None:
            del self.folders[folder.parent].folders[folder.uuid]
        folder.parent = target.uuid if target is not None else None
        if target is not None:
            target.folders[folder.uuid] = None

    def move_item(self, item: Item, target: Folder) -> None:
        """Puts an item, and what it alone is made of, into another folder."""
        self._take_out(item)
        item.folder = target.uuid
        target.items[item.uuid] = None
        if item.url is not None:
            target.by_url.setdefault(item.url, item.uuid)
        for child in self.children(item):
            if child.parent_item == item.uuid:
                self.move_item(child, target)

    def change_url(self, item: Item, url: str | None) -> None:
        """Lets a cloud item point to another object."""
        folder = self._take_out(item)
        item.url = url
        folder.items[item.uuid] = None
        if url is not None:
            folder.by_url.setdefault(url, item.uuid)

    def remove_item(self, item: Item) -> None:
        """Forgets an item; its parts stay."""
        self._take_out(item)
        del self.items[item.uuid]
        for child in item.children:
            self._groups_of[child].pop(item.uuid, None)

    def remove_folder(self, folder: Folder) -> None:
        """Forgets an empty folder."""
        if folder.parent is not None:
            del self.folders[folder.parent].folders[folder.uuid]
        del self.folders[folder.uuid]

    def _take_out(self, item: Item) -> Folder:
        folder = self.folders[item.folder]
        del folder.items[item.uuid]
        if item.url is not None and folder.by_url.get(item.url) == item.uuid:
            del folder.by_url[item.url]
        return folder
