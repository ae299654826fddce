"""Label row metadata: what `list_label_rows_v2` lists, with its filters."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.datasets.models import DataRow
from emulator.labels.models import MAIN_BRANCH, LabelRow
from emulator.labels.spaces import spaces_of
from emulator.labels.units import LABEL_ROW_TYPES
from emulator.projects.world import AnnotationStageSpec, CompleteStageSpec, ConsensusReviewStageSpec, ReviewStageSpec
from emulator.storage.links import file_links, metadata_url
from emulator.storage.models import Item, Storage
from emulator.wire import iso, parse_date, sql_like
from emulator.workflow.tasks import Subtask, Task

if TYPE_CHECKING:
    from emulator.projects.models import Project


@dataclass(frozen=True, slots=True)
class Entry:
    """A row with everything around it that the listing tells."""

    row: LabelRow
    unit: DataRow
    task: Task
    subtask: Subtask | None


def select(project: "Project", payload: dict[str, Any], may_see: Callable[[Entry], bool]) -> Iterator[Entry]:
    """The rows that a listing asks for; data hashes and label hashes are looked up, not searched."""
    tests = _tests(payload)
    for entry in _candidates(project, payload):
        if may_see(entry) and all(test(entry) for test in tests):
            yield entry


def entry_of(project: "Project", row: LabelRow) -> Entry:
    """A row with its data unit, its task and, on a consensus branch, its part of the task."""
    task = project.flow.by_data[row.data_hash]
    parts = [*task.subtasks, *task.former_subtasks]
    subtask = next((part for part in parts if part.branch_name == row.branch_name), None)
    return Entry(row, project.units[row.data_hash], task, subtask)


def _candidates(project: "Project", payload: dict[str, Any]) -> Iterator[Entry]:
    label_hashes, data_hashes = payload.get("label_hashes"), payload.get("data_hashes")
    if label_hashes is not None:
        rows: Iterable[LabelRow] = [r for r in map(project.rows.find_hash, label_hashes) if r is not None]
        wanted = set(data_hashes) if data_hashes is not None else None
        yield from (entry_of(project, row) for row in rows if wanted is None or row.data_hash in wanted)
        return
    found = project.units if data_hashes is None else [d for d in dict.fromkeys(data_hashes) if d in project.units]
    branch = payload.get("branch_name") or MAIN_BRANCH
    for data_hash in found:
        if payload.get("include_all_label_branches"):
            yield from (entry_of(project, row) for row in project.rows.branches(data_hash))
        else:
            # A branch that this data unit does not have yet is listed too: that is how the SDK opens one.
            row = project.rows.find(data_hash, branch) or project.unopened(data_hash, branch)
            yield entry_of(project, row)


def _tests(payload: dict[str, Any]) -> list[Callable[[Entry], bool]]:
    tests: list[Callable[[Entry], bool]] = []
    if not payload.get("include_uninitialised_labels", False):
        tests.append(lambda e: e.row.label_hash is not None)
    if payload.get("label_statuses"):
        statuses = set(payload["label_statuses"])
        tests.append(lambda e: annotation_task_status(e) in statuses)
    if title := payload.get("data_title_eq"):
        tests.append(lambda e: e.unit.title == title)
    if pattern := payload.get("data_title_like"):
        like_title = sql_like(pattern)
        tests.append(lambda e: like_title(e.unit.title))
    if node := payload.get("workflow_graph_node_title_eq"):
        tests.append(lambda e: e.task.stage.title == node)
    if node_pattern := payload.get("workflow_graph_node_title_like"):
        like_node = sql_like(node_pattern)
        tests.append(lambda e: like_node(e.task.stage.title))
    if before := payload.get("edited_before"):
        until = parse_date(before)
        tests.append(lambda e: e.row.edited_at <= until)
    if after := payload.get("edited_after"):
        since = parse_date(after)
        tests.append(lambda e: e.row.edited_at >= since)
    return tests


def annotation_task_status(entry: Entry) -> str:
    """The status of before there were workflows, as far as a stage has one."""
    status = entry.subtask.status if entry.subtask else entry.task.status
    assignee = entry.subtask.assignee if entry.subtask else entry.task.assignee
    match entry.task.stage:
        case CompleteStageSpec():
            return "COMPLETED"
        case ReviewStageSpec() | ConsensusReviewStageSpec():
            return "IN_REVIEW"
        case AnnotationStageSpec() if status == "REOPENED":
            return "RETURNED"
        case _:
            return "ASSIGNED" if assignee else "QUEUED"


def metadata(entry: Entry, payload: dict[str, Any], storage: Storage, base_url: str) -> dict[str, Any]:
    """One row of the listing."""
    row, unit, task, item = entry.row, entry.unit, entry.task, entry.unit.item
    part, link = entry.subtask, file_links(base_url)
    found: dict[str, Any] = {
        "label_hash": row.label_hash,
        "created_at": iso(row.created_at),
        "last_edited_at": iso(row.edited_at),
        "branch_name": row.branch_name,
        "data_hash": unit.hash,
        "dataset_hash": unit.dataset.hash,
        "dataset_title": unit.dataset.title,
        "data_title": unit.title,
        "data_type": LABEL_ROW_TYPES[item.type].upper(),
        "data_link": link(item),
        "label_status": row.label_status,
        "annotation_task_status": annotation_task_status(entry),
        "is_shadow_data": False,
        "number_of_frames": number_of_frames(item, storage),
        "duration": item.duration,
        "frames_per_second": item.fps,
        "height": item.height,
        "width": item.width,
        "audio_sample_rate": item.sample_rate,
        "audio_codec": item.codec,
        "audio_bit_depth": item.bit_depth,
        "audio_num_channels": item.channels,
        "task_uuid": part.uuid if part and not part.submitted else task.uuid,
        "backing_item_uuid": item.uuid,
        "file_type": item.mime_type,
        "assigned_user_email": part.assignee if part else task.assignee,
        "last_actioned_by_user_email": part.last_actioned_by if part else task.last_actioned_by,
        "priority": None if isinstance(task.stage, CompleteStageSpec) else task.priority,
        "is_valid": not row.errors,
        "spaces": spaces_of(item, row.content, storage, link),
    }
    if payload.get("include_workflow_graph_node", True):
        found["workflow_graph_node"] = {"uuid": task.stage.uuid, "title": task.stage.title}
    if payload.get("client_metadata_as_signed_url"):
        found["client_metadata_signed_url"] = metadata_url(base_url, item)
    elif payload.get("include_client_metadata"):
        found["client_metadata"] = item.client_metadata
    if payload.get("include_images_data"):
        images = [storage.item(child) for child in item.children] or [item]
        found["images_data"] = [_image(index, image) for index, image in enumerate(images)]
    return found


def number_of_frames(item: Item, storage: Storage) -> int:
    """Frames, slices or pages; one for what has no such thing."""
    return item.frames or sum(part.frames or 1 for part in storage.children(item)) or 1


def _image(index: int, item: Item) -> dict[str, Any]:
    return {
        "index": index,
        "title": item.name,
        "file_type": item.mime_type,
        "height": item.height,
        "width": item.width,
        "image_hash": item.uuid,
    }
