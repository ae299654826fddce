"""Upload local files into a folder: get and note a place for each, send the bytes, start a job; count the rest.

The uuid of a place becomes that of the item. So a run after a kill knows for every file whether it is registered.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmark_qa.commands.register.check import RegisteredEntry
from benchmark_qa.commands.register.entries import urls_of
from benchmark_qa.commands.register.kinds import UnreadablePicture, jpeg_instead
from benchmark_qa.commands.register.steps import PARALLEL_JOBS, Failure, Registered, batch_key, failure, in_batches
from benchmark_qa.context import Progress
from benchmark_qa.encord_api.errors import NotFoundOnPlatform, RequestRejected
from benchmark_qa.encord_api.uploads import Storage, UploadFolder, UploadTarget
from benchmark_qa.errors import MissingExtraError
from benchmark_qa.terminal.files import Journal

ITEMS_PER_JOB = 20


_TYPES = {
    "videos": "video",
    "images": "image",
    "image_groups": "image",
    "dicom_series": "dicomFile",
    "nifti": "nifti",
    "audio": "audio",
    "text": "plainText",
    "pdfs": "pdf",
}
"""The SDK's type of an item's files, by the key of the item"""


@dataclass(frozen=True, slots=True)
class _Sent:
    """An entry whose files are sent, ready to be registered."""

    entry: RegisteredEntry
    model: Any


def upload(
    storage: Storage,
    folder: UploadFolder,
    root: Path,
    entries: Iterable[RegisteredEntry],
    journal: Journal,
    *,
    items_per_job: int = ITEMS_PER_JOB,
    parallel: int = PARALLEL_JOBS,
    progress: Progress,
) -> Registered:
    """Upload local files. Can be killed and run again; failed items are tried again.

    Args:
        storage: of the account.
        folder: destination of the items.
        root: folder that the entries' URLs are relative to.
        entries: of a registration file made for local files.
        journal: of this input.
        items_per_job, parallel: items per job, and number of threads.
        progress: called with the number of items done.

    Raises:
        PlatformError: Encord cannot be used; what is done is noted.
    """

    def one_job(batch: Sequence[RegisteredEntry]) -> Registered:
        work = [(batch_key([entry], folder.uuid, *_stamps(root, entry)), entry) for entry in batch]
        waiting = [(key, entry) for key, entry in work if not _is_there(storage, folder, journal, key)]
        done = Registered(len(batch) - len(waiting))
        return done + _upload(folder, root, waiting, journal) if waiting else done

    return in_batches(entries, items_per_job, parallel, one_job, progress)


def _stamps(root: Path, entry: RegisteredEntry) -> Iterator[str]:
    """Size and modification time of each file: a changed file counts as another file."""
    for url in urls_of(entry.model):
        stat = (root / url).stat()
        yield f"{stat.st_size} {stat.st_mtime_ns}"


def _is_there(storage: Storage, folder: UploadFolder, journal: Journal, key: str) -> bool:
    note = journal.note(key)
    if not note.get("done") and "job" in note:
        with suppress(NotFoundOnPlatform):
            folder.wait(note["job"])
    if note.get("done") or ("first" in note and storage.has_item(note["first"])):
        journal.write(key, {"done": True})
        return True
    return False


def _upload(
    folder: UploadFolder, root: Path, work: Sequence[tuple[str, RegisteredEntry]], journal: Journal
) -> Registered:
    sent: dict[str, _Sent] = {}
    places: dict[str, str] = {}
    failures: list[Failure] = []
    for key, entry in work:
        try:
            own = _send(folder, root, entry)
        except (RequestRejected, MissingExtraError, UnreadablePicture) as error:
            failures.append(failure(entry, str(error)))
            continue
        sent[key] = _Sent(entry, _placed(entry, own))
        places[key] = own[0].item
        journal.write(key, {"first": own[0].item})
    if sent:
        failures += _make_items(folder, sent, places, journal)
    return Registered(len(work) - len(failures), tuple(failures))


def _make_items(
    folder: UploadFolder, sent: dict[str, _Sent], places: dict[str, str], journal: Journal
) -> list[Failure]:
    items = [(one.entry.key, one.model) for one in sent.values()]
    job = folder.start_job(items, integration=None, upsert_metadata=False)
    for key in sent:
        journal.write(key, {"first": places[key], "job": job})
    outcome = folder.wait(job)
    reasons = {url: unit.reason for unit in outcome.failed for url in unit.urls}
    failures = []
    for key, one in sent.items():
        reason = next((reasons[url] for url in urls_of(one.model) if url in reasons), outcome.stopped)
        if reason is None:
            journal.write(key, {"done": True})
        else:
            journal.write(key, {})
            failures.append(failure(one.entry, reason))
    return failures


def _send(folder: UploadFolder, root: Path, entry: RegisteredEntry) -> list[UploadTarget]:
    kind = _TYPES[entry.key]
    paths = [root / url for url in urls_of(entry.model)]
    places = folder.places(kind, len(paths))
    for place, path in zip(places, paths, strict=True):
        folder.put(place, path, kind, jpeg=jpeg_instead(path) if kind == "image" else None)
    return places


def _placed(entry: RegisteredEntry, places: Sequence[UploadTarget]) -> Any:
    """The item with its files replaced by the keys of their places."""
    if entry.key not in ("image_groups", "dicom_series"):
        (place,) = places
        return entry.model.model_copy(update={"object_url": place.key, "placeholder_item_uuid": UUID(place.item)})
    listed = "images" if entry.key == "image_groups" else "dicom_files"
    files = [
        file.model_copy(
            update={"url": place.key, "placeholder_item_uuid": UUID(place.item), "title": Path(file.url).name}
        )
        for file, place in zip(getattr(entry.model, listed), places, strict=True)
    ]
    return entry.model.model_copy(update={listed: files})


_NAMES_SHOWN = 10


UNKNOWN_KIND = "the kind is not known"


@dataclass(slots=True)
class LeftOut:
    """Counts of files and links left out, by reason, with the first names of each reason."""

    each: Callable[[str, str], object] | None = None
    """Called for each with its path and the reason"""
    counts: Counter[str] = field(default_factory=Counter)
    _endings: Counter[str] = field(default_factory=Counter)
    _names: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, reason: str, path: str) -> None:
        """Add one path."""
        if self.each is not None:
            self.each(path, reason)
        self.counts[reason] += 1
        if reason == UNKNOWN_KIND:
            self._endings[_ending(path)] += 1
        if len(self._names[reason]) < _NAMES_SHOWN:
            self._names[reason].append(path)

    def lines(self) -> Iterator[str]:
        """One line per reason, for the user."""
        for reason, count in self.counts.items():
            names = ", ".join(repr(name) for name in self._names[reason])
            more = count - len(self._names[reason])
            endings = ", ".join(f"{ending} {number:,}" for ending, number in self._endings.most_common())
            of = f" ({endings})" if reason == UNKNOWN_KIND else ""
            yield f"left out: {count:,}, {reason}{of}: {names}{f' and {more:,} more' if more > 0 else ''}"


def _ending(path: str) -> str:
    name = path.rpartition("/")[2]
    rest, dot, ending = name.rpartition(".")
    if not dot or not ending:
        return "no ending"
    return f".{ending.lower()}" if rest else name
