"""Collections of a project's frames and of stored items, as people see them in Encord.

Every method gives its number of requests.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from encord.collection import ProjectCollection
from encord.orm.collection import ProjectDataCollectionItemRequest

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.errors import RequestRejected
from benchmark_qa.encord_api.retries import batches

FRAMES_PER_REQUEST = 1_000
STORED_ITEMS_PER_REQUEST = 100
COLLECTION_KIND = "curate-collection"
"""Kind of an entry of the action log about a collection of stored items."""

CollectionFrame = tuple[str, int]
"""Data hash and frame number."""


@dataclass(frozen=True)
class FrameCollections:
    """The frame collections of one project, by name."""

    encord: Encord
    project_hash: str

    def collect(self, name: str, description: str, frames: Iterable[CollectionFrame]) -> None:
        """Ensure that a collection of that name contains these frames.

        3 requests, and 1 more per 100 data units in the collection and per 1,000 missing frames.

        Raises:
            RequestRejected: the project does not have all of these frames.
        """
        # Find and create in one operation: a retry after a lost answer then does not create a second collection.
        collection = retries.call(lambda: self._find(name) or self._create(name, description))
        there = retries.call(lambda: _frames(collection))
        missing = [frame for frame in dict.fromkeys(frames) if frame not in there]
        for batch in batches(missing, FRAMES_PER_REQUEST):
            self._add(collection, batch)

    def data_hashes(self, name: str) -> set[str] | None:
        """Data units with frames in the collection of that name, or None. 1 request, and 1 per 100 units."""
        collection = retries.call(lambda: self._find(name))
        if collection is None:
            return None
        return {data_hash for data_hash, _ in retries.call(lambda: _frames(collection))}

    def delete(self, name: str) -> bool:
        """Delete the collection of that name; returns whether there was one. 2 requests."""
        collection = retries.call(lambda: self._find(name))
        if collection is None:
            return False
        project, uuid = self.encord.sdk_project(self.project_hash), collection.uuid
        retries.call(lambda: project.delete_collection(uuid))
        return True

    def _find(self, name: str) -> ProjectCollection | None:
        project = self.encord.sdk_project(self.project_hash)
        return next((known for known in project.list_collections() if known.name == name), None)

    def _create(self, name: str, description: str) -> ProjectCollection:
        return self.encord.sdk_project(self.project_hash).create_collection(name, description)

    def _add(self, collection: ProjectCollection, frames: Sequence[CollectionFrame]) -> None:
        items = [ProjectDataCollectionItemRequest(data_uuid=UUID(unit), frame=frame) for unit, frame in frames]
        failed = retries.call(lambda: collection.add_items([*items])).failed_items
        if failed:
            raise RequestRejected(f"Encord could not collect {len(failed)} of {len(items)} frames")


def _frames(collection: ProjectCollection) -> set[CollectionFrame]:
    return {(row.data_hash, instance.frame) for row, instances in collection.list_frames() for instance in instances}


@dataclass(frozen=True)
class FolderCollections:
    """Collections of stored items, as people see them in Encord's Index."""

    encord: Encord

    def roots(self, items: Sequence[str]) -> dict[str, list[str]]:
        """Items by the top-level folder that they are below. 1 request per 100 items, and 1 per folder and level."""
        client, above = self.encord.sdk_client, dict[str, str]()
        found: dict[str, list[str]] = {}
        for batch in batches(items, STORED_ITEMS_PER_REQUEST):
            for item in retries.call(lambda batch=batch: client.get_storage_items(list(batch))):  # type: ignore[misc]
                place = str(item.parent_folder_uuid)
                if place not in above:
                    above[place] = retries.call(lambda place=place: self._root(place))  # type: ignore[misc]
                found.setdefault(above[place], []).append(str(item.uuid))
        return found

    def collect(self, folder: str, name: str, description: str, items: Sequence[str]) -> tuple[str, int]:
        """Ensure that a collection of that name in a top-level folder contains these items.

        Returns its uuid and how many items were missing. 2 requests, and 1 per 1,000 items there and missing.

        Raises:
            RequestRejected: Encord does not take all of them.
        """
        client = self.encord.sdk_client
        # Find and create in one operation: a retry after a lost answer then does not create a second collection.
        collection = retries.call(
            lambda: (
                next((one for one in client.list_collections(folder) if one.name == name), None)
                or client.create_collection(folder, name, description)
            )
        )
        there = {str(item.uuid) for item in retries.call(lambda: list(collection.list_items(False, page_size=1_000)))}
        missing = [item for item in dict.fromkeys(items) if item not in there]
        for batch in batches(missing, FRAMES_PER_REQUEST):
            failed = retries.call(lambda batch=batch: collection.add_items(list(batch))).failed_items  # type: ignore[misc]
            if failed:
                raise RequestRejected(f"Encord could not collect {len(failed)} of {len(batch)} items")
        return str(collection.uuid), len(missing)

    def of_preset(self, folder: str, name: str, preset: str) -> str:
        """A collection of the items that a preset selects; Encord fills it after the answer. 3 or 4 requests.

        Raises:
            RequestRejected: there is not one preset of that name.
        """
        client = self.encord.sdk_client
        named = [
            one for one in retries.call(lambda: list(client.list_presets())) if preset in (one.name, str(one.uuid))
        ]
        if len(named) != 1:
            raise RequestRejected(f"there are {len(named)} presets {preset!r}")
        uuid, _ = self.collect(folder, name, f"Items of preset {preset}", [])
        retries.call(lambda: client.get_collection(uuid).add_preset_items(named[0]))
        return uuid

    def delete(self, uuid: str) -> None:
        """Delete a collection; its items stay. 1 request."""
        retries.call(lambda: self.encord.sdk_client.delete_collection(uuid))

    def _root(self, folder: str) -> str:
        client = self.encord.sdk_client
        found = client.get_storage_folder(folder)
        while found.parent_uuid is not None:
            found = client.get_storage_folder(found.parent_uuid)
        return str(found.uuid)
