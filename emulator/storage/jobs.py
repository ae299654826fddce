"""Upload jobs: what they are asked to register, what has become of it, and how callers wait for them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from emulator.datasets.models import Dataset
from emulator.errors import ResourceNotFoundError
from emulator.organisation.models import Integration
from emulator.spec import new_uuid
from emulator.storage.models import Folder, Item
from emulator.storage.registering import Registrar, UnitError
from emulator.storage.registration import Registration, Unit

if TYPE_CHECKING:
    from emulator.platform import Platform

# Below the read timeout of the SDK, which asks for up to seven days.
LONGEST_WAIT_SECONDS = 60
LOOK_EVERY_SECONDS = 0.05

Status = Literal["PENDING", "DONE", "ERROR", "CANCELLED"]


@dataclass(frozen=True, slots=True)
class FailedUnit:
    """An item that could not be registered."""

    urls: list[str]
    message: str
    uuid: str = field(default_factory=new_uuid)


@dataclass(slots=True, eq=False)
class UploadJob:
    """Registers items in a folder and, when it was started for a dataset, adds them to that."""

    folder: Folder
    registration: Registration
    by: str
    due_at: datetime
    integration: Integration | None = None
    ignore_errors: bool = False
    dataset: Dataset | None = None
    file_name: str | None = None
    uuid: str = field(default_factory=new_uuid)
    status: Status = "PENDING"
    items: list[Item] = field(default_factory=list)
    data_hashes: list[str] = field(default_factory=list)
    failed: list[FailedUnit] = field(default_factory=list)
    cancelled: int = 0

    @property
    def pending(self) -> int:
        """How many units are still to be done."""
        return len(self.registration.units) if self.status == "PENDING" else 0


class UploadJobs:
    """Every upload job; a job is done when it falls due on the platform's clock, all at once."""

    def __init__(self, platform: "Platform") -> None:
        self._platform = platform
        self._jobs: dict[str, UploadJob] = {}
        self._pending: dict[str, UploadJob] = {}

    def start(self, make: Callable[[datetime], UploadJob]) -> UploadJob:
        """Starts a job; `make` is given the moment when it falls due."""
        delay = timedelta(seconds=self._platform.switches.upload_job_seconds)
        job = make(self._platform.now() + delay)
        self._jobs[job.uuid] = self._pending[job.uuid] = job
        job.folder.upload_jobs += 1
        self.run_due()
        return job

    def job(self, uuid: str, folder: Folder | None = None) -> UploadJob:
        """The job of that uuid, and of that folder when one is named."""
        job = self._jobs.get(uuid.lower())
        if job is None or (folder is not None and job.folder is not folder):
            raise ResourceNotFoundError(f"There is no upload job {uuid}")
        return job

    def run_due(self) -> None:
        """Does the jobs that have fallen due."""
        for job in [job for job in self._pending.values() if job.due_at <= self._platform.now()]:
            del self._pending[job.uuid]
            _run(job, self._platform)

    def cancel(self, job: UploadJob) -> int:
        """Gives up what is still pending; returns how many units that are."""
        if self._pending.pop(job.uuid, None) is not None:
            job.cancelled = job.pending
            job.status = "CANCELLED"
        return job.cancelled

    async def wait(self, job: UploadJob, seconds: float) -> UploadJob:
        """Returns when the job is final, or after so many seconds: callers ask again at once while it is pending."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(seconds, LONGEST_WAIT_SECONDS)
        self.run_due()
        while job.status == "PENDING" and loop.time() < deadline:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            self.run_due()
        return job


def _run(job: UploadJob, platform: "Platform") -> None:
    registrar = Registrar(platform, job.folder, job.integration, job.by)
    made: list[list[Item]] = []
    for unit in _wanted(job, platform):
        try:
            made.append(registrar.make(unit))
        except UnitError as error:
            job.failed.append(FailedUnit(error.urls, error.message))
    if job.failed and not job.ignore_errors:
        job.status, job.cancelled = "ERROR", len(made)
        return
    job.items = [registrar.keep(items) for items in made]
    job.status = "DONE"
    _deliver(job, platform)


def _wanted(job: UploadJob, platform: "Platform") -> list[Unit]:
    """The units of a job; those whose URLs are all in the folder already are left out when the job says so."""
    registration, known = job.registration, job.folder.by_url
    if not registration.skip_duplicate_urls:
        return list(registration.units)
    wanted = []
    seen: set[str] = set()
    for unit in registration.units:
        urls = set(unit.urls)
        if not urls or any(url not in known and url not in seen for url in urls):
            wanted.append(unit)
            seen |= urls
        elif registration.upsert_metadata:
            for url in urls & known.keys():
                platform.storage.items[known[url]].client_metadata.update(unit.client_metadata)
    return wanted


def _deliver(job: UploadJob, platform: "Platform") -> None:
    """Adds what was registered to the dataset that the folder mirrors, or that the job was started for."""
    dataset = job.dataset or platform.datasets.get(job.folder.synced_dataset or "")
    if dataset is not None:
        job.data_hashes = [row.hash for row in platform.link(dataset, job.items, job.by)]
