"""Datasets made of files that are stored already: linked, never copied. Methods say how many requests they cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from encord import Dataset
from encord.orm.dataset import DataLinkDuplicatesBehavior, StorageLocation

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.client import Encord, batches

ITEMS_PER_REQUEST = 1_000


@dataclass(frozen=True)
class LinkedDatasets:
    """Datasets of the service's account, by title."""

    encord: Encord

    def link(self, title: str, description: str, items: Sequence[str]) -> str:
        """See to it that there is a dataset of that title with these stored items (uuids) in it; its hash.

        2 requests, 2 more where it is new, and 1 per 1,000 items; items that are in it already are passed over.
        """
        dataset = retries.call(lambda: self._find(title) or self._create(title, description))
        for batch in batches(items, ITEMS_PER_REQUEST):
            uuids = [UUID(item) for item in batch]
            retries.call(lambda uuids=uuids: dataset.link_items(uuids, DataLinkDuplicatesBehavior.SKIP))  # type: ignore[misc]
        return str(dataset.dataset_hash)

    def data_hashes(self, title: str) -> list[str]:
        """The data units of the dataset of that title, in its order; none where there is none. 3 requests."""
        dataset = retries.call(lambda: self._find(title))
        return [] if dataset is None else [row.uid for row in retries.call(lambda: list(dataset.list_data_rows()))]

    def attach(self, project_hash: str, dataset_hash: str) -> None:
        """Attach a dataset to a project, where it is not: a task starts for each of its data units. 1 to 5 requests."""
        self.encord.forget_project(project_hash)
        if dataset_hash not in self.encord.project(project_hash).dataset_titles:
            client = self.encord.sdk_project(project_hash)._client
            retries.call(lambda: client.add_datasets([dataset_hash]))
            self.encord.forget_project(project_hash)

    def detach(self, project_hash: str, title: str) -> bool:
        """Take the dataset of that title out of a project, with its tasks; whether it was in it. The dataset stays."""
        self.encord.forget_project(project_hash)
        titles = self.encord.project(project_hash).dataset_titles
        hashes = [dataset_hash for dataset_hash, known in titles.items() if known == title]
        if hashes:
            client = self.encord.sdk_project(project_hash)._client
            retries.call(lambda: client.remove_datasets(hashes))
            self.encord.forget_project(project_hash)
        return bool(hashes)

    def _find(self, title: str) -> Dataset | None:
        client = self.encord.sdk_client
        found = (entry["dataset"] for entry in client.get_datasets(title_eq=title))
        known = next((dataset for dataset in found if dataset.title == title), None)
        return None if known is None else client.get_dataset(known.dataset_hash)

    def _create(self, title: str, description: str) -> Dataset:
        client = self.encord.sdk_client
        made = client.create_dataset(title, StorageLocation.CORD_STORAGE, description, create_backing_folder=False)
        return client.get_dataset(made["dataset_hash"])
