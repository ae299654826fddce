"""Folders, integrations and upload jobs of Encord's storage.

Every method gives its number of requests.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import requests
from encord.exceptions import AuthorisationError
from encord.http.utils import CACHE_DURATION_IN_SECONDS
from encord.orm.dataset import LongPollingStatus
from encord.orm.storage import DataGroupGrid, DataUploadItems, StorageItemType
from encord.orm.storage import SyncPrivateDataWithCloudSyncedFolderStatus as _SyncStatus
from encord.storage import StorageFolder

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.errors import EncordUnavailable, NotFoundOnPlatform, RequestRejected
from benchmark_qa.encord_api.folders import FolderTree, Synced
from benchmark_qa.encord_api.models import Model

T = TypeVar("T")

POLL_SECONDS = 20
"""Most seconds of one request for a job's state; Encord holds the request while the job is pending."""
_PUT_TIMEOUT = (10, 600)
_LISTS = {"pdfs": "pdf"}
"""Fields of the SDK's payload by key of a registration file, where the names differ."""


@dataclass(frozen=True, slots=True)
class FailedItem:
    """An item that Encord could not register: its URLs and Encord's message."""

    urls: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """The result of an upload job. `stopped`: why the whole job failed; None: it ran to its end."""

    failed: tuple[FailedItem, ...] = ()
    stopped: str | None = None


@dataclass(frozen=True, slots=True)
class SyncState:
    """The state of a sync of a folder with its bucket: numbers of files by outcome."""

    done: int
    failed: int
    pending: int
    ended: str | None
    """`done`, `error` or `cancelled`; None: it is still running."""
    unread_pages: int = 0
    """Pages of the bucket's listing that could not be read; the files on them are unknown."""


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """The upload target of one local file. `item` becomes the uuid of the item or of a part of an item."""

    item: str
    key: str
    url: str
    headers: dict[str, str]


class Storage:
    """The storage of one account. Thread-safe."""

    def __init__(self, encord: Encord) -> None:
        self._client = encord.sdk_client
        self._tree = FolderTree(encord)

    def folder(self, reference: str) -> "UploadFolder":
        """The folder with that uuid or exactly that title. 1 request; by title 1 per 100 folders found.

        Raises:
            NotFoundOnPlatform: there is none, or several have that title.
        """
        uuid = _uuid(reference)
        if uuid is not None:
            return UploadFolder(retries.call(lambda: self._client.get_storage_folder(uuid)))
        found = retries.call(lambda: list(self._client.find_storage_folders(search=reference)))
        return UploadFolder(_one("folder", reference, [(folder.name, str(folder.uuid), folder) for folder in found]))

    def synced_folder(self, title: str, *, integration: str, url: str) -> "UploadFolder":
        """The folder of that title; if there is none, a new one that Encord syncs with a bucket.

        Raises:
            NotFoundOnPlatform: there is no such integration.
            RequestRejected: several have that title, or it is synced with something else.
        """
        synced = Synced(self.integration(integration), url)
        folder = self.folder(self._tree.find_or_make(title, synced))
        if folder.synced_with != url:
            other = f"in step with {folder.synced_with}" if folder.synced_with else "an ordinary folder"
            raise RequestRejected(f"folder {title!r} is {other}, not in step with {url}: name another title")
        return folder

    def folder_or_new(self, reference: str) -> "UploadFolder":
        """The folder with that uuid or title; if no folder has that title, a new one at the top level.

        1 request more than `folder`.

        Raises:
            NotFoundOnPlatform: there is no folder with that uuid.
            RequestRejected: several have that title.
        """
        if _uuid(reference) is not None:
            return self.folder(reference)
        return self.folder(self._tree.find_or_make(reference))

    def integration(self, title: str) -> str:
        """The uuid of the cloud integration with exactly that title. 1 request.

        Raises:
            NotFoundOnPlatform: there is none, or there are several.
        """
        found = retries.call(self._client.get_cloud_integrations)
        return _one("cloud integration", title, [(known.title, known.id, known.id) for known in found])

    def metadata_schema(self) -> dict[str, Any]:
        """The organisation's metadata schema, in the form that `MetadataSchema` reads. 1 request."""
        schema = retries.call(self._client.metadata_schema)
        types: dict[str, Any] = {key: schema.get_key_type(key) for key in schema.keys()}  # noqa: SIM118 - no mapping
        for key, kind in types.items():
            if kind == "enum":
                types[key] = {"ty": kind, "values": list(schema.get_enum_options(key))}
            elif kind == "embedding":
                types[key] = {"ty": kind, "size": schema.get_embedding_size(key)}
        return {key: kind for key, kind in types.items() if kind is not None}

    def has_item(self, uuid: str) -> bool:
        """Whether there is a complete item with that uuid. 1 request."""
        try:
            item = retries.call(lambda: _or_none(lambda: self._client.get_storage_item(uuid)))
        except NotFoundOnPlatform:
            return False
        return item is not None and not item._orm_item.is_placeholder


class UploadFolder:
    """One folder. Thread-safe."""

    def __init__(self, folder: StorageFolder) -> None:
        self._folder = folder
        self.uuid = str(folder.uuid)
        self.title = folder.name
        self.synced_with = folder.remote_url

    def start_job(self, items: Sequence[tuple[str, Model]], *, integration: str | None, upsert_metadata: bool) -> str:
        """Start to register items, each with its key in a registration file. 1 request.

        URLs that are in the folder already are skipped. So a URL that was sent before is not registered again.

        Returns:
            The uuid of the upload job.
        """
        payload = DataUploadItems(skip_duplicate_urls=True, upsert_metadata=upsert_metadata)
        for key, model in items:
            getattr(payload, _LISTS.get(key, key)).append(model)
        # The integration may be None, as in the SDK's own uploads, but the SDK's type does not say so.
        start: Callable[..., UUID] = self._folder.add_private_data_to_folder_start
        return str(retries.call(lambda: start(integration, payload, ignore_errors=True)))

    def wait(self, job: str) -> JobOutcome:
        """Wait for a job to end and return its result. 1 request per `POLL_SECONDS`.

        Raises:
            NotFoundOnPlatform: this folder has no such job.
        """
        while True:
            state = retries.call(
                lambda: self._folder.add_private_data_to_folder_get_result(UUID(job), timeout_seconds=POLL_SECONDS)
            )
            if state.status != LongPollingStatus.PENDING:
                break
        failed = tuple(FailedItem(tuple(error.object_urls), error.error) for error in state.unit_errors)
        if state.status == LongPollingStatus.DONE:
            return JobOutcome(failed)
        return JobOutcome(failed, stopped="; ".join(state.errors) or f"the job is {state.status.value}")

    def start_sync(self) -> str:
        """Start to sync a folder with its bucket; returns the uuid of the job. 1 request.

        After a lost answer it is started a second time, which does not change files that are in sync.

        Raises:
            RequestRejected: this is an ordinary folder.
        """
        if self.synced_with is None:
            raise RequestRejected(f"folder {self.title!r} is not kept in step with a bucket")
        return str(retries.call(self._folder.sync_private_data_with_cloud_synced_folder_start))

    def sync_state(self, job: str) -> SyncState:
        """The state of a sync; while it is running the answer takes `POLL_SECONDS`. 1 request."""
        found = retries.call(
            lambda: self._folder.sync_private_data_with_cloud_synced_folder_get_result(UUID(job), POLL_SECONDS)
        )
        return SyncState(
            done=found.upload_jobs_units_done,
            failed=found.upload_jobs_units_error + found.upload_jobs_units_cancelled,
            pending=found.upload_jobs_units_pending,
            ended=found.status.value if found.status != _SyncStatus.PENDING else None,
            unread_pages=found.scan_pages_processing_error + found.scan_pages_processing_cancelled,
        )

    def places(self, kind: str, count: int) -> list[UploadTarget]:
        """Upload targets for local files; `kind` is a value of the SDK's `StorageItemType`. 1 request."""
        asked = retries.call(lambda: self._folder._get_upload_signed_urls(StorageItemType(kind), count))
        if len(asked) != count:
            raise RequestRejected(f"Encord gave {len(asked)} places for {count} files")
        return [UploadTarget(str(one.item_uuid), one.object_key, one.signed_url, one.upload_headers) for one in asked]

    def put(self, place: UploadTarget, path: Path, kind: str, *, jpeg: bytes | None = None) -> None:
        """Upload the bytes of a file, or `jpeg` in their place. 1 request.

        Raises:
            EncordUnavailable: the storage does not accept it now.
            RequestRejected: the storage refuses it, or refuses files with such a name.
        """
        try:
            content_type = "image/jpeg" if jpeg else self._folder._get_content_type(path, StorageItemType(kind))
        except ValueError as error:
            raise RequestRejected(str(error)) from None
        headers = {
            "Content-Type": content_type,
            "Cache-Control": f"max-age={CACHE_DURATION_IN_SECONDS}",
            **place.headers,
        }
        retries.call(lambda: _put(place.url, path, headers, jpeg))

    def items_by_url(self) -> Iterator[tuple[str, str]]:
        """(URL, uuid) of the cloud items of this folder. 1 request per 1,000 items, lazily."""
        for item in self._folder.list_items(include_client_metadata=False, page_size=1_000):
            if item.url is not None:
                yield item.url, str(item.uuid)

    def data_group_titles(self) -> set[str]:
        """Titles of the data groups of this folder. 1 request per 1,000 of them."""
        return retries.call(self._group_titles)

    def create_data_groups(self, groups: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Create data groups with a grid layout: (title, uuids of the items in order).

        1 request; 1 more per retry. An answer may be lost after the groups are created, so a second attempt creates
        only the missing ones.
        """
        waiting = list(groups)
        attempts = 0

        def make_missing() -> None:
            nonlocal waiting, attempts
            attempts += 1
            if attempts > 1:
                there = self._group_titles()
                waiting = [(title, items) for title, items in waiting if title not in there]
            grids: list[Any] = [
                DataGroupGrid(name=title, layout_contents=[UUID(item) for item in items]) for title, items in waiting
            ]
            if grids:
                self._folder.create_data_groups(grids)

        retries.call(make_missing)

    def _group_titles(self) -> set[str]:
        groups = [StorageItemType.GROUP]
        return {item.name for item in self._folder.list_items(item_types=groups, page_size=1_000)}


def _put(url: str, path: Path, headers: dict[str, str], instead: bytes | None) -> None:
    """Upload a file. The SDK's own function writes the signed URL to the log when it fails."""
    try:
        with io.BytesIO(instead) if instead is not None else path.open("rb") as content:
            response = requests.put(url, data=content, headers=headers, timeout=_PUT_TIMEOUT)
    except requests.RequestException as error:
        raise EncordUnavailable(f"upload: {type(error).__name__}", retry_after=retries.DEFAULT_RETRY_AFTER) from None
    if response.status_code == 429 or response.status_code >= 500:
        raise EncordUnavailable(f"upload: HTTP {response.status_code}", retry_after=retries.DEFAULT_RETRY_AFTER)
    if not response.ok:
        raise RequestRejected(f"the upload of {path.name} is refused: HTTP {response.status_code}")


def _or_none(operation: Callable[[], Any]) -> Any:
    """Return None if Encord refuses access, which it does where there is no such item."""
    try:
        return operation()
    except AuthorisationError:
        return None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _one(kind: str, title: str, found: Sequence[tuple[str, str, T]]) -> T:
    """The only thing with exactly that title, from (title, uuid, thing)."""
    exact = [(uuid, thing) for name, uuid, thing in found if name == title]
    if len(exact) == 1:
        return exact[0][1]
    if not exact:
        others = ", ".join(sorted(repr(name) for name, _, _ in found)[:10])
        raise NotFoundOnPlatform(f"there is no {kind} {title!r}" + (f", but there are {others}" if others else ""))
    uuids = ", ".join(sorted(uuid for uuid, _ in exact))
    raise NotFoundOnPlatform(f"there are {len(exact)} of the {kind}s {title!r}: {uuids}")
