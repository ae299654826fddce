"""Collections of a project's frames, as people see them in Encord.

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

Frame = tuple[str, int]
"""Data hash and frame number."""


@dataclass(frozen=True)
class FrameCollections:
    """The frame collections of one project, by name."""

    encord: Encord
    project_hash: str

    def collect(self, name: str, description: str, frames: Iterable[Frame]) -> None:
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

    def _add(self, collection: ProjectCollection, frames: Sequence[Frame]) -> None:
        items = [ProjectDataCollectionItemRequest(data_uuid=UUID(unit), frame=frame) for unit, frame in frames]
        failed = retries.call(lambda: collection.add_items([*items])).failed_items
        if failed:
            raise RequestRejected(f"Encord could not collect {len(failed)} of {len(items)} frames")


def _frames(collection: ProjectCollection) -> set[Frame]:
    return {(row.data_hash, instance.frame) for row, instances in collection.list_frames() for instance in instances}
