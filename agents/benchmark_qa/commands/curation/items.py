"""Choose a benchmark's items from folders by fingerprint and put them into its dataset; a second run adds nothing."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from benchmark_qa.context import Progress
from benchmark_qa.encord_api.catalogue import Catalogue
from benchmark_qa.encord_api.errors import EncordUnavailable, RequestRejected
from benchmark_qa.encord_api.folders import DescribedItem, FolderTree, is_uuid
from benchmark_qa.encord_api.pictures import ITEMS_PER_REQUEST, StoredPictures
from benchmark_qa.encord_api.retries import batches
from benchmark_qa.errors import RefusalError
from benchmark_qa.images.draw import Candidate, stratum_of
from benchmark_qa.images.statistics import UnreadableImageError, image_statistics
from benchmark_qa.terminal.files import Journal

PARALLEL = 8


@dataclass
class Fingerprints:
    """Fingerprints by uuid, and the reason for each picture without one."""

    known: dict[str, int] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


def read_fingerprints(
    pictures: StoredPictures, uuids: Iterable[str], journal: Journal, *, parallel: int = PARALLEL, progress: Progress
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
    pictures: StoredPictures, uuids: Sequence[str], threads: ThreadPoolExecutor
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


PARTS = frozenset({"dicomFile"})
"""Kinds of items that are parts of other items, not data units"""


PICTURES = frozenset({"image"})
"""Kinds of items that are checked for near-duplicates"""


class UnknownPlace(RefusalError):
    """There are several datasets of that title."""


@dataclass(frozen=True)
class ItemDataset:
    """A dataset and its items."""

    uuid: str | None
    """None: the dataset does not exist yet"""
    title: str
    items: frozenset[str]


def find_dataset(catalogue: Catalogue, reference: str) -> ItemDataset:
    """The dataset with that uuid or exactly that title; empty if none has the title. 2 requests.

    Raises:
        UnknownPlace: there are several of that title.
    """
    named = catalogue.datasets(title=reference)
    if len(named) > 1:
        raise UnknownPlace(f"there are {len(named)} datasets {reference!r}: {', '.join(one.uuid for one in named)}")
    if not named and not is_uuid(reference):
        return ItemDataset(None, reference, frozenset())
    listed, items = catalogue.dataset(named[0].uuid if named else reference)
    return ItemDataset(listed.uuid, listed.title, frozenset(items))


def candidate_items(tree: FolderTree, folders: Sequence[str]) -> list[DescribedItem]:
    """Items in the folders, given by uuid or title, that can be data units. 1 request per 1,000 items.

    Raises:
        UnknownFolder
        PlatformError
    """
    uuids = list(dict.fromkeys(tree.named(folder).uuid for folder in folders))
    return [item for uuid in uuids for item in tree.described_items(uuid) if item.kind not in PARTS]


def candidates_of(items: Sequence[DescribedItem], fields: Sequence[str], left_out: Collection[str]) -> list[Candidate]:
    """Items as candidates with their strata; `left_out` are left out."""
    return [
        Candidate(item.uuid, item.title, stratum_of(item.metadata, fields))
        for item in items
        if item.uuid not in left_out
    ]


def with_fingerprints(
    pictures: StoredPictures,
    candidates: Sequence[Candidate],
    readable: Collection[str],
    journal: Journal,
    *,
    parallel: int,
    progress: Progress,
) -> tuple[list[Candidate], dict[str, str]]:
    """Candidates, with fingerprints of the pictures, and by uuid why some could not be read.

    A picture that cannot be read is left out, since it may be a duplicate.

    Raises:
        PlatformError
    """
    wanted = [candidate.uuid for candidate in candidates if candidate.uuid in readable]
    found = read_fingerprints(pictures, wanted, journal, parallel=parallel, progress=progress)
    return [
        replace(candidate, fingerprint=found.known.get(candidate.uuid))
        for candidate in candidates
        if candidate.uuid not in found.unread
    ], found.unread


def put_into(catalogue: Catalogue, dataset: ItemDataset, items: Sequence[str]) -> ItemDataset:
    """Link the items to the dataset, creating it if needed. 1 to 3 requests, and 1 per 1,000 items."""
    uuid = dataset.uuid or catalogue.make_dataset(dataset.title, "Benchmark items, chosen by benchmark-qa")
    missing = [item for item in items if item not in dataset.items]
    if missing:
        catalogue.link(uuid, missing)
    return ItemDataset(uuid, dataset.title, dataset.items | set(missing))
