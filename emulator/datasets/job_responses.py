"""Upload jobs of datasets, on the legacy endpoint."""

from datetime import datetime
from typing import Any

from emulator.datasets.models import Dataset
from emulator.http.calls import LegacyCall
from emulator.http.routes import Routes
from emulator.storage.access import managed_folder
from emulator.storage.job_responses import job_dto
from emulator.storage.jobs import UploadJob
from emulator.storage.models import Folder
from emulator.storage.registration import read_registration

routes = Routes()


@routes.query("dataset", "datasetdatalongpolling", "POST")
def start_job(call: LegacyCall) -> Any:
    """Starts to register items in a folder and to make data units of them; this payload is in camel case."""
    dataset, payload = call.dataset(), call.payload
    files = payload.get("dataItems") if payload.get("dataItems") is not None else payload.get("files")
    registration, integration = read_registration(files), payload.get("integrationId")
    bucket = call.platform.organisation.integration(integration) if integration else None
    folder = _folder(call, dataset)

    def make(due_at: datetime) -> UploadJob:
        ignore_errors = bool(payload.get("ignoreErrors"))
        job = UploadJob(folder, registration, call.user.email, due_at, bucket, ignore_errors, dataset)
        job.file_name = payload.get("fileName")
        return job

    return {"process_hash": call.emulator.upload_jobs.start(make).uuid}


@routes.query("dataset", "datasetdatalongpolling", "GET")
async def poll_job(call: LegacyCall) -> Any:
    """What has become of a job; the answer waits until it is final."""
    jobs, dataset = call.emulator.upload_jobs, call.dataset()
    job = jobs.job(str(call.payload.get("process_hash")))
    await jobs.wait(job, float(call.payload.get("timeout_seconds") or 0))
    told = job_dto(job)
    rows = [dataset.rows[data_hash] for data_hash in job.data_hashes if data_hash in dataset.rows]
    return {
        "status": told["status"],
        "data_hashes_with_titles": [
            {"data_hash": row.hash, "title": row.title, "backing_item_uuid": row.item.uuid} for row in rows
        ],
        "errors": told["errors"],
        "data_unit_errors": [
            {
                "object_urls": error["objectUrls"],
                "error": error["error"],
                "subtask_uuid": error["subtaskUuid"],
                "action_description": error["actionDescription"],
            }
            for error in told["unitErrors"]
        ],
        "units_pending_count": told["unitsPendingCount"],
        "units_done_count": told["unitsDoneCount"],
        "units_error_count": told["unitsErrorCount"],
        "units_cancelled_count": told["unitsCancelledCount"],
    }


def _folder(call: LegacyCall, dataset: Dataset) -> Folder:
    """The folder that is named, or the one that the dataset mirrors, or a new one of the dataset's title."""
    named = call.payload.get("folderUuid") or dataset.backing_folder
    if named:
        return managed_folder(call.platform, str(named), call.user.email)
    now, email = call.platform.now(), call.user.email
    return call.platform.storage.add_folder(Folder(dataset.title, email, now, now, users={email: "admin"}))
