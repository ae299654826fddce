"""Ontologies, datasets and projects by title, and new ones. Every method says how many requests it costs."""

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
from benchmark_qa.encord_api.making import find_or_make
from benchmark_qa.encord_api.request_sizes import batches

ITEMS_PER_REQUEST = 1_000


_WITH_ROWS = DatasetAccessSettings(fetch_client_metadata=False)


_NO_ROWS = DatasetAccessSettings(fetch_client_metadata=False, fetch_rows=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """An ontology, a dataset or a project as a list shows it."""

    uuid: str
    title: str
    description: str


class Catalogue:
    """What the account may see of ontologies, datasets and projects. Thread-safe."""

    def __init__(self, encord: Encord) -> None:
        self._encord = encord
        self._client = encord.sdk_client

    def ontologies(self, *, title: str | None = None, described: str | None = None) -> list[Listed]:
        """Of that very title, or with those words in the description. 1 request."""
        return self._listed(self._ontologies, title, described)

    def datasets(self, *, title: str | None = None, described: str | None = None) -> list[Listed]:
        """Of that very title, or with those words in the description. 1 request."""
        return self._listed(self._datasets, title, described)

    def projects(self, *, title: str | None = None, described: str | None = None) -> list[Listed]:
        """Of that very title, or with those words in the description. 1 request per page."""
        return self._listed(self._projects, title, described)

    def ontology(self, uuid: str) -> tuple[Listed, Mapping[str, Any]]:
        """An ontology with Encord's ontology JSON. 1 request.

        Raises:
            NotFoundOnPlatform, AccessRefused
        """
        found = retries.call(lambda: self._client.get_ontology(uuid))
        return Listed(found.ontology_hash, found.title, found.description or ""), found.structure.to_dict()

    def dataset(self, uuid: str) -> tuple[Listed, set[str]]:
        """A dataset with the uuids of the items that are linked to it. 1 request.

        Raises:
            NotFoundOnPlatform, AccessRefused
        """
        found = retries.call(lambda: self._client.get_dataset(uuid, _WITH_ROWS))
        listed = Listed(found.dataset_hash, found.title, found.description or "")
        return listed, {str(row.backing_item_uuid) for row in found.data_rows}

    def people(self, project: str) -> dict[str, str]:
        """Roles by e-mail, as in the SDK's `ProjectUserRole`, in small letters. 1 request per page."""
        found = retries.call(lambda: list(self._encord.sdk_project(project).list_users()))
        return {user.user_email: user.user_role.name.lower() for user in found}

    def own_role(self, project: str) -> str | None:
        """The role of the account itself, as in `people`; None: it has none of its own. No request after `project`."""
        role = retries.call(lambda: self._encord.sdk_project(project)).user_role
        return role.name.lower() if role is not None else None

    def make_ontology(self, title: str, description: str, structure: Mapping[str, Any]) -> str:
        """The hash of a new ontology. 2 requests.

        Raises:
            RequestRejected: the structure is none that the SDK can read.
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
        """The hash of a new dataset without a folder that mirrors it. 2 requests."""
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
        """The hash of a new project from a workflow template. 2 requests."""
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
        """Make data units of items; those that are linked already are skipped. 1 request, and 1 per 1,000."""
        found = retries.call(lambda: self._client.get_dataset(dataset, _NO_ROWS))
        for batch in batches(items, ITEMS_PER_REQUEST):
            retries.call(lambda batch=batch: found.link_items([UUID(item) for item in batch]))  # type: ignore[misc]

    def attach(self, project: str, datasets: Sequence[str]) -> None:
        """Attach datasets to a project. 2 requests: an attached one is not attached again."""

        def attach_missing() -> None:
            sdk_project = self._encord.sdk_project(project)
            attached = {str(dataset.dataset_hash) for dataset in sdk_project.list_datasets()}
            missing = [dataset for dataset in datasets if dataset not in attached]
            if missing:
                sdk_project._client.add_datasets(missing)

        retries.call(attach_missing)
        self._encord.forget_project(project)

    def add_people(self, project: str, role: str, emails: Sequence[str]) -> None:
        """Add people to a project; the role of whoever is in it already stays. 1 request."""
        number = ProjectUserRole[role.upper()]
        retries.call(lambda: self._encord.sdk_project(project).add_users(list(emails), number))

    def extend_metadata_schema(self, types: Mapping[str, Any]) -> None:
        """Add keys, and options of keys, to the organisation's metadata schema. 2 requests.

        Raises:
            RequestRejected: Encord's rules for keys, or a key of another type, stand against it.
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
        """See to it that there is a dataset of that title with these stored items (uuids) in it; its hash.

        2 requests, 2 more where it is new, and 1 per 1,000 items; items that are in it already are passed over.
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
        """The data units of the dataset of that title, in its order; none where there is none. 3 requests."""
        dataset = retries.call(lambda: self._find(title))
        return [] if dataset is None else [row.uid for row in retries.call(lambda: list(dataset.list_data_rows()))]

    def attach(self, project_hash: str, dataset_hash: str) -> None:
        """Attach a dataset to a project, where it is not: a task starts for each of its data units. 1 to 5 requests."""
        self.encord.forget_project(project_hash)
        if dataset_hash not in self.encord.project(project_hash).dataset_titles:
            Catalogue(self.encord).attach(project_hash, [dataset_hash])

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
        known = next((dataset for dataset in self._listed(title) if dataset.title == title), None)
        return None if known is None else self.encord.sdk_client.get_dataset(known.uuid)

    def _listed(self, title: str) -> list[Listed]:
        found = (entry["dataset"] for entry in self.encord.sdk_client.get_datasets(title_eq=title))
        return [Listed(d.dataset_hash, d.title, d.description or "") for d in found]
