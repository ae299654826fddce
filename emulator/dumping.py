"""A platform's state becomes a world file again: loading it gives the same hashes, tasks and labels."""

from dataclasses import asdict
from typing import Any

from emulator.datasets.models import DataRow
from emulator.labels.models import LabelRow
from emulator.ontologies.models import Ontology
from emulator.organisation.models import Grant
from emulator.platform import Platform
from emulator.projects.models import Project
from emulator.projects.world import ProjectSpec, SubtaskSpec, TaskSpec
from emulator.storage.worlds import dump_folder
from emulator.workflow.tasks import Task
from emulator.world import (
    DatasetSpec,
    DataSpec,
    GroupSpec,
    IntegrationSpec,
    LabelSpec,
    OntologySpec,
    TagSpec,
    UserSpec,
    World,
)


def dump(platform: Platform) -> World:
    """Everything that a world file can say."""
    users = platform.users.by_email.values()
    organisation = platform.organisation
    folders = [f for f in platform.storage.folders.values() if f.parent is None]
    return World(
        switches=platform.switches.model_copy(),
        users=[
            UserSpec(email=u.email, name=u.name, public_keys=u.key_ids, organisation_admin=u.organisation_admin)
            for u in users
        ],
        groups=[
            GroupSpec(hash=g.hash, name=g.name, description=g.description, users=list(g.users))
            for g in organisation.groups.values()
        ],
        tags=[TagSpec(uuid=t.uuid, name=t.name, description=t.description) for t in organisation.tags.values()],
        metadata_schema=organisation.metadata_schema,
        ontologies=[_ontology(ontology) for ontology in platform.ontologies.values()],
        integrations=[
            IntegrationSpec(uuid=i.uuid, title=i.title, objects=sorted(i.objects) if i.objects is not None else None)
            for i in organisation.integrations.values()
        ],
        folders=[dump_folder(folder, platform) for folder in folders],
        datasets=[
            DatasetSpec(
                hash=dataset.hash,
                title=dataset.title,
                description=dataset.description,
                users=dataset.users,
                groups=_roles(dataset.groups),
                folder=dataset.backing_folder,
                mirrored=dataset.backing_folder is not None,
                data=[_data(row) for row in dataset.rows.values()],
            )
            for dataset in platform.datasets.values()
        ],
        workflow_templates=list(platform.templates.values()),
        projects=[_project(project) for project in platform.projects.values()],
        labels=[
            _label(project, row)
            for project in platform.projects.values()
            for row in project.rows.all()
            if row.label_hash is not None
        ],
    )


def _ontology(ontology: Ontology) -> OntologySpec:
    return OntologySpec(
        hash=ontology.hash,
        title=ontology.title,
        description=ontology.description,
        editor=ontology.editor,
        users=ontology.users,
        groups=_roles(ontology.groups),
    )


def _roles(groups: dict[str, Grant]) -> dict[str, Any]:
    return {group_hash: grant.role for group_hash, grant in groups.items()}


def _project(project: Project) -> ProjectSpec:
    return ProjectSpec(
        hash=project.hash,
        title=project.title,
        description=project.description,
        ontology=project.ontology.hash,
        datasets=list(project.datasets),
        users=project.users,
        groups=_roles(project.groups),
        tags=[tag.name for tag in project.tags.values()],
        issue_tags=list(project.issues.tags.values()),
        status=project.status,
        workflow=project.flow.graph.spec,
        agents=project.agents,
        tasks=[_task(task) for task in project.flow.tasks.values()],
    )


def _task(task: Task) -> TaskSpec:
    return TaskSpec(
        data_hash=task.data_hash,
        uuid=task.uuid,
        stage=task.stage.uuid,
        status=task.status,
        assignee=task.assignee,
        last_actioned_by=task.last_actioned_by,
        annotator=task.annotator,
        submitted_at=task.submitted_at,
        priority=task.priority,
        subtasks=[
            SubtaskSpec(
                uuid=part.uuid,
                branch_name=part.branch_name,
                status=part.status,
                assignee=part.assignee,
                last_actioned_by=part.last_actioned_by,
                submitted_at=part.submitted_at,
            )
            for part in task.subtasks
        ],
    )


def _label(project: Project, row: LabelRow) -> LabelSpec:
    content: dict[str, Any] = asdict(row.content)
    units, spaces = content.pop("units"), content.pop("spaces")
    return LabelSpec(
        project=project.hash,
        data_hash=row.data_hash,
        branch_name=row.branch_name,
        label_hash=row.label_hash or "",
        label_status=row.label_status,
        created_at=row.created_at,
        last_edited_at=row.edited_at,
        labels={
            **{key: value for key, value in content.items() if value},
            "data_units": {unit: {"labels": labels} for unit, labels in units.items()},
            "spaces": {space: {"labels": labels} for space, labels in spaces.items()},
        },
    )


def _data(row: DataRow) -> DataSpec:
    return DataSpec(hash=row.hash, name=row.title, item=row.item.uuid, uuid=row.item.uuid)
