"""Datasets on the wire."""

from collections.abc import Iterator
from typing import Any

from emulator.datasets.models import DataRow, Dataset
from emulator.datasets.wire import IMAGE_OPTIONS, data_row, dataset_dto
from emulator.errors import InvalidArgumentsError, ResourceExistsError, ResourceNotFoundError
from emulator.http.calls import Call, LegacyCall
from emulator.http.routes import Routes
from emulator.labels.units import LABEL_ROW_TYPES
from emulator.organisation.group_routes import add_group_routes
from emulator.organisation.models import shared_role
from emulator.storage.access import open_item
from emulator.storage.models import Item
from emulator.titled import filtered
from emulator.wire import parse_date, sql_like, whole
from emulator.world import DatasetRole

routes = Routes()

ROLES: dict[DatasetRole, int] = {"admin": 0, "user": 1}
_NOT_LINKED = {"dicom_file"}


@routes.post("datasets")
def create_dataset(call: Call) -> Any:
    """A new dataset, with or without a folder that it mirrors."""
    title = str(call.field("title")).strip()
    if not title:
        raise InvalidArgumentsError("title: must not be empty")
    mirrored = bool(call.body.get("createBackingFolder", True))
    description = str(call.body.get("description") or "")
    dataset = call.platform.create_dataset(title, description, call.user.email, mirrored=mirrored)
    return {"datasetUuid": dataset.hash, "backingFolderUuid": dataset.backing_folder}


@routes.get("datasets/list")
def list_datasets(call: Call) -> Any:
    """The caller's datasets; this list says `result`."""
    email = call.user.email
    everything = call.flag("includeOrgAccess") and call.user.organisation_admin
    own = (d for d in call.platform.datasets.values() if everything or shared_role(d, email))
    return {"result": [dataset_dto(dataset, email) for dataset in filtered(own, call.query)]}


@routes.get("datasets/{dataset}/users")
def list_users(call: Call) -> Any:
    """Who has access to a dataset."""
    dataset = call.platform.dataset(call.params["dataset"], call.user.email)
    users = dataset.users.items()
    return whole({"datasetUuid": dataset.hash, "userEmail": e, "userRole": ROLES[role]} for e, role in users)


@routes.post("datasets/{dataset}/users/bulk-delete")
def remove_users(call: Call) -> Any:
    """Takes access to a dataset from people; who has none is ignored."""
    dataset = _managed(call)
    for email in call.field("userEmails"):
        dataset.users.pop(email, None)


@routes.query("dataset", "datasetusers", "POST")
def add_users(call: LegacyCall) -> Any:
    """Gives people access to a dataset; those who have it keep their role, which the answer names."""
    dataset = call.platform.managed_dataset(call.resource, call.user.email)
    number = call.payload.get("user_role")
    role = next((role for role, known in ROLES.items() if known == number), None)
    if role is None:
        raise InvalidArgumentsError(f"There is no dataset role {number}")
    emails = [call.platform.users.invite(email).email for email in call.payload.get("user_emails") or []]
    return [
        {"user_email": e, "user_role": ROLES[dataset.users.setdefault(e, role)], "dataset_hash": dataset.hash}
        for e in emails
    ]


@routes.query("dataset", "dataset", "GET")
def get_dataset(call: LegacyCall) -> Any:
    """A dataset with its data rows."""
    dataset = call.dataset()
    settings = call.payload.get("dataset_access_settings") or {}
    rows = dataset.rows.values() if settings.get("fetch_rows", True) else ()
    return {
        "title": dataset.title,
        "description": dataset.description,
        "dataset_type": "CORD_STORAGE",
        "dataset_hash": dataset.hash,
        "backing_folder_uuid": dataset.backing_folder,
        "data_rows": [data_row(row, call, settings) for row in rows],
    }


@routes.query("dataset", "datarows", "GET")
def list_data_rows(call: LegacyCall) -> Any:
    """The data rows of a dataset, filtered."""
    settings = call.payload.get("dataset_access_settings") or {}
    return [data_row(row, call, settings) for row in _filtered_rows(call.dataset(), call.payload)]


@routes.query("dataset", "datarow", "GET")
def get_data_row(call: LegacyCall) -> Any:
    """One data row, with as much about it as is asked for."""
    wanted = call.payload.get("additional_data") or {}
    settings = {
        "fetch_client_metadata": wanted.get("client_metadata"),
        "signed_url": wanted.get("signed_url"),
        IMAGE_OPTIONS: wanted.get(IMAGE_OPTIONS),
    }
    return data_row(_row(call, str(call.uid)), call, settings)


@routes.query("dataset", "datarow", "POST")
def update_data_row(call: LegacyCall) -> Any:
    """Changes title or client metadata of a data row, and of the item behind it."""
    row = _row(call, str(call.uid))
    unknown = call.payload.keys() - {"data_title", "client_metadata"}
    if unknown:
        raise InvalidArgumentsError(f"{sorted(unknown)[0]} of a data row cannot be changed")
    _rename(row, call.payload.get("data_title", row.title), call)
    if "client_metadata" in call.payload:
        row.item.client_metadata = dict(call.payload["client_metadata"] or {})
    updated = data_row(row, call, {"fetch_client_metadata": True})
    return {"updated_fields": list(call.payload), "data_row": updated}


@routes.query("dataset", "datasetlinkitems", "POST")
def link_items(call: LegacyCall) -> Any:
    """Makes data units of storage items."""
    dataset, platform, email = call.dataset(), call.platform, call.user.email
    items = [open_item(platform, uuid, email) for uuid in dict.fromkeys(call.payload.get("item_uuids") or [])]
    for item in items:
        if item.type in _NOT_LINKED:
            raise InvalidArgumentsError(f"{item.name}: items of type {item.type} cannot be linked")
    linked = {row.item.uuid for row in dataset.rows.values()}
    new = list(_without_duplicates(items, linked, str(call.payload.get("duplicates_behavior"))))
    return [data_row(row, call, {}) for row in platform.link(dataset, new, email)]


@routes.query("dataset", "video", "DELETE")
def delete_data(call: LegacyCall) -> Any:
    """Removes data units; out of a mirrored dataset the items go with them."""
    dataset = call.dataset()
    rows = [_row(call, data_hash) for data_hash in call.uids()]
    for row in rows:
        call.platform.remove_rows(dataset, [row.hash])
        if row.item.folder == dataset.backing_folder and not row.item.data_hashes:
            call.platform.delete_item(row.item, remove_unused_frames=True)
    return True


@routes.query("dataset", "video", "POST")
def rename_data(call: LegacyCall) -> Any:
    """Gives data units other titles: the SDK's deprecated `update_data_item`."""
    for row, title in [(_row(call, str(entry.get("video_hash"))), str(entry.get("title"))) for entry in call.records]:
        _rename(row, title, call)
    return {"success": True}


@routes.query("dataset", "reencodevideotask", "PUT")
def reencode(call: LegacyCall) -> Any:
    """Re-encodes videos: done at once, see `storage.reencodings`; the answer is the job's number."""
    rows = [_row(call, data_hash) for data_hash in call.payload.get("data_hash") or []]
    reencodings = call.platform.reencodings
    return reencodings.number(reencodings.add(row.hash for row in rows))


@routes.query("dataset", "reencodevideotask", "GET")
def get_reencoding(call: LegacyCall) -> Any:
    """What has become of a re-encoding."""
    rows = [_row(call, data_hash) for data_hash in call.platform.reencodings.numbered(call.uid)]
    found = [data_row(row, call, {"signed_url": True}) for row in rows]
    return {
        "status": "DONE",
        "result": [
            {"data_hash": row["data_hash"], "signed_url": row["signed_url"], "bucket_path": row["file_link"]}
            for row in found
        ],
    }


def _filtered_rows(dataset: Dataset, wanted: dict[str, Any]) -> Iterator[DataRow]:
    hashes, types = wanted.get("data_hashes"), wanted.get("data_types")
    like = sql_like(wanted["title_like"]) if wanted.get("title_like") else None
    before = parse_date(wanted["created_before"]) if wanted.get("created_before") else None
    after = parse_date(wanted["created_after"]) if wanted.get("created_after") else None
    rows = dataset.rows.values() if hashes is None else [dataset.rows[h] for h in hashes if h in dataset.rows]
    for row in rows:
        kept = (
            wanted.get("title_eq") in (None, row.title)
            and (like is None or like(row.title))
            and (before is None or row.created_at <= before)
            and (after is None or row.created_at >= after)
            and (types is None or LABEL_ROW_TYPES[row.item.type].upper() in types)
        )
        if kept:
            yield row


def _without_duplicates(items: list[Item], linked: set[str], behaviour: str) -> Iterator[Item]:
    for item in items:
        if item.uuid not in linked or behaviour == "DUPLICATE":
            yield item
        elif behaviour == "FAIL":
            raise ResourceExistsError(f"{item.name} is in the dataset already")


def _row(call: LegacyCall, data_hash: str) -> DataRow:
    row = call.dataset().rows.get(data_hash)
    if row is None:
        raise ResourceNotFoundError(f"The dataset has no data unit {data_hash}")
    return row


def _rename(row: DataRow, title: str, call: LegacyCall) -> None:
    row.title = row.item.name = title
    row.edited_at = row.item.edited_at = call.platform.now()


def _managed(call: Call) -> Dataset:
    return call.platform.managed_dataset(call.params["dataset"], call.user.email)


add_group_routes(routes, "datasets/{dataset}", _managed, ROLES)
