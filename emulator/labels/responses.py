"""Label rows on the wire."""

from typing import Any

from emulator.analytics.recording import note_opened, note_saved
from emulator.errors import AuthorisationError, CorruptedLabelError, InvalidArgumentsError
from emulator.http.calls import LegacyCall
from emulator.http.routes import Routes
from emulator.labels.access import is_listed, may_open, may_see, refuse_second_parts, take_part
from emulator.labels.branch_responses import check_branch_name
from emulator.labels.filtering import part_of, with_reviews
from emulator.labels.media_metadata import Child
from emulator.labels.metadata import annotation_task_status, entry_of, metadata, select
from emulator.labels.models import MAIN_BRANCH, Content, LabelRow
from emulator.labels.spaces import is_continuous, spaces_of
from emulator.labels.units import LABEL_ROW_TYPES, data_units
from emulator.labels.validation import problems, refuse_nonsense
from emulator.projects.models import Project
from emulator.storage.links import file_links
from emulator.storage.models import Item
from emulator.wire import rfc_1123, sql_date

routes = Routes()


@routes.query("project", "labelrowmetadata", "GET")
def list_label_rows(call: LegacyCall) -> Any:
    """The label rows of a project, without their labels."""
    project = call.project()
    actor, switches = project.actor(call.user.email), call.platform.switches
    shown = select(project, call.payload, lambda entry: may_see(entry, actor) and is_listed(entry, switches))
    return [metadata(entry, call.payload, call.platform.storage, call.base_url) for entry in shown]


@routes.query("project", "labelrow", "PUT")
def create_label_rows(call: LegacyCall) -> Any:
    """Opens the rows of data units on a branch; rows that are open are given as they are."""
    project = call.project()
    actor = project.actor(call.user.email)
    call.refuse_more_than_a_bundle(call.uids())
    branch = call.payload.get("branch_name") or MAIN_BRANCH
    check_branch_name(branch)
    unknown = [data_hash for data_hash in call.uids() if data_hash not in project.units]
    if unknown:
        raise InvalidArgumentsError(f"The project has no data unit {unknown[0]}")
    entries = [entry_of(project, project.rows.ensure(data_hash, branch)) for data_hash in call.uids()]
    for entry in entries:
        if not may_open(entry, actor):
            raise AuthorisationError(f"You may not label data unit {entry.unit.hash} on branch {branch}")
    rows = [project.rows.open(entry.row) for entry in entries]
    _note_opened(call, project, rows)
    return _answer(call, project, rows)


@routes.query("project", "labelrow", "GET")
def get_label_rows(call: LegacyCall) -> Any:
    """Label rows with their labels."""
    project = call.project()
    actor = project.actor(call.user.email)
    call.refuse_more_than_a_bundle(call.uids())
    rows = [project.rows.of_hash(label_hash) for label_hash in call.uids()]
    for row in rows:
        if not may_see(entry_of(project, row), actor):
            raise AuthorisationError(f"You may not read label row {row.label_hash}")
    if call.platform.switches.reading_marks_in_progress:
        for row in rows:
            row.label_status = "LABEL_IN_PROGRESS"
    _note_opened(call, project, rows)
    return _answer(call, project, rows)


@routes.query("project", "labelrow", "POST")
def save_label_rows(call: LegacyCall) -> Any:
    """Replaces the labels of rows: all of them or, when one is wrong, none."""
    project = call.project()
    actor = project.actor(call.user.email)
    call.refuse_more_than_a_bundle(call.uids())
    rows = [project.rows.of_hash(label_hash) for label_hash in call.uids()]
    written = call.payload.get("labels") if call.payload.get("multi_request") else [call.payload]
    if not isinstance(written, list) or len(written) != len(rows):
        raise InvalidArgumentsError("There must be one label row for every label hash")
    entries = [entry_of(project, row) for row in rows]
    for entry in entries:
        if not may_open(entry, actor):
            raise AuthorisationError(f"You may not save label row {entry.row.label_hash}")
    refuse_second_parts(entries, actor)
    contents = [_checked(row, label_row, project) for row, label_row in zip(rows, written, strict=True)]
    found = [problems(content, project.ontology) for content in contents]
    if _validate(call.payload) and any(found):
        raise CorruptedLabelError("; ".join(problem for several in found for problem in several))
    for row, content, errors in zip(rows, contents, found, strict=True):
        entry, before = entry_of(project, row), row.content
        take_part(entry, actor)
        project.rows.save(row, content, call.user.email)
        row.errors = errors
        note_saved(project, entry, before, call.user.email, call.platform.now())
    return True


def _note_opened(call: LegacyCall, project: Project, rows: list[LabelRow]) -> None:
    for row in rows:
        note_opened(project, row.data_hash, call.user.email, call.platform.now())


def _validate(payload: dict[str, Any]) -> bool:
    return bool(payload.get("validate_before_saving"))


def _checked(row: LabelRow, label_row: Any, project: Project) -> Content:
    if not isinstance(label_row, dict) or not isinstance(label_row.get("data_units"), dict):
        raise CorruptedLabelError(f"Label row {row.label_hash} has no data units")
    if label_row.get("data_hash") not in (None, row.data_hash):
        raise CorruptedLabelError(f"Label row {row.label_hash} belongs to another data unit")
    unit = project.units[row.data_hash]
    known = {unit.hash, unit.item.uuid, *unit.item.children}
    strange = label_row["data_units"].keys() - known
    if strange:
        raise CorruptedLabelError(f"Label row {row.label_hash} has no data unit {sorted(strange)[0]}")
    content = Content.of_label_row(label_row)
    refuse_nonsense(content, project.ontology)
    return content


def _answer(call: LegacyCall, project: Project, rows: list[LabelRow]) -> Any:
    found = [label_row_json(call, project, row) for row in rows]
    return found if call.payload.get("multi_request") else found[0]


def _members_of(project: Project) -> Child:
    """The data unit that a member of a data group is, when it is one of this project; else only the item."""

    def child(member: Item) -> tuple[str, str | None]:
        data_hash = next((one for one in sorted(member.data_hashes) if one in project.units), None)
        if data_hash is None:
            return member.uuid, None
        row = project.rows.find(data_hash, MAIN_BRANCH)
        return data_hash, row.label_hash if row is not None else None

    return child


def label_row_json(call: LegacyCall, project: Project, row: LabelRow) -> dict[str, Any]:
    """A label row with its labels."""
    unit = project.units[row.data_hash]
    reviews = project.flow.by_data[row.data_hash].reviews if call.payload.get("include_reviews") else None
    content = with_reviews(part_of(row.content, call.payload, project.ontology), reviews)
    written = sql_date if call.platform.switches.row_timestamps == "plain" else rfc_1123
    return {
        "label_hash": row.label_hash,
        "branch_name": row.branch_name,
        "created_at": written(row.created_at),
        "last_edited_at": written(row.edited_at),
        "dataset_hash": unit.dataset.hash,
        "dataset_title": unit.dataset.title,
        "data_title": unit.title,
        "data_hash": unit.hash,
        "data_type": LABEL_ROW_TYPES[unit.item.type],
        "data_units": data_units(unit, content, call.platform.storage, file_links(call.base_url), _members_of(project)),
        "object_answers": content.object_answers,
        "classification_answers": content.classification_answers,
        "object_actions": content.object_actions,
        "label_status": row.label_status,
        "annotation_task_status": annotation_task_status(entry_of(project, row)),
        "is_valid": not row.errors,
        "spaces": spaces_of(unit.item, content, call.platform.storage, file_links(call.base_url)),
        **({"scene": {"isContinuous": is_continuous(unit.item)}} if unit.item.type == "scene" else {}),
    }
