"""Folders of the storage by title and place, and what lies in them. Every method says how many requests it costs."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from encord.http.v2.payloads import Page
from encord.orm.storage import FoldersSortBy, ListItemsParams, StorageItem
from encord.storage import StorageFolder

from agents.platform import retries
from agents.platform.encord import Encord

PAGE_SIZE = 1_000


@dataclass(frozen=True, slots=True)
class ListedFolder:
    """A folder as a list shows it."""

    uuid: str
    title: str
    description: str
    parent: str | None
    """None: at the top level"""


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item of a folder; `kind` as in the SDK's `StorageItemType`, `url` only of what lies in a cloud bucket."""

    uuid: str
    kind: str
    title: str
    url: str | None


class FolderTree:
    """The folders that the account may see. Thread-safe."""

    def __init__(self, encord: Encord) -> None:
        self._client = encord.sdk_client

    def by_uuid(self, uuid: str) -> ListedFolder:
        """The folder of that uuid. 1 request.

        Raises:
            NotFoundOnPlatform, AccessRefused
        """
        return _listed(retries.call(lambda: self._client.get_storage_folder(uuid)))

    def inside(self, parent: str | None, title: str | None = None) -> list[ListedFolder]:
        """The folders in a folder (None: at the top level), all or those of that very title. 1 request per 1,000."""
        found = retries.call(lambda: self._inside(parent, title))
        return [folder for folder in found if title is None or folder.title == title]

    def anywhere(self, title: str) -> list[ListedFolder]:
        """The folders of that very title, wherever they lie. 1 request per 1,000 whose title contains it."""
        found = retries.call(lambda: list(self._client.find_storage_folders(search=title, page_size=PAGE_SIZE)))
        return [_listed(folder) for folder in found if folder.name == title]

    def make(self, title: str, description: str, parent: str | None) -> str:
        """The uuid of a new folder. 2 requests: an answer may get lost, so every attempt looks first."""

        def find_or_make() -> str:
            there = [folder for folder in self._inside(parent, title) if folder.title == title]
            if there:
                return there[0].uuid
            above = UUID(parent) if parent is not None else None
            return str(self._client.create_storage_folder(title, description=description, parent_folder=above).uuid)

        return retries.call(find_or_make)

    def items(self, uuid: str) -> Iterator[StoredItem]:
        """What lies in a folder, without what lies in the folders in it. 1 request per 1,000 items, lazily."""
        params = ListItemsParams(
            search=None,
            is_in_dataset=None,
            item_types=[],
            order=FoldersSortBy.NAME,
            desc=False,
            page_token=None,
            page_size=PAGE_SIZE,
            sign_urls=False,
            include_client_metadata=False,
        )
        client = self._client._api_client
        while True:
            page = retries.call(
                lambda: client.get(f"storage/folders/{uuid}/items", params=params, result_type=Page[StorageItem])
            )
            yield from (StoredItem(str(i.uuid), i.item_type.value, i.name, i.url) for i in page.results)
            if page.next_page_token is None:
                return
            params.page_token = page.next_page_token

    def _inside(self, parent: str | None, title: str | None) -> list[ListedFolder]:
        if parent is None:
            return [_listed(f) for f in self._client.list_storage_folders(search=title, page_size=PAGE_SIZE)]
        above = self._client.get_storage_folder(parent)
        return [_listed(folder) for folder in above.list_subfolders(search=title, page_size=PAGE_SIZE)]


def _listed(folder: StorageFolder) -> ListedFolder:
    parent = folder.parent_uuid
    return ListedFolder(str(folder.uuid), folder.name, folder.description or "", str(parent) if parent else None)
