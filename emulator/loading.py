"""A world file becomes a platform's state."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from emulator.analytics.models import TaskAction, Where
from emulator.datasets.models import DataRow, Dataset
from emulator.errors import WorldError
from emulator.labels.models import MAIN_BRANCH, Content
from emulator.ontologies.models import EMPTY_EDITOR, Ontology
from emulator.organisation.models import Grant, Group, Integration, Tag
from emulator.platform import Platform
from emulator.projects.models import Project
from emulator.projects.world import (
    AnnotationStageSpec,
    AnyStageSpec,
    BranchedStageSpec,
    ProjectSpec,
    TaskSpec,
    WorkflowSpec,
)
from emulator.storage.models import Folder
from emulator.storage.worlds import check_members, load_folder, load_item
from emulator.users.models import User
from emulator.workflow.graph import STANDARD_WORKFLOW, Graph
from emulator.workflow.tasks import Subtask, Task
from emulator.world import DatasetSpec, DataSpec, LabelSpec, OntologySpec, World


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
        self._organisation()
        for ontology in self._world.ontologies:
            self._ontology(ontology)
        for folder in self._world.folders:
            self._people([*folder.users, *([folder.owner] if folder.owner else [])])
            load_folder(folder, None, self._first_user(), self._platform)
        for dataset in self._world.datasets:
            self._dataset(dataset)
        check_members(self._platform)
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
            spec.hash, spec.title, spec.description, editor, now, now, users, self._grants(spec.groups)
        )

    def _organisation(self) -> None:
        organisation, now = self._platform.organisation, self._platform.now()
        for group in self._world.groups:
            self._people(group.users)
            people = dict.fromkeys(group.users)
            organisation.groups[group.hash] = Group(group.name, group.description, now, group.hash, people)
        for tag in self._world.tags:
            organisation.tags[tag.uuid] = Tag(tag.name, tag.description, tag.uuid)
        for bucket in self._world.integrations:
            objects = frozenset(bucket.objects) if bucket.objects is not None else None
            organisation.integrations[bucket.uuid] = Integration(bucket.title, bucket.uuid, objects)
        if self._world.metadata_schema is not None:
            organisation.metadata_schema, organisation.schema_created_at = self._world.metadata_schema, now

    def _grants(self, groups: Mapping[str, str]) -> dict[str, Grant]:
        known = self._platform.organisation.groups
        for group_hash in groups:
            if group_hash not in known:
                raise WorldError(f"there is no group {group_hash}")
        return {group_hash: Grant(known[group_hash], role) for group_hash, role in groups.items()}

    def _dataset(self, spec: DatasetSpec) -> None:
        self._people(spec.users)
        now = self._platform.now()
        users = spec.users or {self._first_user(): "admin"}
        dataset = Dataset(spec.title, spec.description, now, now, spec.hash, dict(users), self._grants(spec.groups))
        folder = self._mirrored_folder(spec, dataset) if spec.mirrored else None
        self._platform.datasets[dataset.hash] = dataset
        self._platform.add_rows(dataset, [self._data(data, dataset, folder) for data in spec.data], by=None)

    def _mirrored_folder(self, spec: DatasetSpec, dataset: Dataset) -> Folder:
        storage = self._platform.storage
        if spec.folder is None:
            owner, at = next(iter(dataset.users)), dataset.created_at
            folder = storage.add_folder(Folder(spec.title, owner, at, at, users=dict(dataset.users)))
        elif spec.folder in storage.folders:
            folder = storage.folders[spec.folder]
        else:
            raise WorldError(f"dataset {spec.title!r} mirrors folder {spec.folder}, which is not in the world")
        folder.synced_dataset, dataset.backing_folder = dataset.hash, folder.uuid
        return folder

    def _data(self, spec: DataSpec, dataset: Dataset, folder: Folder | None) -> DataRow:
        now = self._platform.now()
        if spec.item is not None:
            item = self._platform.storage.items.get(spec.item)
            if item is None:
                raise WorldError(f"data unit {spec.hash}: there is no item {spec.item}")
        elif not spec.name:
            raise WorldError(f"data unit {spec.hash} has neither a title nor an item")
        elif folder is None:
            raise WorldError(f"data unit {spec.hash} names no item, and its dataset has no folder to put one in")
        else:
            item = load_item(spec, folder, self._platform)
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
        project.groups = self._grants(spec.groups)
        project.tags = {tag.uuid: tag for tag in (self._tag(name) for name in spec.tags)}
        project.issues.add_tags(spec.issue_tags)
        project.status = spec.status
        project.agents = list(spec.agents)
        placed = {task.data_hash: task for task in spec.tasks}
        for reference in spec.datasets:
            dataset = _named(self._platform.datasets, reference, "dataset")
            project.datasets[dataset.hash] = dataset
            for unit in dataset.rows.values():
                project.admit(unit)
        for label in labels:
            self._label(label, project, creator)
        submitted = _submissions(spec.tasks)
        for unit in project.units.values():
            if unit.hash in placed:
                _stand(project, unit, placed.pop(unit.hash))
            else:
                project.flow.start(unit, by=None)
        for label in labels:
            _date(label, project, submitted.get((label.data_hash, label.branch_name)))
        project.activity.task_actions.sort(key=lambda action: action.at)
        if placed:
            raise WorldError(f"project {spec.title!r}: tasks of data units it does not have: {sorted(placed)}")

    def _tag(self, name: str) -> Tag:
        found = next((tag for tag in self._platform.organisation.tags.values() if tag.name == name), None)
        if found is None:
            raise WorldError(f"there is no organisation tag {name!r}")
        return found

    def _graph(self, workflow: WorkflowSpec | str | None) -> Graph:
        if workflow is None:
            return Graph.copied(STANDARD_WORKFLOW, "new")
        if isinstance(workflow, str):
            template = _named(self._platform.templates, workflow, "workflow template")
            return Graph.copied(
                WorkflowSpec(start=template.start, stages=template.stages), self._platform.switches.template_stage_uuids
            )
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
    task.priority = spec.priority
    project.flow.stand(task, stage, by=None)
    task.status, task.assignee, task.last_actioned_by = spec.status, spec.assignee, spec.last_actioned_by
    task.annotator, task.submitted_at = spec.annotator, spec.submitted_at
    _note_submission(project, task, AnnotationStageSpec, spec.annotator, spec.submitted_at)
    for part in spec.subtasks:
        now = task.created_at
        subtask = Subtask(part.branch_name, now, now, part.uuid, part.status, part.assignee, part.last_actioned_by)
        subtask.submitted_at, subtask.updated_at = part.submitted_at, part.submitted_at or now
        project.flow.add_part(task, subtask)
        _note_submission(project, task, BranchedStageSpec, part.assignee or part.last_actioned_by, part.submitted_at)


def _note_submission(
    project: Project,
    task: Task,
    kind: type[AnnotationStageSpec | BranchedStageSpec],
    by: str | None,
    at: datetime | None,
) -> None:
    """Enters work that was submitted before the world began into the log of what people do."""
    stages: list[AnyStageSpec] = [task.stage, *project.flow.graph.annotation_stages()]
    stage = next((stage for stage in stages if isinstance(stage, kind)), None)
    if at is not None and by is not None and stage is not None:
        project.activity.acted(TaskAction(at, by, "SUBMIT", Where(task.data_hash, task.uuid, stage)))


def _submissions(tasks: Sequence[TaskSpec]) -> dict[tuple[str, str], datetime]:
    """When the work on each data unit and branch was submitted, as far as a world says."""
    found = {(task.data_hash, MAIN_BRANCH): task.submitted_at for task in tasks}
    found |= {(task.data_hash, part.branch_name): part.submitted_at for task in tasks for part in task.subtasks}
    return {place: at for place, at in found.items() if at is not None}


def _date(spec: LabelSpec, project: Project, submitted_at: datetime | None) -> None:
    row = project.rows.ensure(spec.data_hash, spec.branch_name)
    row.edited_at = spec.last_edited_at or submitted_at or row.edited_at
    row.created_at = spec.created_at or min(row.created_at, row.edited_at)


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
