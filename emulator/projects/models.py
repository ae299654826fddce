"""Projects: data units, people, label rows, and the workflow that tasks travel through."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from emulator.analytics.models import Activity
from emulator.clock import Clock
from emulator.datasets.models import DataRow, Dataset
from emulator.errors import AuthorisationError, InvalidArgumentsError
from emulator.index.models import Preset, ProjectCollection
from emulator.issues.models import Issues
from emulator.labels.models import MAIN_BRANCH, LabelRow, LabelRows
from emulator.ontologies.models import Ontology
from emulator.organisation.models import Grant, Tag, people_of, shared_role
from emulator.projects.roles import may_manage
from emulator.projects.world import EditorAgentSpec, ProjectRole
from emulator.spec import new_uuid
from emulator.workflow.actions import Actor
from emulator.workflow.flow import Event, Flow
from emulator.workflow.graph import Graph
from emulator.workflow.tasks import Subtask, Task
from emulator.world import Switches

ProjectListener = Callable[["Project", Event], None]


class Project:
    """A project; `units` are its data units by data hash."""

    def __init__(
        self,
        *,
        project_hash: str,
        title: str,
        description: str,
        ontology: Ontology,
        creator: str,
        graph: Graph,
        clock: Clock,
        switches: Switches,
        listener: ProjectListener,
    ) -> None:
        self.hash = project_hash
        self.title = title
        self.description = description
        self.ontology = ontology
        self.creator = creator
        self.created_at: datetime = clock.now()
        self.edited_at: datetime = self.created_at
        self.status = "notStarted"
        self.users: dict[str, ProjectRole] = {}
        self.groups: dict[str, Grant] = {}
        self.tags: dict[str, Tag] = {}
        self.source_projects: list[str] = []
        self.collections: dict[str, ProjectCollection] = {}
        self.presets: dict[str, Preset] = {}
        self.active: dict[str, Any] | None = None
        self.issues = Issues()
        self.activity = Activity()
        self.datasets: dict[str, Dataset] = {}
        self.units: dict[str, DataRow] = {}
        self.agents: list[EditorAgentSpec] = []
        self.manager_uuid = new_uuid()
        self.rows = LabelRows(clock)
        self.flow = Flow(graph, self.rows, clock, switches, lambda event: listener(self, event))
        self._clock = clock
        self._switches = switches

    def role_of(self, email: str) -> ProjectRole:
        """What somebody is in this project.

        Raises:
            AuthorisationError: when they are not in it.
        """
        role: ProjectRole | None = shared_role(self, email)
        if role is None:
            raise AuthorisationError(f"You do not have access to project {self.hash}")
        return role

    def actor(self, email: str) -> Actor:
        """Somebody as the workflow sees them."""
        return Actor(email, self.role_of(email), people_of(self))

    def require_manager(self, email: str) -> None:
        """Refuses whoever is neither admin nor team manager."""
        if not may_manage(self.role_of(email)):
            raise AuthorisationError("Only admins and team managers may do this")

    def dismiss(self, email: str, by: str) -> None:
        """Takes somebody out; tasks, and parts of tasks, that waited for them are nobody's again."""
        del self.users[email]
        for task in self.flow.tasks.values():
            parts: list[Task | Subtask] = [task, *task.subtasks]
            for part in parts:
                if part.assignee == email and part.status != "COMPLETED":
                    self.flow.hold(task, part, None, "RELEASE", by)

    def attach(self, dataset: Dataset, by: str | None) -> None:
        """Adds a dataset: every data unit of it gets a task."""
        if dataset.hash in self.datasets:
            raise InvalidArgumentsError(f"Dataset {dataset.hash} is attached already")
        self.datasets[dataset.hash] = dataset
        self.add_units(dataset.rows.values(), by)

    def add_units(self, units: Iterable[DataRow], by: str | None) -> None:
        """Starts a task for every data unit that is new to the project."""
        for unit in units:
            if unit.hash not in self.units:
                self.admit(unit)
                self.flow.start(unit, by)

    def admit(self, unit: DataRow) -> None:
        """Makes a data unit part of the project, without a task."""
        self.units[unit.hash] = unit
        self.rows.restore(unit.hash)
        self.rows.ensure(unit.hash, MAIN_BRANCH)

    def detach(self, dataset_hash: str) -> None:
        """Removes a dataset with its tasks; its labels go too, or wait for it to be attached again."""
        dataset = self.datasets.pop(dataset_hash, None)
        if dataset is None:
            raise InvalidArgumentsError(f"Dataset {dataset_hash} is not attached")
        for data_hash in list(dataset.rows):
            if self._switches.detached_labels == "kept":
                self.rows.set_aside(data_hash)
            self.remove_unit(data_hash)

    def remove_unit(self, data_hash: str) -> None:
        """Removes a data unit with its task and labels."""
        if self.units.pop(data_hash, None) is not None:
            self.flow.remove(data_hash)
            self.rows.drop(data_hash)

    def unopened(self, data_hash: str, branch_name: str) -> LabelRow:
        """A row that is only shown: nothing is kept until somebody opens it."""
        unit = self.units[data_hash]
        return LabelRow(data_hash, branch_name, unit.created_at, unit.edited_at)
