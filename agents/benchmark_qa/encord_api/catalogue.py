"""Find and create ontologies, datasets and projects by title.

Every method gives its number of requests.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from encord import Dataset, EncordUserClient
from encord.metadata_schema import MetadataSchemaError
from encord.objects import OntologyStructure
from encord.orm.dataset import DataLinkDuplicatesBehavior, DatasetAccessSettings, StorageLocation
from encord.utilities.project_user import ProjectUserRole

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.errors import RequestRejected
from benchmark_qa.encord_api.folders import find_or_make
from benchmark_qa.encord_api.retries import batches

ITEMS_PER_REQUEST = 1_000


_WITH_ROWS = DatasetAccessSettings(fetch_client_metadata=False)


_NO_ROWS = DatasetAccessSettings(fetch_client_metadata=False, fetch_rows=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """An ontology, a dataset or a project in a list."""

    uuid: str
    title: str
    description: str


class Catalogue:
    """The ontologies, datasets and projects that the account can see. Thread-safe."""

    def __init__(self, encord: Encord) -> None:
        self._encord = encord
        self._client = encord.sdk_client

    def ontologies(self, *, title: str | None = None, described: str | None = None) -> list[Listed]:
        """Ontologies with exactly that title, or with that text in the description. 1 request."""
        return self._listed(self._ontologies, title, described)

    def datasets(self, *, title: str | None = None, described: str | None = None) -> list[Listed]:
        """Datasets with exactly that title, or with that text in the description. 1 request."""
        return self._listed(self._datasets, title, described)

    def projects(self, *, title: str | None = None, described: str | None = None) -> list[Listed]:
        """Projects with exactly that title, or with that text in the description. 1 request per page."""
        return self._listed(self._projects, title, described)

    def ontology(self, uuid: str) -> tuple[Listed, Mapping[str, Any]]:
        """An ontology and its JSON as Encord has it. 1 request.

        Raises:
            NotFoundOnPlatform, AccessRefused
        """
        found = retries.call(lambda: self._client.get_ontology(uuid))
        return Listed(found.ontology_hash, found.title, found.description or ""), found.structure.to_dict()

    def dataset(self, uuid: str) -> tuple[Listed, set[str]]:
        """A dataset and the uuids of the items linked to it. 1 request.

        Raises:
            NotFoundOnPlatform, AccessRefused
        """
        found = retries.call(lambda: self._client.get_dataset(uuid, _WITH_ROWS))
        listed = Listed(found.dataset_hash, found.title, found.description or "")
        return listed, {str(row.backing_item_uuid) for row in found.data_rows}

    def people(self, project: str) -> dict[str, str]:
        """Roles by e-mail address: names of the SDK's `ProjectUserRole` in lower case. 1 request per page."""
        found = retries.call(lambda: list(self._encord.sdk_project(project).list_users()))
        return {user.user_email: user.user_role.name.lower() for user in found}

    def own_role(self, project: str) -> str | None:
        """The account's own role, in lower case; None if it has none. No request if the project is cached."""
        role = retries.call(lambda: self._encord.sdk_project(project)).user_role
        return role.name.lower() if role is not None else None

    def make_ontology(self, title: str, description: str, structure: Mapping[str, Any]) -> str:
        """The hash of the ontology of that title, created if there is none. 2 requests.

        Raises:
            RequestRejected: the SDK cannot read the structure.
        """
        try:
            read = OntologyStructure.from_dict(dict(structure))
            read.to_dict()
        except (ValueError, KeyError, TypeError) as error:
            raise RequestRejected(f"no structure of an ontology: {type(error).__name__}: {error}") from None
        return find_or_make(
            "ontology",
            title,
            description,
            lambda: self._ontologies(title, None),
            lambda: Listed(self._client.create_ontology(title, description, read).ontology_hash, title, description),
        ).uuid

    def make_dataset(self, title: str, description: str) -> str:
        """The hash of the dataset of that title, created without a backing folder if there is none.

        2 requests.
        """
        return find_or_make(
            "dataset",
            title,
            description,
            lambda: self._datasets(title, None),
            lambda: Listed(_created(self._client, title, description), title, description),
        ).uuid

    def make_project(
        self, title: str, description: str, *, template: str, ontology: str, datasets: Sequence[str]
    ) -> str:
        """The hash of the project of that title, created from a template if there is none. 2 requests."""
        return find_or_make(
            "project",
            title,
            description,
            lambda: self._projects(title, None),
            lambda: Listed(
                self._client.create_project(
                    title, list(datasets), description, ontology_hash=ontology, workflow_template_hash=template
                ),
                title,
                description,
            ),
        ).uuid

    def link(self, dataset: str, items: Sequence[str]) -> None:
        """Link items to a dataset as data units. Linked items are skipped. 1 request, and 1 per 1,000 items."""
        found = retries.call(lambda: self._client.get_dataset(dataset, _NO_ROWS))
        for batch in batches(items, ITEMS_PER_REQUEST):
            retries.call(lambda batch=batch: found.link_items([UUID(item) for item in batch]))  # type: ignore[misc]

    def attach(self, project: str, datasets: Sequence[str]) -> None:
        """Attach datasets to a project; attached ones are skipped. 2 requests."""

        def attach_missing() -> None:
            sdk_project = self._encord.sdk_project(project)
            attached = {str(dataset.dataset_hash) for dataset in sdk_project.list_datasets()}
            missing = [dataset for dataset in datasets if dataset not in attached]
            if missing:
                sdk_project._client.add_datasets(missing)

        retries.call(attach_missing)
        self._encord.forget_project(project)

    def add_people(self, project: str, role: str, emails: Sequence[str]) -> None:
        """Add people to a project. People who are in it keep their role. 1 request."""
        number = ProjectUserRole[role.upper()]
        retries.call(lambda: self._encord.sdk_project(project).add_users(list(emails), number))

    def extend_metadata_schema(self, types: Mapping[str, Any]) -> None:
        """Add keys, and options of keys, to the organisation's metadata schema. 2 requests.

        Raises:
            RequestRejected: a key breaks Encord's rules, or exists with another type.
        """
        try:
            retries.call(lambda: self._extend(types))
        except MetadataSchemaError as error:
            raise RequestRejected(f"the metadata schema cannot be extended: {error}") from None

    def _extend(self, types: Mapping[str, Any]) -> None:
        schema = self._client.metadata_schema()
        for key, kind in types.items():
            if isinstance(kind, str):
                if schema.get_key_type(key) != kind:
                    schema.add_scalar(key, data_type=kind)  # type: ignore[arg-type]  # the SDK checks it
            elif kind["ty"] == "embedding":
                schema.add_embedding(key, size=kind["size"])
            elif schema.get_key_type(key) != "enum":
                schema.add_enum(key, values=kind["values"])
            else:
                new = [value for value in kind["values"] if value not in schema.get_enum_options(key)]
                if new:
                    schema.add_enum_options(key, values=new)
        schema.save()

    @staticmethod
    def _listed(
        find: Callable[[str | None, str | None], list[Listed]], title: str | None, described: str | None
    ) -> list[Listed]:
        found = retries.call(lambda: find(title, described))
        return [one for one in found if described is None or described in one.description]

    def _ontologies(self, title: str | None, described: str | None) -> list[Listed]:
        found = self._client.get_ontologies(title_eq=title, desc_like=_like(described))
        ontologies = [entry["ontology"] for entry in found]
        return [Listed(o.ontology_hash, o.title, o.description or "") for o in ontologies]

    def _datasets(self, title: str | None, described: str | None) -> list[Listed]:
        found = self._client.get_datasets(title_eq=title, desc_like=_like(described))
        datasets = [entry["dataset"] for entry in found]
        return [Listed(d.dataset_hash, d.title, d.description or "") for d in datasets]

    def _projects(self, title: str | None, described: str | None) -> list[Listed]:
        found = self._client.list_projects(title_eq=title, desc_like=_like(described))
        return [Listed(p.project_hash, p.title, p.description or "") for p in found]


def _like(described: str | None) -> str | None:
    return f"%{described}%" if described is not None else None


def _created(client: EncordUserClient, title: str, description: str) -> str:
    made = client.create_dataset(title, StorageLocation.CORD_STORAGE, description, create_backing_folder=False)
    return made.dataset_hash


@dataclass(frozen=True)
class LinkedDatasets:
    """Datasets of the service's account, by title."""

    encord: Encord

    def link(self, title: str, description: str, items: Sequence[str]) -> str:
        """Ensure that a dataset of that title contains these stored items (uuids); returns its hash.

        2 requests, 2 more if it is new, and 1 per 1,000 items. Items that it contains already are skipped.
        """
        client = self.encord.sdk_client
        found = find_or_make(
            "dataset",
            title,
            description,
            lambda: self._listed(title),
            lambda: Listed(_created(client, title, description), title, description),
        )
        dataset = retries.call(lambda: client.get_dataset(found.uuid))
        for batch in batches(items, ITEMS_PER_REQUEST):
            uuids = [UUID(item) for item in batch]
            retries.call(lambda uuids=uuids: dataset.link_items(uuids, DataLinkDuplicatesBehavior.SKIP))  # type: ignore[misc]
        return str(dataset.dataset_hash)

    def data_hashes(self, title: str) -> list[str]:
        """The data units of the dataset of that title, in its order; empty if there is none. 3 requests."""
        dataset = retries.call(lambda: self._find(title))
        return [] if dataset is None else [row.uid for row in retries.call(lambda: list(dataset.list_data_rows()))]

    def attach(self, project_hash: str, dataset_hash: str) -> None:
        """Attach a dataset to a project unless it is attached; a task starts for each data unit.

        1 to 5 requests.
        """
        self.encord.forget_project(project_hash)
        if dataset_hash not in self.encord.project(project_hash).dataset_titles:
            Catalogue(self.encord).attach(project_hash, [dataset_hash])

    def detach(self, project_hash: str, title: str) -> bool:
        """Detach the dataset of that title, with its tasks; returns whether it was attached.

        It is not deleted.
        """
        self.encord.forget_project(project_hash)
        titles = self.encord.project(project_hash).dataset_titles
        hashes = [dataset_hash for dataset_hash, known in titles.items() if known == title]
        if hashes:
            client = self.encord.sdk_project(project_hash)._client
            retries.call(lambda: client.remove_datasets(hashes))
            self.encord.forget_project(project_hash)
        return bool(hashes)

    def _find(self, title: str) -> Dataset | None:
        known = next((dataset for dataset in self._listed(title) if dataset.title == title), None)
        return None if known is None else self.encord.sdk_client.get_dataset(known.uuid)

    def _listed(self, title: str) -> list[Listed]:
        found = (entry["dataset"] for entry in self.encord.sdk_client.get_datasets(title_eq=title))
        return [Listed(d.dataset_hash, d.title, d.description or "") for d in found]
