"""Uploads and upload jobs on the wire."""

from datetime import datetime
from typing import Any

from emulator.errors import InvalidArgumentsError
from emulator.http.calls import Call
from emulator.http.routes import Routes
from emulator.storage.access import managed_folder, open_folder
from emulator.storage.jobs import UploadJob
from emulator.storage.links import upload_url
from emulator.storage.models import Folder
from emulator.storage.registration import read_registration
from emulator.storage.uploads import LARGEST_BATCH, Upload
from emulator.wire import whole
from emulator.world import DataType

routes = Routes()

_UPLOADED: dict[str, DataType] = {
    "image": "image",
    "video": "video",
    "audio": "audio",
    "plainText": "plain_text",
    "pdf": "pdf",
    "nifti": "nifti",
    "dicomFile": "dicom_file",
    "timeseries": "time_series",
    "scene": "scene",
}


@routes.post("storage/folders/{folder}/upload-signed-urls")
def ask_for_uploads(call: Call) -> Any:
    """Places for the bytes of local files that will become items of this folder."""
    managed_folder(call.platform, call.params["folder"], call.user.email)
    return _uploads(call, call.field("itemType"), int(call.field("count")))


@routes.get("presigned-urls")
def ask_for_presigned_urls(call: Call) -> Any:
    """Places for the bytes of local files, of no folder yet."""
    count = call.query.get("count", "")
    if not count.isdigit() or int(count) > LARGEST_BATCH:
        raise InvalidArgumentsError(f"count must be a number up to {LARGEST_BATCH}")
    return _uploads(call, call.query.get("uploadItemType", ""), int(count))


@routes.post("storage/folders/{folder}/data-upload-jobs")
def start_job(call: Call) -> Any:
    """Starts to register items; the answer is the job's uuid."""
    folder = managed_folder(call.platform, call.params["folder"], call.user.email)
    body = call.body or {}
    files = body.get("dataItems") if body.get("dataItems") is not None else body.get("externalFiles")
    registration, integration = read_registration(files), body.get("integrationHash")
    bucket = call.platform.organisation.integration(integration) if integration else None

    def make(due_at: datetime) -> UploadJob:
        ignore_errors = bool(body.get("ignoreErrors"))
        job = UploadJob(folder, registration, call.user.email, due_at, bucket, ignore_errors)
        job.file_name = body.get("fileName")
        return job

    return call.emulator.upload_jobs.start(make).uuid


@routes.get("storage/folders/{folder}/data-upload-jobs/{job}")
async def poll_job(call: Call) -> Any:
    """What has become of a job; the answer waits until it is final, or for a minute."""
    timeout = call.number("timeoutSeconds", 60)
    return job_dto(await call.emulator.upload_jobs.wait(_job(call), timeout))


@routes.post("storage/folders/{folder}/data-upload-jobs/{job}/cancel")
def cancel_job(call: Call) -> Any:
    """Gives up what a job has not done yet."""
    return {"unitsCancelledCount": call.emulator.upload_jobs.cancel(_job(call))}


@routes.post("storage/folders/{folder}/cloud-synced-folder-syncs")
def start_sync(call: Call) -> Any:
    """Brings a cloud-synced folder up to date with its bucket."""
    folder = managed_folder(call.platform, call.params["folder"], call.user.email)
    if folder.remote_url is None:
        raise InvalidArgumentsError(f"Folder {folder.name!r} is not synced with a bucket")
    registration = read_registration(_bucket_listing(call, folder))
    bucket = call.platform.organisation.integration(str(folder.integration))
    return call.emulator.upload_jobs.start(
        lambda due_at: UploadJob(folder, registration, call.user.email, due_at, bucket, ignore_errors=True)
    ).uuid


@routes.get("storage/folders/{folder}/cloud-linked-folder-syncs/{job}/long-polling")
async def poll_sync(call: Call) -> Any:
    """What has become of a sync."""
    job = await call.emulator.upload_jobs.wait(_job(call), call.number("timeoutSeconds", 60))
    final, failed = job.status in ("DONE", "ERROR"), job.status == "ERROR"
    return {
        "status": job.status.lower(),
        "scanPagesProcessingPending": 0 if final else 1,
        "scanPagesProcessingDone": 1 if final else 0,
        "scanPagesProcessingError": 0,
        "scanPagesProcessingCancelled": 0,
        "uploadJobsPending": 0 if final else 1,
        "uploadJobsDone": 1 if final and not failed else 0,
        "uploadJobsError": 1 if failed else 0,
        "uploadJobsUnitsPending": job.pending,
        "uploadJobsUnitsDone": len(job.items),
        "uploadJobsUnitsError": len(job.failed),
        "uploadJobsUnitsCancelled": job.cancelled,
    }


def job_dto(job: UploadJob) -> dict[str, Any]:
    """A job as the SDK reads it."""
    return {
        "status": job.status,
        "itemsWithNames": [{"itemUuid": item.uuid, "name": item.name} for item in job.items],
        "errors": [failed.message for failed in job.failed],
        "unitsPendingCount": job.pending,
        "unitsDoneCount": len(job.items),
        "unitsErrorCount": len(job.failed),
        "unitsCancelledCount": job.cancelled,
        "unitErrors": [
            {
                "objectUrls": failed.urls,
                "error": failed.message,
                "subtaskUuid": failed.uuid,
                "actionDescription": "Registering the item",
            }
            for failed in job.failed
        ],
        "fileName": job.file_name,
    }


def _uploads(call: Call, item_type: str, count: int) -> Any:
    kind = _UPLOADED.get(item_type)
    if kind is None:
        raise InvalidArgumentsError(f"Files of type {item_type!r} cannot be uploaded")
    return whole(_upload_dto(u, call.base_url) for u in call.platform.uploads.ask(kind, count, call.user.email))


def _upload_dto(upload: Upload, base_url: str) -> dict[str, Any]:
    return {
        "itemUuid": upload.uuid,
        "objectKey": upload.key,
        "signedUrl": upload_url(base_url, upload.uuid),
        "uploadHeaders": {},
    }


def _job(call: Call) -> UploadJob:
    folder = open_folder(call.platform, call.params["folder"], call.user.email)
    return call.emulator.upload_jobs.job(call.params["job"], folder)


def _bucket_listing(call: Call, folder: Folder) -> dict[str, Any]:
    """The objects of a folder's bucket below its remote URL, by kind of data."""
    bucket = call.platform.organisation.integration(str(folder.integration))
    found: dict[str, Any] = {"skip_duplicate_urls": True}
    for url in sorted(bucket.objects or ()):
        ending = url.rpartition(".")[2].lower()
        if url.startswith(str(folder.remote_url)) and ending in _BY_ENDING:
            found.setdefault(_BY_ENDING[ending], []).append({"objectUrl": url})
    return found


_BY_ENDING = {
    **dict.fromkeys(("png", "jpg", "jpeg", "gif", "bmp", "webp", "avif", "tif", "tiff"), "images"),
    **dict.fromkeys(("mp4", "mov"), "videos"),
    **dict.fromkeys(("wav", "mp3", "flac", "ogg"), "audio"),
    **dict.fromkeys(("txt", "html", "md", "json", "xml"), "text"),
    "pdf": "pdfs",
    "nii": "nifti",
    "csv": "time_series",
}
