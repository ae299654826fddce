"""The whole state of one emulated platform, in memory."""

from collections.abc import Iterable
from datetime import datetime

from emulator.clock import Clock
from emulator.datasets.models import DataRow, Dataset
from emulator.errors import AuthorisationError, ResourceNotFoundError
from emulator.ontologies.models import Ontology
from emulator.projects.models import Project, ProjectListener
from emulator.storage.models import Storage
from emulator.users.models import Users
from emulator.workflow.flow import Event
from emulator.workflow.graph import Graph
from emulator.world import Switches, WorkflowTemplateSpec, new_uuid


class Platform:
    """Users, ontologies, storage, datasets, templates and projects; changes are told to `listeners`."""

    def __init__(self, switches: Switches) -> None:
        self.clock = Clock()
        self.switches = switches
        self.users = Users()
        self.ontologies: dict[str, Ontology] = {}
        self.storage = Storage()
        self.datasets: dict[str, Dataset] = {}
        self.templates: dict[str, WorkflowTemplateSpec] = {}
        self.projects: dict[str, Project] = {}
        self.listeners: list[ProjectListener] = []

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
        if project is None or email not in project.users:
            raise AuthorisationError(f"You do not have access to project {project_hash}")
        return project

    def ontology(self, ontology_hash: str, email: str) -> Ontology:
        """An ontology that somebody may read: their own, or one of a project they are in."""
        ontology = self.ontologies.get(ontology_hash.lower())
        if ontology is None:
            raise ResourceNotFoundError(f"There is no ontology {ontology_hash}")
        if email not in ontology.users and not any(
            project.ontology is ontology and email in project.users for project in self.projects.values()
        ):
            raise AuthorisationError(f"You do not have access to ontology {ontology_hash}")
        return ontology

    def dataset(self, dataset_hash: str, email: str) -> Dataset:
        """A dataset that somebody may use."""
        dataset = self.datasets.get(dataset_hash.lower())
        if dataset is None or email not in dataset.users:
            raise AuthorisationError(f"You do not have access to dataset {dataset_hash}")
        return dataset

    def add_rows(self, dataset: Dataset, rows: Iterable[DataRow], by: str | None) -> None:
        """Adds data units to a dataset; every project it is attached to gets their tasks."""
        added = list(rows)
        for row in added:
            dataset.rows[row.hash] = row
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
            row.item.data_hashes.discard(data_hash)
            for project in self.projects.values():
                if dataset.hash in project.datasets:
                    project.remove_unit(data_hash)

    def _tell(self, project: Project, event: Event) -> None:
        for listener in self.listeners:
            listener(project, event)
