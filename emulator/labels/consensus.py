"""What comes to `main` from people's branches: one whole branch, labels of any, or all of them."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from emulator.errors import InvalidArgumentsError
from emulator.labels.models import MAIN_BRANCH, Content, LabelRows
from emulator.projects.world import ConsensusReviewStageSpec
from emulator.workflow.tasks import Task


def take_branch(rows: LabelRows, task: Task, branch_name: str, by: str) -> None:
    """*Determine consensus*: `main` gets the labels of one branch.

    Raises:
        InvalidArgumentsError: the task is not at such a review, or has no such branch.
    """
    _must_be_at(task, "determine_consensus")
    _take(rows, task, _content_of(rows, task, branch_name), by)


def take_labels(rows: LabelRows, task: Task, taken: Mapping[str, list[str]], by: str) -> None:
    """*Review & Refine*: `main` gets the labels with these hashes, by branch.

    Raises:
        InvalidArgumentsError: the task is not at such a review, or a branch has no such label.
    """
    _must_be_at(task, "review_and_refine")
    whole = Content()
    for branch_name, label_ids in taken.items():
        content = _content_of(rows, task, branch_name)
        known = {hash_ for labels in (*content.units.values(), *content.spaces.values()) for hash_ in _hashes(labels)}
        unknown = [label_id for label_id in label_ids if label_id not in known]
        if unknown:
            raise InvalidArgumentsError(f"Branch {branch_name} has no label {unknown[0]}")
        _add(whole, _only(content, set(label_ids)))
    _take(rows, task, whole, by)


def join_branches(rows: LabelRows, task: Task, by: str) -> None:
    """Parallel annotation: `main` gets all labels of all branches."""
    whole = Content()
    for part in task.subtasks:
        _add(whole, _content_of(rows, task, part.branch_name))
    _take(rows, task, whole, by)


def _must_be_at(task: Task, way: str) -> None:
    if not isinstance(task.stage, ConsensusReviewStageSpec) or task.stage.way != way:
        raise InvalidArgumentsError(f"Task {task.uuid} is not at a consensus review of the kind {way}")


def _content_of(rows: LabelRows, task: Task, branch_name: str) -> Content:
    if branch_name not in {part.branch_name for part in task.subtasks}:
        raise InvalidArgumentsError(f"Task {task.uuid} has no branch {branch_name}")
    return deepcopy(rows.ensure(task.data_hash, branch_name).content)


def _take(rows: LabelRows, task: Task, content: Content, by: str) -> None:
    rows.save(rows.open(rows.ensure(task.data_hash, MAIN_BRANCH)), content, by)
    task.main_chosen = True


def _only(content: Content, label_ids: set[str]) -> Content:
    return Content(
        units={unit: _labels(labels, label_ids) for unit, labels in content.units.items()},
        spaces={space: _labels(labels, label_ids) for space, labels in content.spaces.items()},
        object_answers=_among(content.object_answers, label_ids),
        classification_answers=_among(content.classification_answers, label_ids),
        object_actions=_among(content.object_actions, label_ids),
    )


def _among(answers: dict[str, Any], label_ids: set[str]) -> dict[str, Any]:
    return {label_id: answer for label_id, answer in answers.items() if label_id in label_ids}


def _labels(labels: dict[str, Any], label_ids: set[str]) -> dict[str, Any]:
    """Labels, flat or by frame, of these hashes only."""
    found: dict[str, Any] = {}
    for key, value in labels.items():
        if isinstance(value, list):
            found[key] = [x for x in value if (x.get("objectHash") or x.get("classificationHash")) in label_ids]
        else:
            found[key] = _labels(value, label_ids) if isinstance(value, dict) else value
    return found


def _hashes(labels: dict[str, Any]) -> Iterator[str]:
    """The hashes of labels, flat or by frame; answers stand elsewhere, and not every label has some."""
    for value in labels.values():
        if isinstance(value, list):
            yield from (str(label.get("objectHash") or label.get("classificationHash")) for label in value)
        elif isinstance(value, dict):
            yield from _hashes(value)


def _add(whole: Content, part: Content) -> None:
    for unit, labels in part.units.items():
        whole.units[unit] = _joined(whole.units.get(unit, {}), labels)
    for space, labels in part.spaces.items():
        whole.spaces[space] = _joined(whole.spaces.get(space, {}), labels)
    whole.object_answers |= part.object_answers
    whole.classification_answers |= part.classification_answers
    whole.object_actions |= part.object_actions


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    found = dict(one)
    for key, value in other.items():
        if isinstance(value, list):
            found[key] = [*found.get(key, []), *value]
        elif isinstance(value, dict):
            found[key] = _joined(found.get(key, {}), value)
        else:
            found[key] = value
    return found
