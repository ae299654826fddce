"""A world file becomes a platform's state."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from emulator.datasets.models import DataRow, Dataset
from emulator.errors import WorldError
from emulator.labels.models import Content
from emulator.ontologies.models import EMPTY_EDITOR, Ontology
from emulator.organisation.models import Integration
from emulator.platform import Platform
from emulator.projects.models import Project
from emulator.storage.groups import carousel
from emulator.storage.models import MIME_TYPES, Folder, Item
from emulator.users.models import User
from emulator.workflow.graph import STANDARD_WORKFLOW, Graph
from emulator.workflow.tasks import Subtask
from emulator.world import (
    DatasetSpec,
    DataSpec,
    FolderSpec,
    IntegrationSpec,
    ItemSpec,
    LabelSpec,
    OntologySpec,
    ProjectSpec,
    TaskSpec,
    WorkflowSpec,
    World,
)


class _Titled(Protocol):
    title: str


T = TypeVar("T", bound=_Titled)


def load(world: World, platform: Platform) -> None:
    """Adds a world to a platform.

    Raises:
        WorldError: naming what does not fit; the platform is then half loaded and should be thrown away.
    """
    _Loader(world, platform).load()


class _Loader:
    def __init__(self, world: World, platform: Platform) -> None:
        self._world = world
        self._platform = platform

    def load(self) -> None:
        for user in self._world.users:
            account = User(user.email, user.name or user.email.partition("@")[0], user.organisation_admin)
            self._platform.users.add(account, user.public_keys)
        for ontology in self._world.ontologies:
            self._ontology(ontology)
        for integration in self._world.integrations:
            self._integration(integration)
        for folder in self._world.folders:
            self._folder(folder, parent=None)
        for dataset in self._world.datasets:
            self._dataset(dataset)
        for template in self._world.workflow_templates:
            self._platform.templates[template.uuid] = template
        labels = _by_project(self._world.labels)
        for project in self._world.projects:
            self._project(project, [*labels.pop(project.hash, []), *labels.pop(project.title, [])])
        if labels:
            raise WorldError(f"labels of projects that are not in the world: {sorted(labels)}")

    def _first_user(self) -> str:
        try:
            return next(iter(self._platform.users.by_email))
        except StopIteration:
            raise WorldError("the world has no user who could own things") from None

    def _people(self, named: Iterable[str]) -> None:
        for email in named:
            if email not in self._platform.users.by_email:
                raise WorldError(f"{email} is not a user of this world")

    def _ontology(self, spec: OntologySpec) -> None:
        self._people(spec.users)
        now = self._platform.now()
        editor = {**EMPTY_EDITOR, **spec.editor}
        users = spec.users or {self._first_user(): "admin"}
        self._platform.ontologies[spec.hash] = Ontology(
            spec.hash, spec.title, spec.description, editor, now, now, users
        )

    def _integration(self, spec: IntegrationSpec) -> None:
        objects = frozenset(spec.objects) if spec.objects is not None else None
        self._platform.organisation.integrations[spec.uuid] = Integration(spec.title, spec.uuid, objects)

    def _folder(self, spec: FolderSpec, parent: str | None) -> None:
        owner = spec.owner or self._first_user()
        now = self._platform.now()
        folder = Folder(spec.name, owner, now, now, spec.uuid, parent, spec.description, spec.client_metadata)
        folder.users[owner] = "admin"
        self._platform.storage.add_folder(folder)
        for item in spec.items:
            self._item(item, folder)
        for inner in spec.folders:
            self._folder(inner, folder.uuid)

    def _item(self, spec: ItemSpec, folder: Folder, parent_item: str | None = None) -> Item:
        now = self._platform.now()
        item = Item(
            uuid=spec.uuid,
            name=spec.name,
            type=spec.type,
            folder=folder.uuid,
            owner=folder.owner,
            created_at=now,
            edited_at=now,
            mime_type=spec.mime_type or MIME_TYPES[spec.type],
            width=spec.width,
            height=spec.height,
            frames=spec.frames,
            fps=spec.fps,
            duration=spec.duration,
            sample_rate=spec.sample_rate,
            bit_depth=spec.bit_depth,
            codec=spec.codec,
            channels=spec.channels,
            url=spec.url,
            content=_content(spec),
            client_metadata=dict(spec.client_metadata),
            children=spec.members or [child.uuid for child in spec.children],
            parent_item=parent_item,
        )
        item.layout, item.scene = spec.layout, spec.scene
        if spec.type == "group" and spec.layout is None:
            item.layout = carousel({str(index): uuid for index, uuid in enumerate(item.children)})
        self._platform.storage.add_item(item)
        for child in spec.children:
            self._item(child, folder, item.uuid)
        return item

    def _dataset(self, spec: DatasetSpec) -> None:
        self._people(spec.users)
        now = self._platform.now()
        users = spec.users or {self._first_user(): "admin"}
        dataset = Dataset(spec.title, spec.description, now, now, spec.hash, dict(users))
        owner = next(iter(users))
        if spec.folder is None:
            folder = self._platform.storage.add_folder(Folder(spec.title, owner, now, now, users=dict(users)))
        else:
            folder = self._platform.storage.folder(spec.folder)
        folder.synced_dataset = dataset.hash
        dataset.backing_folder = folder.uuid
        self._platform.datasets[dataset.hash] = dataset
        self._platform.add_rows(dataset, [self._data(data, dataset, folder) for data in spec.data], by=None)

    def _data(self, spec: DataSpec, dataset: Dataset, folder: Folder) -> DataRow:
        now = self._platform.now()
        if spec.item is not None:
            item = self._platform.storage.items.get(spec.item)
            if item is None:
                raise WorldError(f"data unit {spec.hash}: there is no item {spec.item}")
        elif not spec.name:
            raise WorldError(f"data unit {spec.hash} has neither a title nor an item")
        else:
            item = self._item(spec, folder)
        return DataRow(dataset, item, spec.name or item.name, now, now, spec.hash)

    def _project(self, spec: ProjectSpec, labels: list[LabelSpec]) -> None:
        self._people(spec.users)
        creator = next((email for email, role in spec.users.items() if role == "admin"), None) or self._first_user()
        project = self._platform.create_project(
            title=spec.title,
            description=spec.description,
            ontology=_named(self._platform.ontologies, spec.ontology, "ontology"),
            creator=creator,
            graph=self._graph(spec.workflow),
            project_hash=spec.hash,
        )
        project.users.update(spec.users)
        project.agents = list(spec.agents)
        placed = {task.data_hash: task for task in spec.tasks}
        for reference in spec.datasets:
            dataset = _named(self._platform.datasets, reference, "dataset")
            project.datasets[dataset.hash] = dataset
            for unit in dataset.rows.values():
                project.admit(unit)
        for label in labels:
            self._label(label, project, creator)
        for unit in project.units.values():
            if unit.hash in placed:
                _stand(project, unit, placed.pop(unit.hash))
            else:
                project.flow.start(unit, by=None)
        if placed:
            raise WorldError(f"project {spec.title!r}: tasks of data units it does not have: {sorted(placed)}")

    def _graph(self, workflow: WorkflowSpec | str | None) -> Graph:
        if workflow is None:
            return Graph.copied(STANDARD_WORKFLOW)
        if isinstance(workflow, str):
            template = _named(self._platform.templates, workflow, "workflow template")
            return Graph.copied(WorkflowSpec(start=template.start, stages=template.stages))
        return Graph(workflow)

    def _label(self, spec: LabelSpec, project: Project, creator: str) -> None:
        if spec.data_hash not in project.units:
            raise WorldError(f"labels of data unit {spec.data_hash}, which project {project.title!r} does not have")
        row = project.rows.open(project.rows.ensure(spec.data_hash, spec.branch_name), spec.label_hash)
        if spec.labels:
            project.rows.save(row, Content.of_label_row(spec.labels), spec.created_by or creator)
        row.label_status = spec.label_status


def _stand(project: Project, unit: DataRow, spec: TaskSpec) -> None:
    stage = project.flow.graph.stages[project.flow.graph.uuid_of(spec.stage)]
    task = project.flow.place(unit, stage, spec.uuid)
    project.flow.stand(task, stage, by=None)
    task.status, task.assignee, task.last_actioned_by = spec.status, spec.assignee, spec.last_actioned_by
    task.annotator, task.priority = spec.annotator, spec.priority
    for part in spec.subtasks:
        now = task.created_at
        subtask = Subtask(part.branch_name, now, now, part.uuid, part.status, part.assignee, part.last_actioned_by)
        project.flow.add_part(task, subtask)


def _by_project(labels: Iterable[LabelSpec]) -> dict[str, list[LabelSpec]]:
    found: dict[str, list[LabelSpec]] = {}
    for label in labels:
        found.setdefault(label.project, []).append(label)
    return found


def _named(known: Mapping[str, T], reference: str, kind: str) -> T:
    if reference in known:
        return known[reference]
    found = [thing for thing in known.values() if thing.title == reference]
    if len(found) != 1:
        raise WorldError(f"the world has {len(found)} things of kind {kind} called {reference!r}")
    return found[0]


def _content(spec: ItemSpec) -> bytes | None:
    if spec.content_base64 is not None:
        try:
            return base64.b64decode(spec.content_base64, validate=True)
        except binascii.Error:
            raise WorldError(f"content_base64 of {spec.name!r} is not base64") from None
    if spec.file is None:
        return None
    try:
        return spec.file.read_bytes()
    except OSError as error:
        raise WorldError(f"file of {spec.name!r}: {error.strerror}") from None
