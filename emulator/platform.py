"""The whole state of one emulated platform, in memory."""

from collections.abc import Iterable
from datetime import datetime

from emulator.analytics.recording import hear
from emulator.clock import Clock
from emulator.datasets.models import DataRow, Dataset
from emulator.errors import AuthorisationError, ResourceNotFoundError
from emulator.index.models import Collection, Preset
from emulator.ontologies.models import Ontology
from emulator.organisation.models import Organisation, shared_role
from emulator.projects.models import Project, ProjectListener
from emulator.projects.world import WorkflowTemplateSpec
from emulator.spec import new_uuid
from emulator.storage.models import Folder, Item, Storage
from emulator.storage.reencodings import Reencodings
from emulator.storage.uploads import Uploads
from emulator.users.models import Users
from emulator.workflow.flow import Event
from emulator.workflow.graph import Graph
from emulator.world import Switches


class Platform:
    """Users, ontologies, storage, datasets, templates and projects; changes are told to `listeners`."""

    def __init__(self, switches: Switches) -> None:
        self.clock = Clock()
        self.switches = switches
        self.began = self.clock.now()
        self.users = Users()
        self.organisation = Organisation()
        self.ontologies: dict[str, Ontology] = {}
        self.storage = Storage()
        self.uploads = Uploads()
        self.reencodings = Reencodings()
        self.datasets: dict[str, Dataset] = {}
        self.data_rows: dict[str, DataRow] = {}
        self.templates: dict[str, WorkflowTemplateSpec] = {}
        self.projects: dict[str, Project] = {}
        self.collections: dict[str, Collection] = {}
        self.presets: dict[str, Preset] = {}
        self.listeners: list[ProjectListener] = [hear]

    def now(self) -> datetime:
        """The platform's present moment."""
        return self.clock.now()

    def create_project(
        self,
        *,
        title: str,
        description: str,
        ontology: Ontology,
        creator: str,
        graph: Graph,
        project_hash: str | None = None,
    ) -> Project:
        """A new project without data; its creator is its admin."""
        project = Project(
            project_hash=project_hash or new_uuid(),
            title=title,
            description=description,
            ontology=ontology,
            creator=creator,
            graph=graph,
            clock=self.clock,
            switches=self.switches,
            listener=self._tell,
        )
        project.users[creator] = "admin"
        self.projects[project.hash] = project
        return project

    def project(self, project_hash: str, email: str) -> Project:
        """A project that somebody is in.

        Raises:
            AuthorisationError: when there is none, or they are not in it: the platform does not tell which.
        """
        project = self.projects.get(project_hash.lower())
        if project is None or shared_role(project, email) is None:
            raise AuthorisationError(f"You do not have access to project {project_hash}")
        return project

    def ontology(self, ontology_hash: str, email: str) -> Ontology:
        """An ontology that somebody may read: their own, or one of a project they are in."""
        ontology = self.ontologies.get(ontology_hash.lower())
        if ontology is None:
            raise ResourceNotFoundError(f"There is no ontology {ontology_hash}")
        if shared_role(ontology, email) is None and not any(
            project.ontology is ontology and shared_role(project, email) for project in self.projects.values()
        ):
            raise AuthorisationError(f"You do not have access to ontology {ontology_hash}")
        return ontology

    def dataset(self, dataset_hash: str, email: str) -> Dataset:
        """A dataset that somebody may use."""
        dataset = self.datasets.get(dataset_hash.lower())
        if dataset is None or shared_role(dataset, email) is None:
            raise AuthorisationError(f"You do not have access to dataset {dataset_hash}")
        return dataset

    def managed_dataset(self, dataset_hash: str, email: str) -> Dataset:
        """A dataset that somebody is admin of."""
        dataset = self.dataset(dataset_hash, email)
        if shared_role(dataset, email) != "admin":
            raise AuthorisationError("Only admins of a dataset may do this")
        return dataset

    def managed_ontology(self, ontology_hash: str, email: str) -> Ontology:
        """An ontology that somebody is admin of."""
        ontology = self.ontology(ontology_hash, email)
        if shared_role(ontology, email) != "admin":
            raise AuthorisationError("Only admins of an ontology may do this")
        return ontology

    def create_dataset(self, title: str, description: str, owner: str, *, mirrored: bool) -> Dataset:
        """An empty dataset; a mirrored one has a folder of its own, and holds what lies in that."""
        now = self.now()
        dataset = Dataset(title, description, now, now, users={owner: "admin"})
        self.datasets[dataset.hash] = dataset
        if mirrored:
            folder = Folder(title, owner, now, now, users={owner: "admin"}, synced_dataset=dataset.hash)
            dataset.backing_folder = self.storage.add_folder(folder).uuid
        return dataset

    def link(self, dataset: Dataset, items: Iterable[Item], by: str | None) -> list[DataRow]:
        """Makes data units of items in a dataset."""
        now = self.now()
        rows = [DataRow(dataset, item, item.name, now, now) for item in items]
        dataset.edited_at = now
        self.add_rows(dataset, rows, by)
        return rows

    def delete_item(self, item: Item, *, remove_unused_frames: bool) -> None:
        """Deletes an item with the data units made of it, and the parts that nothing else uses."""
        for data_hash in list(item.data_hashes):
            self.remove_rows(self.data_rows[data_hash].dataset, [data_hash])
        parts = [part for part in self.storage.children(item) if part.parent_item == item.uuid]
        self.storage.remove_item(item)
        for part in parts:
            if remove_unused_frames and not part.data_hashes and not self.storage.groups_of(part):
                self.storage.remove_item(part)
            else:
                part.parent_item = None

    def add_rows(self, dataset: Dataset, rows: Iterable[DataRow], by: str | None) -> None:
        """Adds data units to a dataset; every project it is attached to gets their tasks."""
        added = list(rows)
        for row in added:
            dataset.rows[row.hash] = self.data_rows[row.hash] = row
            row.item.data_hashes.add(row.hash)
        for project in self.projects.values():
            if dataset.hash in project.datasets:
                project.add_units(added, by)

    def remove_rows(self, dataset: Dataset, data_hashes: Iterable[str]) -> None:
        """Removes data units from a dataset and from every project it is attached to."""
        for data_hash in data_hashes:
            row = dataset.rows.pop(data_hash, None)
            if row is None:
                continue
            del self.data_rows[data_hash]
            row.item.data_hashes.discard(data_hash)
            for project in self.projects.values():
                if dataset.hash in project.datasets:
                    project.remove_unit(data_hash)

    def _tell(self, project: Project, event: Event) -> None:
        for listener in self.listeners:
            listener(project, event)
