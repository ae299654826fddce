"""Fingerprints of stored pictures, read in parallel and saved to disk: a killed run continues."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmark_qa.encord_api.errors import EncordUnavailable, RequestRejected
from benchmark_qa.encord_api.pictures import ITEMS_PER_REQUEST, Pictures
from benchmark_qa.encord_api.request_sizes import batches
from benchmark_qa.images.statistics import UnreadableImageError, image_statistics
from benchmark_qa.terminal.runs import Journal

PARALLEL = 8
Progress = Callable[[int], None]


@dataclass
class Fingerprints:
    """Fingerprints by uuid, and the reason for each picture without one."""

    known: dict[str, int] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


def read_fingerprints(
    pictures: Pictures, uuids: Iterable[str], journal: Journal, *, parallel: int = PARALLEL, progress: Progress
) -> Fingerprints:
    """Read the pictures that the journal does not have; the next run tries unreadable ones again.

    1 request per 100 pictures, and 1 per picture, `parallel` at a time; that many pictures are in memory.

    Raises:
        PlatformError: Encord itself cannot be used.
        ModuleNotFoundError: Pillow, of the extra `curation`, is not installed.
    """
    found = Fingerprints()
    missing = []
    for uuid in uuids:
        noted = journal.note(uuid).get("fingerprint")
        if noted is None:
            missing.append(uuid)
        else:
            if noted:  # empty: a picture without structure, which has no duplicates
                found.known[uuid] = int(noted, 16)
            progress(1)
    with ThreadPoolExecutor(parallel, thread_name_prefix="pictures") as threads:
        try:
            for batch in batches(missing, ITEMS_PER_REQUEST):
                for uuid, fingerprint in _read(pictures, batch, threads):
                    if fingerprint is None:
                        journal.write(uuid, {"fingerprint": ""})
                    elif isinstance(fingerprint, int):
                        journal.write(uuid, {"fingerprint": f"{fingerprint:016x}"})
                        found.known[uuid] = fingerprint
                    else:
                        found.unread[uuid] = fingerprint
                    progress(1)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _read(
    pictures: Pictures, uuids: Sequence[str], threads: ThreadPoolExecutor
) -> Iterator[tuple[str, int | str | None]]:
    urls = pictures.signed_urls(uuids)

    def one(uuid: str) -> tuple[str, int | str | None]:
        url = urls.get(uuid)
        if url is None:
            return uuid, "Encord has no URL for it"
        try:
            return uuid, image_statistics(pictures.read(url)).fingerprint
        except (EncordUnavailable, RequestRejected, UnreadableImageError) as error:
            return uuid, str(error)

    return threads.map(one, uuids)
