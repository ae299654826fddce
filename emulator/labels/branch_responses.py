"""Branches, validation states and bulk reading of classifications, on the wire."""

import re
from typing import Any

from emulator.errors import InvalidArgumentsError
from emulator.http.calls import Call
from emulator.http.routes import Routes
from emulator.labels.models import MAIN_BRANCH, LabelRow
from emulator.projects.models import Project
from emulator.wire import page

routes = Routes()

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def check_branch_name(name: str) -> None:
    """Refuses names that the platform does not take."""
    if not _NAME.fullmatch(name):
        raise InvalidArgumentsError(f"{name!r} is not a branch name: letters, digits, hyphen, underscore, period")


@routes.get("projects/{project}/branches")
def list_branches(call: Call) -> Any:
    """The names of all branches on which somebody has opened a row; `main` always."""
    rows = call.project().rows.all()
    names = dict.fromkeys([MAIN_BRANCH, *(row.branch_name for row in rows if row.label_hash is not None)])
    size = max(1, int(call.number("limit", 100)))
    return page([{"name": name} for name in names], call.query.get("pageToken"), size)


@routes.post("projects/{project}/labels/copy-branch")
def copy_branch(call: Call) -> Any:
    """Copies label rows to another branch of their data units."""
    project = call.managed_project()
    source, target = call.field("sourceBranchName"), call.field("targetBranchName")
    check_branch_name(target)
    if source == target:
        raise InvalidArgumentsError("A branch cannot be copied to itself")
    rows = [project.rows.of_hash(label_hash) for label_hash in call.names("labelUuids")]
    if any(row.branch_name != source for row in rows):
        raise InvalidArgumentsError(f"Not all of these label rows are on branch {source}")
    overwrite = bool(call.body.get("overwrite"))
    copied = [row for row in rows if overwrite or not _is_open(project, row, target)]
    for row in copied:
        project.rows.copy(row.data_hash, source, target)
    return {"copiedCount": len(copied)}


@routes.get("projects/{project}/labels/{label}/validation-state")
def validation_state(call: Call) -> Any:
    """Whether a label row is valid, and why not."""
    row = call.project().rows.of_hash(call.params["label"])
    return {
        "labelHash": row.label_hash,
        "branchName": row.branch_name,
        "version": row.version,
        "isValid": not row.errors,
        "errors": row.errors,
    }


@routes.post("projects/{project}/label-rows/classifications")
def classifications(call: Call) -> Any:
    """The classification answers of many label rows."""
    project = call.project()
    branch = call.body.get("branchName") or MAIN_BRANCH
    rows = [project.rows.of_hash(label_hash) for label_hash in call.names("labelUuids")]
    return {"labels": [_classifications(project, row) for row in rows if row.branch_name == branch]}


def _is_open(project: Project, row: LabelRow, branch: str) -> bool:
    found = project.rows.find(row.data_hash, branch)
    return found is not None and found.label_hash is not None


def _classifications(project: Project, row: LabelRow) -> dict[str, Any]:
    return {
        "labelUuid": row.label_hash,
        "dataUuid": row.data_hash,
        "dataTitle": project.units[row.data_hash].title,
        "branchName": row.branch_name,
        "classificationAnswers": row.content.classification_answers,
    }
