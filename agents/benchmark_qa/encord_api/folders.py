"""Storage folders by title and place, and their items. Every method gives its number of requests."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol, TypeVar
from uuid import UUID

from encord.http.v2.payloads import Page
from encord.orm.base_dto import BaseDTO
from encord.orm.storage import CloudSyncedFolderParams, FoldersSortBy, ListItemsParams, StorageItemType, StorageUserRole
from encord.storage import StorageFolder

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.errors import RequestRejected
from benchmark_qa.errors import RefusalError


class Titled(Protocol):
    """A folder, a dataset, an ontology or a project in a list."""

    @property
    def uuid(self) -> str:
        """Its uuid or hash."""

    @property
    def title(self) -> str:
        """Its title."""

    @property
    def description(self) -> str:
        """Its description; contains the mark if this software created it."""


T = TypeVar("T", bound=Titled)


def mark_of(kind: str, title: str) -> str:
    """The mark of things that a command creates by title only; set-up files have other marks."""
    digest = blake2b("\0".join((kind, title)).encode(), digest_size=6)
    return f"benchmark-qa {digest.hexdigest()}"


def find_or_make(kind: str, title: str, mark: str, find: Callable[[], Sequence[T]], make: Callable[[], T]) -> T:
    """The only thing of that title, created if there is none. `find` is called before every attempt.

    Raises:
        RequestRejected: several have that title, and the mark does not select one.
        PlatformError: Encord cannot be used.
    """

    def attempt() -> T:
        there = [thing for thing in find() if thing.title == title]
        candidates = [thing for thing in there if mark and mark in thing.description] or there
        if len(candidates) > 1:
            uuids = ", ".join(sorted(thing.uuid for thing in candidates))
            raise RequestRejected(f"there are {len(candidates)} of {kind} {title!r}: {uuids}; rename or delete one")
        return candidates[0] if candidates else make()

    return retries.call(attempt)


PAGE_SIZE = 1_000


@dataclass(frozen=True, slots=True)
class ListedFolder:
    """A folder in a list."""

    uuid: str
    title: str
    description: str
    parent: str | None
    """Uuid of the parent folder; None: at the top level."""


@dataclass(frozen=True, slots=True)
class FolderDetails:
    """Metadata of a folder and the groups that may use it."""

    metadata: Mapping[str, Any]
    groups: Mapping[str, str]
    """Roles (`user`, `admin`) by group name."""
    synced_with: str | None
    """The URL of the bucket with which it is synced; None: an ordinary folder."""


@dataclass(frozen=True, slots=True)
class Synced:
    """The bucket with which a new folder is synced."""

    integration: str
    """Uuid of the cloud integration."""
    url: str


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item of a folder. `kind`: a value of the SDK's `StorageItemType`; `url`: only for cloud items."""

    uuid: str
    kind: str
    title: str
    url: str | None


@dataclass(frozen=True, slots=True)
class DescribedItem:
    """An item of a folder with its client metadata."""

    uuid: str
    kind: str
    title: str
    metadata: Mapping[str, Any]
    size: int | None = None
    """Bytes; None: not known."""


class _Item(BaseDTO):
    """The fields of the SDK's `StorageItem` that are needed here.

    Parsing all of them takes four times as long.
    """

    uuid: UUID
    item_type: StorageItemType
    name: str
    url: str | None = None
    client_metadata: str | None = None
    file_size: int | None = None


def is_uuid(text: str) -> bool:
    """Whether a text is a uuid as Encord writes them, and not a title."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


class UnknownFolder(RefusalError):
    """No folder has that title, or several have it."""


class FolderTree:
    """The folders that the account can see. Thread-safe."""

    def __init__(self, encord: Encord) -> None:
        self._client = encord.sdk_client

    def by_uuid(self, uuid: str) -> ListedFolder:
        """The folder with that uuid. 1 request.

        Raises:
            NotFoundOnPlatform, AccessRefused
        """
        return _listed(retries.call(lambda: self._client.get_storage_folder(uuid)))

    def inside(self, parent: str | None, title: str | None = None) -> list[ListedFolder]:
        """The folders in a folder (None: at the top level), all or those with exactly that title.

        1 request for the folder, and 1 per 1,000 folders in it.
        """
        found = retries.call(lambda: self._inside(parent, title))
        return [folder for folder in found if title is None or folder.title == title]

    def anywhere(self, title: str) -> list[ListedFolder]:
        """The folders with exactly that title, at any place. 1 request per 1,000 whose title contains it."""
        return [folder for folder in retries.call(lambda: self._anywhere(title)) if folder.title == title]

    def named(self, reference: str) -> ListedFolder:
        """The folder with that uuid or exactly that title. 1 request.

        Raises:
            UnknownFolder, NotFoundOnPlatform, AccessRefused
        """
        found = [self.by_uuid(reference)] if is_uuid(reference) else self.anywhere(reference)
        if not found:
            raise UnknownFolder(f"there is no folder {reference!r}")
        if len(found) > 1:
            uuids = ", ".join(folder.uuid for folder in found)
            raise UnknownFolder(f"there are {len(found)} folders {reference!r}: {uuids}; give the uuid of one")
        return found[0]

    def make(self, title: str, mark: str, parent: str | None, synced: Synced | None = None) -> str:
        """The uuid of the folder of that title in a parent, created with the mark if missing. 2 or 3 requests."""
        above = UUID(parent) if parent is not None else None
        return find_or_make(
            "folder", title, mark, lambda: self._inside(parent, title), lambda: self._create(title, mark, above, synced)
        ).uuid

    def find_or_make(self, title: str, synced: Synced | None = None) -> str:
        """The uuid of the folder of that title at any place; if missing, it is created at the top level.

        2 requests.
        """
        mark = mark_of("folder", title)
        return find_or_make(
            "folder", title, mark, lambda: self._anywhere(title), lambda: self._create(title, mark, None, synced)
        ).uuid

    def details(self, uuid: str) -> FolderDetails:
        """Metadata of a folder and the groups that may use it. 2 requests."""

        def read() -> FolderDetails:
            folder = self._client.get_storage_folder(uuid)
            groups = {group.name: group.user_role.value for group in folder.list_groups()}
            return FolderDetails(folder.client_metadata or {}, groups, folder.remote_url)

        return retries.call(read)

    def groups(self) -> dict[str, list[str]]:
        """Hashes of the organisation's groups, by name. 1 request."""
        found: dict[str, list[str]] = {}
        for group in retries.call(lambda: list(self._client.list_groups())):
            found.setdefault(group.name, []).append(str(group.group_hash))
        return found

    def share(self, uuid: str, groups: Sequence[str], role: str) -> None:
        """Give groups, by hash, access to a folder. 2 requests; safe to repeat."""
        hashes, given = [UUID(group) for group in groups], StorageUserRole(role)
        retries.call(lambda: self._client.get_storage_folder(uuid).add_group(hashes, given))

    def describe(self, uuid: str, metadata: Mapping[str, Any]) -> None:
        """Add keys to the metadata of a folder; other keys are kept. 2 requests."""

        def add() -> None:
            folder = self._client.get_storage_folder(uuid)
            folder.update(client_metadata={**(folder.client_metadata or {}), **metadata})

        retries.call(add)

    def items(self, uuid: str) -> Iterator[StoredItem]:
        """The items of a folder, without those of its subfolders. 1 request per 1,000 items, lazily."""
        for item in self._items(uuid, _params(with_metadata=False)):
            yield StoredItem(str(item.uuid), item.item_type.value, item.name, item.url)

    def described_items(self, uuid: str) -> Iterator[DescribedItem]:
        """The items of a folder with their client metadata. 1 request per 1,000 items, lazily."""
        for item in self._items(uuid, _params(with_metadata=True)):
            metadata = json.loads(item.client_metadata) if item.client_metadata else {}
            described = metadata if isinstance(metadata, dict) else {}
            yield DescribedItem(str(item.uuid), item.item_type.value, item.name, described, item.file_size)

    def _items(self, uuid: str, params: ListItemsParams) -> Iterator[_Item]:
        client = self._client._api_client
        while True:
            page = retries.call(
                lambda: client.get(f"storage/folders/{uuid}/items", params=params, result_type=Page[_Item])
            )
            yield from page.results
            if page.next_page_token is None:
                return
            params.page_token = page.next_page_token

    def _create(self, title: str, mark: str, above: UUID | None, synced: Synced | None) -> ListedFolder:
        params = None
        if synced is not None:
            params = CloudSyncedFolderParams(integration_uuid=UUID(synced.integration), remote_url=synced.url)
        made = self._client.create_storage_folder(
            title, description=mark, parent_folder=above, cloud_synced_folder_params=params
        )
        return _listed(made)

    def _anywhere(self, title: str) -> list[ListedFolder]:
        return [_listed(f) for f in self._client.find_storage_folders(search=title, page_size=PAGE_SIZE)]

    def _inside(self, parent: str | None, title: str | None) -> list[ListedFolder]:
        if parent is None:
            return [_listed(f) for f in self._client.list_storage_folders(search=title, page_size=PAGE_SIZE)]
        above = self._client.get_storage_folder(parent)
        return [_listed(folder) for folder in above.list_subfolders(search=title, page_size=PAGE_SIZE)]


def _params(*, with_metadata: bool) -> ListItemsParams:
    return ListItemsParams(
        search=None,
        is_in_dataset=None,
        item_types=[],
        order=FoldersSortBy.NAME,
        desc=False,
        page_token=None,
        page_size=PAGE_SIZE,
        sign_urls=False,
        include_client_metadata=with_metadata,
    )


def _listed(folder: StorageFolder) -> ListedFolder:
    parent = folder.parent_uuid
    return ListedFolder(str(folder.uuid), folder.name, folder.description or "", str(parent) if parent else None)
