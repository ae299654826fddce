"""A platform's state becomes a world file again: loading it gives the same hashes, tasks and labels."""

import base64
from dataclasses import asdict
from typing import Any

from emulator.datasets.models import DataRow
from emulator.labels.models import LabelRow
from emulator.platform import Platform
from emulator.projects.models import Project
from emulator.storage.models import Folder, Item
from emulator.workflow.tasks import Task
from emulator.world import (
    DatasetSpec,
    DataSpec,
    FolderSpec,
    ItemSpec,
    LabelSpec,
    OntologySpec,
    ProjectSpec,
    SubtaskSpec,
    TaskSpec,
    UserSpec,
    World,
)


def dump(platform: Platform) -> World:
    """Everything that a world file can say."""
    users = platform.users.by_email.values()
    folders = [f for f in platform.storage.folders.values() if f.parent is None]
    return World(
        switches=platform.switches.model_copy(),
        users=[
            UserSpec(email=u.email, name=u.name, public_keys=u.key_ids, organisation_admin=u.organisation_admin)
            for u in users
        ],
        ontologies=[
            OntologySpec(hash=o.hash, title=o.title, description=o.description, editor=o.editor, users=o.users)
            for o in platform.ontologies.values()
        ],
        folders=[_folder(platform, folder) for folder in folders],
        datasets=[
            DatasetSpec(
                hash=dataset.hash,
                title=dataset.title,
                description=dataset.description,
                users=dataset.users,
                folder=dataset.backing_folder,
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


def _folder(platform: Platform, folder: Folder) -> FolderSpec:
    items = [platform.storage.items[uuid] for uuid in folder.items]
    return FolderSpec(
        uuid=folder.uuid,
        name=folder.name,
        description=folder.description,
        client_metadata=folder.client_metadata,
        owner=folder.owner,
        items=[_item(platform, item) for item in items if item.parent_item is None],
        folders=[_folder(platform, platform.storage.folders[uuid]) for uuid in folder.folders],
    )


def _item(platform: Platform, item: Item) -> ItemSpec:
    return ItemSpec(
        uuid=item.uuid,
        name=item.name,
        type=item.type,
        width=item.width,
        height=item.height,
        mime_type=item.mime_type,
        content_base64=base64.b64encode(item.content).decode() if item.content is not None else None,
        url=item.url,
        client_metadata=item.client_metadata,
        frames=item.frames,
        fps=item.fps,
        duration=item.duration,
        sample_rate=item.sample_rate,
        bit_depth=item.bit_depth,
        codec=item.codec,
        channels=item.channels,
        layout=item.layout,
        scene=item.scene,
        children=[_item(platform, platform.storage.items[child]) for child in item.children],
    )


def _project(project: Project) -> ProjectSpec:
    return ProjectSpec(
        hash=project.hash,
        title=project.title,
        description=project.description,
        ontology=project.ontology.hash,
        datasets=list(project.datasets),
        users=project.users,
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
        priority=task.priority,
        subtasks=[
            SubtaskSpec(
                uuid=part.uuid,
                branch_name=part.branch_name,
                status=part.status,
                assignee=part.assignee,
                last_actioned_by=part.last_actioned_by,
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
        labels={
            **{key: value for key, value in content.items() if value},
            "data_units": {unit: {"labels": labels} for unit, labels in units.items()},
            "spaces": {space: {"labels": labels} for space, labels in spaces.items()},
        },
    )


def _data(row: DataRow) -> DataSpec:
    return DataSpec(hash=row.hash, name=row.title, item=row.item.uuid, uuid=row.item.uuid)
