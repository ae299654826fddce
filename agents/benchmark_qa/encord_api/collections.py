"""Collections of a project's frames, as people find them in Encord. Every method says how many requests it costs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from encord.collection import ProjectCollection
from encord.orm.collection import ProjectDataCollectionItemRequest

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.errors import RequestRejected
from benchmark_qa.encord_api.request_sizes import batches

FRAMES_PER_REQUEST = 1_000

Frame = tuple[str, int]
"""Data hash and number of the frame"""


@dataclass(frozen=True)
class FrameCollections:
    """The frame collections of one project, by name."""

    encord: Encord
    project_hash: str

    def collect(self, name: str, description: str, frames: Iterable[Frame]) -> None:
        """See to it that there is a collection of that name with these frames in it.

        3 requests, 1 more per 100 data units that it holds already and per 1,000 that are missing.

        Raises:
            RequestRejected: the project has not all of these frames.
        """
        # Found and made in one, so that repeating it after an answer that got lost does not make a second one.
        collection = retries.call(lambda: self._find(name) or self._create(name, description))
        there = retries.call(lambda: _frames(collection))
        missing = [frame for frame in dict.fromkeys(frames) if frame not in there]
        for batch in batches(missing, FRAMES_PER_REQUEST):
            self._add(collection, batch)

    def data_hashes(self, name: str) -> set[str] | None:
        """Data units with frames in the collection of that name; None: there is none. 1 request, 1 per 100 units."""
        collection = retries.call(lambda: self._find(name))
        if collection is None:
            return None
        return {data_hash for data_hash, _ in retries.call(lambda: _frames(collection))}

    def delete(self, name: str) -> bool:
        """Delete the collection of that name; whether there was one. 2 requests."""
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
