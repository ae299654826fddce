"""Choose a benchmark's items from folders and put them into its dataset. A second run adds nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from benchmark_qa.commands.curation.draw import Candidate, stratum_of
from benchmark_qa.commands.curation.fingerprints import Progress, read_fingerprints
from benchmark_qa.encord_api.catalogue import Catalogue
from benchmark_qa.encord_api.folders import DescribedItem, FolderTree
from benchmark_qa.encord_api.pictures import Pictures
from benchmark_qa.errors import RefusalError
from benchmark_qa.terminal.runs import Journal

PARTS = frozenset({"dicomFile"})
"""Kinds of items that are parts of other items, not data units"""
PICTURES = frozenset({"image"})
"""Kinds of items that are checked for near-duplicates"""


class UnknownPlace(RefusalError):
    """The folder or dataset does not exist, or there are several of that title."""


@dataclass(frozen=True)
class Dataset:
    """A dataset and its items."""

    uuid: str | None
    """None: the dataset does not exist yet"""
    title: str
    items: frozenset[str]


def find_dataset(catalogue: Catalogue, reference: str) -> Dataset:
    """The dataset with that uuid or exactly that title; empty if none has the title. 2 requests.

    Raises:
        UnknownPlace: there are several of that title.
    """
    named = catalogue.datasets(title=reference)
    if len(named) > 1:
        raise UnknownPlace(f"there are {len(named)} datasets {reference!r}: {', '.join(one.uuid for one in named)}")
    if not named and not _is_uuid(reference):
        return Dataset(None, reference, frozenset())
    listed, items = catalogue.dataset(named[0].uuid if named else reference)
    return Dataset(listed.uuid, listed.title, frozenset(items))


def items_of(tree: FolderTree, folders: Sequence[str]) -> list[DescribedItem]:
    """Items in the folders, given by uuid or title, that can be data units. 1 request per 1,000 items.

    Raises:
        UnknownPlace
        PlatformError
    """
    uuids = list(dict.fromkeys(_folder(tree, folder) for folder in folders))
    return [item for uuid in uuids for item in tree.described_items(uuid) if item.kind not in PARTS]


def candidates_of(items: Sequence[DescribedItem], fields: Sequence[str], left_out: Collection[str]) -> list[Candidate]:
    """Items as candidates with their strata; `left_out` are left out."""
    return [
        Candidate(item.uuid, item.title, stratum_of(item.metadata, fields))
        for item in items
        if item.uuid not in left_out
    ]


def with_fingerprints(
    pictures: Pictures,
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


def put_into(catalogue: Catalogue, dataset: Dataset, items: Sequence[str]) -> Dataset:
    """Link the items to the dataset, creating it if needed. 1 to 3 requests, and 1 per 1,000 items."""
    uuid = dataset.uuid or catalogue.make_dataset(dataset.title, "Benchmark items, chosen by benchmark-qa")
    missing = [item for item in items if item not in dataset.items]
    if missing:
        catalogue.link(uuid, missing)
    return Dataset(uuid, dataset.title, dataset.items | set(missing))


def _folder(tree: FolderTree, reference: str) -> str:
    if _is_uuid(reference):
        return tree.by_uuid(reference).uuid
    found = tree.anywhere(reference)
    if len(found) != 1:
        many = f"{len(found)} folders {reference!r}: {', '.join(folder.uuid for folder in found)}"
        raise UnknownPlace(f"there are {many}" if found else f"there is no folder {reference!r}")
    return found[0].uuid


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
