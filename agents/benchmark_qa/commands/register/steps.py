"""Register files in a folder in batches, from a bucket or this machine, or sync the folder with its bucket.

Nothing is registered twice, whenever a run is killed. Each batch has a key (its items and their destination) under
which the journal stores the job that registers it: a later run waits for that job instead of starting another. If a
run is killed between the start of a job and the note of it, Encord itself skips cloud URLs that exist already, and for
local files each item's uuid was noted before.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import TypeVar

from benchmark_qa.commands.register.check import RegisteredEntry
from benchmark_qa.commands.register.entries import urls_of
from benchmark_qa.context import Progress
from benchmark_qa.encord_api.errors import NotFoundOnPlatform
from benchmark_qa.encord_api.uploads import FailedItem, JobOutcome, SyncState, UploadFolder
from benchmark_qa.terminal.files import Journal

ITEMS_PER_JOB = 1_000
"""Encord's documentation says that small jobs show results sooner; a kill also loses less"""


URLS_PER_JOB = 50_000
"""Groups and series may have thousands of files each"""


PARALLEL_JOBS = 4


GROUPS_PER_REQUEST = 100


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that is not registered: its line in the registration file (0: a data group), name, reason."""

    line: int
    name: str
    reason: str
    files: tuple[str, ...] = ()
    """Every file of the item: a series fails as a whole"""


@dataclass(frozen=True, slots=True)
class Registered:
    """The outcome of a run."""

    items: int = 0
    """Items that are in the folder now, from this run or an earlier one"""
    failures: tuple[Failure, ...] = ()

    def __add__(self, other: "Registered") -> "Registered":
        return Registered(self.items + other.items, self.failures + other.failures)


def register(
    folder: UploadFolder,
    entries: Iterable[RegisteredEntry],
    journal: Journal,
    *,
    integration: str,
    upsert_metadata: bool = False,
    items_per_job: int = ITEMS_PER_JOB,
    parallel: int = PARALLEL_JOBS,
    progress: Progress,
) -> Registered:
    """Register objects of a bucket. Can be killed and run again; failed items are tried again.

    Args:
        folder: destination of the items.
        entries: of registration files that have been checked.
        journal: of this input.
        integration: uuid of the integration that opens the bucket.
        upsert_metadata: update the metadata of existing items.
        items_per_job, parallel: items per job, and number of jobs at a time.
        progress: called with the number of items done.

    Raises:
        PlatformError: Encord cannot be used; what is done is noted.
    """

    def one_job(batch: Sequence[RegisteredEntry]) -> Registered:
        key = batch_key(batch, folder.uuid, integration)
        outcome = _earlier(folder, journal, key)
        if outcome is None:
            items = [(entry.key, entry.model) for entry in batch]
            job = folder.start_job(items, integration=integration, upsert_metadata=upsert_metadata)
            journal.write(key, {"job": job})
            outcome = folder.wait(job)
        if not outcome.failed and outcome.stopped is None:
            journal.write(key, {"done": True})
        else:
            journal.write(key, {})  # the next run tries again; registered items are skipped
        return _registered(batch, outcome)

    return in_batches(entries, items_per_job, parallel, one_job, progress)


def _earlier(folder: UploadFolder, journal: Journal, key: str) -> JobOutcome | None:
    """The outcome of the batch in an earlier run; None: it must be sent."""
    note = journal.note(key)
    if note.get("done"):
        return JobOutcome()
    if "job" not in note:
        return None
    try:
        outcome = folder.wait(note["job"])
    except NotFoundOnPlatform:
        return None
    return None if outcome.failed or outcome.stopped is not None else outcome


def _registered(batch: Sequence[RegisteredEntry], outcome: JobOutcome) -> Registered:
    by_url = {url: entry for entry in batch for url in urls_of(entry.model)}
    if outcome.stopped is not None and not outcome.failed:
        return Registered(0, tuple(failure(entry, outcome.stopped) for entry in batch))
    failures = tuple(_of_unit(unit, by_url) for unit in outcome.failed)
    return Registered(len(batch) - len(failures), failures)


def _of_unit(unit: FailedItem, by_url: dict[str, RegisteredEntry]) -> Failure:
    entry = next((by_url[url] for url in unit.urls if url in by_url), None)
    return failure(entry, unit.reason) if entry else Failure(0, ", ".join(unit.urls[:1]), unit.reason)


def failure(entry: RegisteredEntry, reason: str) -> Failure:
    """The reason why an entry is not registered."""
    files = tuple(urls_of(entry.model))
    return Failure(entry.line, entry.model.title or next(iter(files), ""), reason, files)


def batch_key(batch: Sequence[RegisteredEntry], *places: str) -> str:
    """A hash of the items and their destinations."""
    digest = blake2b("\0".join(places).encode(), digest_size=16)
    for entry in batch:
        digest.update(entry.model.model_dump_json().encode())
    return digest.hexdigest()


def in_batches(
    entries: Iterable[RegisteredEntry],
    size: int,
    parallel: int,
    work: Callable[[Sequence[RegisteredEntry]], Registered],
    progress: Progress,
) -> Registered:
    """Process entries in batches, `parallel` at a time; reads no more entries than are being processed."""
    total = Registered()
    under_way: deque[tuple[int, Future[Registered]]] = deque()
    with ThreadPoolExecutor(parallel, thread_name_prefix="register") as threads:
        try:
            for batch in _jobs(entries, size):
                under_way.append((len(batch), threads.submit(work, batch)))
                if len(under_way) >= 2 * parallel:
                    total += _next_done(under_way, progress)
            while under_way:
                total += _next_done(under_way, progress)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return total


def _next_done(under_way: deque[tuple[int, Future[Registered]]], progress: Progress) -> Registered:
    items, future = under_way.popleft()
    done = future.result()
    progress(items)
    return done


def _jobs(entries: Iterable[RegisteredEntry], size: int) -> Iterator[list[RegisteredEntry]]:
    """The entries as jobs; the same entries always give the same jobs, so a later run recognises them."""
    job: list[RegisteredEntry] = []
    urls = 0
    for entry in entries:
        job.append(entry)
        urls += sum(1 for _ in urls_of(entry.model))
        if len(job) == size or urls >= URLS_PER_JOB:
            yield job
            job, urls = [], 0
    if job:
        yield job


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def make_data_groups(folder: UploadFolder, groups: Sequence[tuple[str, Sequence[str]]]) -> Registered:
    """Group items of a folder, given as (title, URLs); an existing group with the title is kept.

    Raises:
        PlatformError: Encord cannot be used.
    """
    known = folder.data_group_titles()
    missing = [(title, urls) for title, urls in groups if title not in known]
    wanted = {url for _, urls in missing for url in urls}
    uuids = {url: uuid for url, uuid in folder.items_by_url() if url in wanted} if wanted else {}
    failures = []
    ready = []
    for title, urls in missing:
        absent = [url for url in urls if url not in uuids]
        if absent:
            failures.append(Failure(0, title, f"{len(absent)} of its items are not in the folder, {absent[0]} first"))
        else:
            ready.append((title, [uuids[url] for url in urls]))
    for batch in _batches(ready, GROUPS_PER_REQUEST):
        folder.create_data_groups(batch)
    return Registered(len(groups) - len(failures), tuple(failures))


def sync(folder: UploadFolder, progress: Progress) -> Registered:
    """Start a sync and wait for its end. After a kill Encord continues, and a new run waits again.

    Raises:
        RequestRejected: this is an ordinary folder.
        PlatformError: Encord cannot be used.
    """
    job, seen = folder.start_sync(), 0
    while True:
        state = folder.sync_state(job)
        progress(state.done + state.failed - seen)
        seen = state.done + state.failed
        if state.ended is not None:
            return Registered(state.done, tuple(Failure(0, folder.title, reason) for reason in _reasons(state)))


def _reasons(state: SyncState) -> list[str]:
    reasons = []
    if state.failed:
        reasons.append(f"{state.failed:,} files could not be registered: Encord's notifications name them")
    if state.unread_pages:
        reasons.append(f"{state.unread_pages:,} pages of the bucket's listing could not be read")
    if state.ended != "done":
        reasons.append(f"the sync has ended as '{state.ended}': can the integration list the bucket?")
    return reasons
