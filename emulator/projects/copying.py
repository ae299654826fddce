"""Copies of projects: the workflow and the ontology always, people, datasets and labels when they are asked for."""

from collections.abc import Iterator
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from emulator.labels.models import LabelRow
from emulator.projects.models import Project
from emulator.workflow.graph import Graph

if TYPE_CHECKING:
    from emulator.platform import Platform

# The approval states of the SDK, by the label status that comes closest.
_APPROVAL = {
    "REVIEWED": "APPROVED",
    "REVIEWED_TWICE": "APPROVED",
    "LABELLED": "PENDING",
    "REVIEW_IN_PROGRESS": "PENDING",
    "LABEL_IN_PROGRESS": "NOT_SELECTED_FOR_REVIEW",
    "NOT_LABELLED": "NOT_SELECTED_FOR_REVIEW",
}


def copy_project(platform: "Platform", project: Project, payload: dict[str, Any], by: str) -> Project:
    """Makes a copy of a project as the SDK's `copy_project` asks for it; tasks start from the beginning."""
    options = set(payload.get("copy_project_options") or ())
    about, labels = payload.get("project_copy_metadata") or {}, payload.get("copy_labels_options") or {}
    copied = platform.create_project(
        title=about.get("project_title") or f"Copy of {project.title}",
        description=about.get("project_description") or project.description,
        ontology=project.ontology,
        creator=by,
        graph=Graph.copied(project.flow.graph.spec, "new"),
    )
    if "collaborators" in options:
        copied.users.update({**project.users, by: "admin"})
        copied.groups.update(project.groups)
    if "datasets" in options:
        for dataset in project.datasets.values():
            copied.attach(dataset, by)
    elif labels.get("create_new_dataset"):
        _attach_clone(platform, project, copied, payload, by)
    if "labels" in options:
        _copy_labels(project, copied, labels)
    return copied


def _attach_clone(platform: "Platform", project: Project, copied: Project, payload: dict[str, Any], by: str) -> None:
    """Attaches a new dataset of the same items: those that are named, of every dataset that names none all."""
    about = payload["project_copy_metadata"]
    wanted = payload["copy_labels_options"].get("datasets_to_data_hashes_map") or {}
    title = about.get("dataset_title") or f"Data of {copied.title}"
    clone = platform.create_dataset(title, about.get("dataset_description") or "", by, mirrored=False)
    for dataset in project.datasets.values():
        hashes = wanted.get(dataset.hash) or ([] if wanted else list(dataset.rows))
        platform.link(clone, [dataset.rows[data_hash].item for data_hash in hashes if data_hash in dataset.rows], by)
    copied.attach(clone, by)


def _copy_labels(project: Project, copied: Project, options: dict[str, Any]) -> None:
    """Copies label rows; in a cloned dataset a data unit is found again by its item."""
    by_item = {unit.item.uuid: unit.hash for unit in copied.units.values()}
    for row in _accepted(project, options):
        data_hash = (
            row.data_hash if row.data_hash in copied.units else by_item.get(project.units[row.data_hash].item.uuid)
        )
        if data_hash is None:
            continue
        target = copied.rows.open(copied.rows.ensure(data_hash, row.branch_name))
        target.content = deepcopy(row.content)
        if row.data_hash in target.content.units:
            target.content.units[data_hash] = target.content.units.pop(row.data_hash)
        target.label_status = row.label_status


def _accepted(project: Project, options: dict[str, Any]) -> Iterator[LabelRow]:
    hashes, states = options.get("accepted_label_hashes"), options.get("accepted_label_statuses")
    for row in project.rows.all():
        if row.label_hash is None or (hashes is not None and row.label_hash not in hashes):
            continue
        if states is None or _APPROVAL.get(row.label_status) in states:
            yield row
