"""Look up in Encord what a set-up declares: by title and place, or by the set-up's mark if renamed."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Protocol, TypeVar
from uuid import UUID

from benchmark_qa.commands.register.check import RegisteredEntry
from benchmark_qa.commands.register.entries import urls_of
from benchmark_qa.commands.register.steps import Registered
from benchmark_qa.commands.setup.declaration import Declaration, DeclaredDataset, DeclaredFolder
from benchmark_qa.commands.setup.observed import (
    Observed,
    ProjectSide,
    SeenDataset,
    SeenFolder,
    SeenOntology,
    SeenProject,
    gives_away,
)
from benchmark_qa.context import Progress
from benchmark_qa.encord_api.catalogue import Catalogue, Listed
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.errors import AccessRefused, NotFoundOnPlatform
from benchmark_qa.encord_api.folders import FolderTree, ListedFolder, StoredItem
from benchmark_qa.encord_api.models import SeenStage
from benchmark_qa.encord_api.uploads import Storage, UploadFolder
from benchmark_qa.tasks.errors import AmbiguousTitle

NOT_LINKABLE = frozenset({"dicomFile"})
_KIND_OF = {
    "videos": "video",
    "images": "image",
    "image_groups": "imageGroup",
    "image_groups_from_items": "imageGroup",
    "dicom_series": "dicomSeries",
    "nifti": "nifti",
    "audio": "audio",
    "text": "plainText",
    "pdfs": "pdf",
    "time_series": "timeseries",
    "scenes": "scene",
}
"""Kinds of items by key of a registration file; image sequences are under image groups"""
_OF_SEVERAL_FILES = frozenset({"image_groups", "image_groups_from_items", "dicom_series", "scenes"})
T = TypeVar("T", Listed, ListedFolder)
ProgressBar = Callable[[str, int], AbstractContextManager[Progress]]


class FolderSource(Protocol):
    """The contents to put into a folder: registration files, or local files."""

    @property
    def in_cloud(self) -> bool:
        """Whether its URLs are those of objects in a bucket."""

    def entries(self) -> Iterator[RegisteredEntry]:
        """Yield all entries."""

    def data_groups(self) -> list[str]:
        """Titles of the data groups to make from the items."""

    def waiting(self, contents: "Contents | None") -> int:
        """Number of items that the folder should have and does not; None: the folder does not exist yet."""

    def fill(
        self, storage: Storage, folder: UploadFolder, is_there: Callable[[RegisteredEntry], bool], bar: ProgressBar
    ) -> Registered:
        """Put the missing items into the folder."""


@dataclass(frozen=True)
class Site:
    """The account's Encord, as far as a set-up uses it."""

    encord: Encord
    storage: Storage
    tree: FolderTree
    catalogue: Catalogue

    @classmethod
    def of(cls, encord: Encord) -> "Site":
        """The site of one connection."""
        return cls(encord, Storage(encord), FolderTree(encord), Catalogue(encord))


@dataclass
class Contents:
    """A folder's items, to find out whether an entry is there. 1 request per 1,000 items."""

    items: list[StoredItem]
    _urls: set[str] = field(default_factory=set)
    _titles: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._urls = {item.url for item in self.items if item.url is not None}
        self._titles = Counter((_plain_kind(item.kind), item.title) for item in self.items)

    def takes_off(self, entry: RegisteredEntry, *, in_cloud: bool) -> bool:
        """Whether an item matches the entry; each item matches one entry only.

        An entry with one object in a bucket is matched by its URL, every other entry by kind and title.
        """
        if in_cloud and entry.key not in _OF_SEVERAL_FILES:
            return next(iter(urls_of(entry.model)), None) in self._urls
        key = (_KIND_OF[entry.key], entry.model.title or "")
        self._titles[key] -= 1
        return self._titles[key] >= 0


def _plain_kind(kind: str) -> str:
    return "imageGroup" if kind == "imageSequence" else kind


def observe(declared: Declaration, site: Site, sources: Mapping[str, FolderSource]) -> Observed:
    """Look up everything that is declared; changes nothing.

    Args:
        declared: the set-up.
        site: where to look.
        sources: the contents to put into each declared folder.

    Raises:
        AmbiguousTitle: several objects have a title; the message names them.
        AccessRefused: the account sees a project and too little of the rest, which would be planned again.
        PlatformError: Encord cannot be used, or does not know a hash or an integration of the set-up.
    """
    folders = _folders(declared, site)
    contents: dict[str, Contents] = {}
    for path, folder in folders.items():
        if path in sources or any(path in dataset.folders for dataset in declared.datasets):
            contents[path] = contents_of(site, folder.uuid)
    datasets = _datasets(declared, site, contents)
    projects = {side: _project(side, declared, site) for side in declared.projects}
    _require_sight(declared, datasets, projects)
    waiting = {path: source.waiting(contents.get(path)) for path, source in sources.items()}
    _require_integrations(declared, site, waiting)
    return Observed(
        metadata=site.storage.metadata_schema() if declared.metadata else {},
        folders=folders,
        waiting=waiting,
        groups=_groups(declared, site),
        ontology=_ontology(declared, site),
        datasets=datasets,
        projects={side: seen for side, seen in projects.items() if seen is not None},
        telling=_telling(declared, sources, contents),
    )


def contents_of(site: Site, folder: str) -> Contents:
    """The current contents of a folder. 1 request per 1,000 items."""
    return Contents(list(site.tree.items(folder)))


def linkable(dataset: DeclaredDataset, contents: Contents, benchmark: Set[str]) -> list[str]:
    """The folder's items that belong in a dataset, without items of the benchmark dataset."""
    return [
        item.uuid
        for item in contents.items
        if item.kind not in NOT_LINKABLE
        and (not dataset.kinds or item.kind in dataset.kinds)
        and item.uuid not in benchmark
    ]


def waiting_items(source: FolderSource, contents: Contents | None) -> int:
    """Number of entries and data groups of a source without a matching item in the folder."""
    there = contents or Contents([])
    groups = {item.title for item in there.items if item.kind == "group"}
    entries = sum(not there.takes_off(entry, in_cloud=source.in_cloud) for entry in source.entries())
    return entries + sum(title not in groups for title in source.data_groups())


def _groups(declared: Declaration, site: Site) -> dict[str, int]:
    if not any(folder.groups for folder in declared.folders):
        return {}
    return {name: len(hashes) for name, hashes in site.tree.groups().items()}


def _require_sight(
    declared: Declaration, datasets: Mapping[str, SeenDataset], projects: Mapping[ProjectSide, SeenProject | None]
) -> None:
    unseen = {dataset.title for dataset in declared.datasets} - set(datasets)
    for side, project in projects.items():
        for uuid, title in project.datasets.items() if project is not None else ():
            if title in unseen:
                reason = f"it is in the {side} project, and the key's user may not see it"
                raise AccessRefused(f"dataset '{title}' ({uuid}): {reason}: add that user to it, or use another key")


def _require_integrations(declared: Declaration, site: Site, waiting: Mapping[str, int]) -> None:
    """Check integrations before anything is made; needed only if items wait. 1 request for each."""
    for folder in declared.folders:
        if folder.integration is not None and waiting.get(folder.path):
            with _about(f"folder '{folder.path}'"):
                site.storage.integration(folder.integration)


def _telling(
    declared: Declaration, sources: Mapping[str, FolderSource], contents: Mapping[str, Contents]
) -> tuple[str, ...]:
    paths = declared.benchmark.dataset.folders
    there = (item.title for path in paths if path in contents for item in contents[path].items)
    coming = (_title(entry) for path in paths if path in sources for entry in sources[path].entries())
    return tuple(sorted({title for title in chain(there, coming) if gives_away(title)}))


def _title(entry: RegisteredEntry) -> str:
    """The title that Encord will give: the name of the file, if none is given."""
    return entry.model.title or next(urls_of(entry.model), "").rsplit("/", 1)[-1]


def _folders(declared: Declaration, site: Site) -> dict[str, SeenFolder]:
    found: dict[str, SeenFolder] = {}
    for folder in declared.all_folders():
        above, _, title = folder.path.rpartition("/")
        if above and above not in found and folder.uuid is None:
            continue  # a missing folder has no subfolders
        seen = _folder(folder, title, found[above].uuid if above in found else None, declared, site)
        if seen is not None:
            found[folder.path] = _detailed(seen, folder, site)
    return found


def _detailed(seen: SeenFolder, folder: DeclaredFolder, site: Site) -> SeenFolder:
    """The folder with the details that the set-up declares; requested only if it declares any."""
    if not (folder.sync or folder.metadata or folder.groups):
        return seen
    with _about(f"folder '{folder.path}' ({seen.uuid})"):
        details = site.tree.details(seen.uuid)
    return replace(seen, synced_with=details.synced_with, metadata=details.metadata, groups=details.groups)


def _folder(
    folder: DeclaredFolder, title: str, parent: str | None, declared: Declaration, site: Site
) -> SeenFolder | None:
    if folder.uuid is not None:
        with _about(f"folder '{folder.path}' ({folder.uuid})"):
            known = site.tree.by_uuid(str(folder.uuid))
        return SeenFolder(known.uuid, known.title, moved=known.parent != parent)
    mark = declared.mark("folder", folder.path)
    here = _only("folder", title, mark, site.tree.inside(parent, title), "uuid")
    if here is not None:
        return SeenFolder(here.uuid, here.title)
    renamed = _only("folder", title, mark, _marked(site.tree.inside(parent), mark), "uuid")
    if renamed is not None:
        return SeenFolder(renamed.uuid, renamed.title)
    moved = _only("folder", title, mark, _marked(site.tree.anywhere(title), mark), "uuid")
    return SeenFolder(moved.uuid, moved.title, moved=True) if moved is not None else None


def _marked(folders: Sequence[ListedFolder], mark: str) -> list[ListedFolder]:
    return [folder for folder in folders if mark in folder.description]


def _ontology(declared: Declaration, site: Site) -> SeenOntology | None:
    wanted = declared.ontology
    uuid = _find("ontology", wanted.title, wanted.hash, declared, site.catalogue.ontologies)
    if uuid is None:
        return None
    with _about(f"ontology '{wanted.title or ''}' ({uuid})"):
        listed, structure = site.catalogue.ontology(uuid)
    return SeenOntology(listed.uuid, listed.title, structure)


def _datasets(declared: Declaration, site: Site, contents: Mapping[str, Contents]) -> dict[str, SeenDataset]:
    found: dict[str, SeenDataset] = {}
    benchmark: set[str] = set()
    for dataset in declared.datasets:  # the benchmark dataset is the first one
        uuid = _find("dataset", dataset.title, dataset.hash, declared, site.catalogue.datasets)
        if uuid is None:
            continue
        with _about(f"dataset '{dataset.title}' ({uuid})"):
            listed, linked = site.catalogue.dataset(uuid)
        here = [contents[path] for path in dataset.folders if path in contents]
        wanted = {item for folder in here for item in linkable(dataset, folder, benchmark)}
        shared = linked & benchmark
        found[dataset.title] = SeenDataset(
            listed.uuid,
            listed.title,
            unlinked=len(wanted - linked),
            foreign=len(linked - wanted - shared) if dataset.folders else 0,
            shared=len(shared),
        )
        if dataset is declared.benchmark.dataset:
            benchmark = linked
    return found


def _project(side: ProjectSide, declared: Declaration, site: Site) -> SeenProject | None:
    wanted = declared.projects[side]
    uuid = _find(f"{side} project", wanted.title, wanted.hash, declared, site.catalogue.projects)
    if uuid is None:
        return None
    with _about(f"{side} project '{wanted.title}' ({uuid})"):
        site.encord.forget_project(uuid)
        project = site.encord.project(uuid)
        own_role = site.catalogue.own_role(uuid)
        if own_role not in ("admin", None):
            reason = "what they cannot see would be made anew"
            raise AccessRefused(f"the key's user is {own_role} there and not admin: {reason}")
        people = site.catalogue.people(uuid)
    return SeenProject(
        uuid=project.project_hash,
        title=project.title,
        ontology=project.ontology_hash,
        datasets=project.dataset_titles,
        users=people,
        stages=tuple(SeenStage(stage.uuid, stage.title, stage.kind, stage.destinations) for stage in project.stages),
    )


@contextmanager
def _about(subject: str) -> Iterator[None]:
    """Prefix a refusal with its subject: a hash of the set-up file may be unknown or inaccessible."""
    try:
        yield
    except (NotFoundOnPlatform, AccessRefused) as error:
        raise type(error)(f"{subject}: {error}") from error


class _Finder(Protocol):
    def __call__(self, *, title: str | None = None, described: str | None = None) -> list[Listed]: ...


def _find(kind: str, title: str | None, given: UUID | None, declared: Declaration, finder: _Finder) -> str | None:
    if given is not None:
        return str(given)
    assert title is not None  # noqa: S101 - a set-up without hash has a title
    mark = declared.mark(kind, title)
    found = _only(kind, title, mark, finder(title=title), "hash")
    if found is None:
        found = _only(kind, title, mark, finder(described=mark), "hash")
    return found.uuid if found is not None else None


def _only(kind: str, title: str, mark: str, found: Sequence[T], key: str) -> T | None:
    """The only object found; of several, the one with the set-up's mark.

    Raises:
        AmbiguousTitle
    """
    ours = [thing for thing in found if mark in thing.description]
    candidates = ours if len(found) > 1 and len(ours) == 1 else found
    if len(candidates) > 1:
        uuids = ", ".join(sorted(thing.uuid for thing in candidates))
        raise AmbiguousTitle(f"there are {len(found)} of {kind} '{title}': {uuids}; say which with '{key}'")
    return candidates[0] if candidates else None
