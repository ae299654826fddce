"""Carry out the steps of a plan. After a kill, the next plan has the rest: nothing is done twice."""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass

from benchmark_qa.commands.register.check import RegisteredEntry
from benchmark_qa.commands.register.steps import Registered
from benchmark_qa.commands.setup.changes import (
    AddPeople,
    AttachDatasets,
    Change,
    DescribeFolder,
    ExtendMetadata,
    FillFolder,
    LinkItems,
    MakeDataset,
    MakeFolder,
    MakeOntology,
    SetupStep,
    ShareFolder,
)
from benchmark_qa.commands.setup.declaration import Declaration
from benchmark_qa.commands.setup.observe import FolderSource, ProgressBar, Site, contents_of, linkable
from benchmark_qa.commands.setup.observed import Observed, ProjectSide
from benchmark_qa.commands.setup.structure import complete
from benchmark_qa.encord_api.errors import AccessRefused, NotFoundOnPlatform, RequestRejected
from benchmark_qa.encord_api.folders import Synced


@dataclass
class KnownUuids:
    """Uuids of what existed, and of what has been made since."""

    folders: MutableMapping[str, str]
    datasets: MutableMapping[str, str]
    projects: MutableMapping[ProjectSide, str]
    ontology: str

    @classmethod
    def of(cls, observed: Observed) -> "KnownUuids":
        """The uuids of what was observed."""
        return cls(
            folders={path: folder.uuid for path, folder in observed.folders.items()},
            datasets={title: dataset.uuid for title, dataset in observed.datasets.items()},
            projects={side: project.uuid for side, project in observed.projects.items()},
            ontology=observed.ontology.uuid if observed.ontology is not None else "",
        )


def set_up(
    declared: Declaration,
    site: Site,
    sources: Mapping[str, FolderSource],
    observed: Observed,
    changes: Iterable[Change],
    *,
    bar: ProgressBar,
    told: Callable[[Change], None],
) -> Registered:
    """Carry out every step of a plan.

    Args:
        declared: the set-up.
        site: the account's Encord.
        sources: the contents to put into each declared folder.
        observed: the state that the plan was made from.
        changes: the plan.
        bar: shows the progress of one folder's items.
        told: called with each change after its step.

    Returns:
        The outcome of registering and uploading items.

    Raises:
        PlatformError: Encord refuses a step, which the message names, or cannot be used; earlier steps stay done.
    """
    crew = _Crew(declared, site, sources, KnownUuids.of(observed), bar)
    registered = Registered()
    for change in steps_in_order(changes):
        if change.step is None:
            continue
        try:
            registered += crew.take(change.step)
        except (RequestRejected, NotFoundOnPlatform, AccessRefused) as error:
            raise type(error)(f"{change.subject}, {change.message}: {error}") from error
        told(change)
    return registered


def steps_in_order(changes: Iterable[Change]) -> list[Change]:
    """The steps in the order of execution: those that fail fast first, those that take hours last.

    A wrong workflow template is found before thousands of items are registered.
    """
    return sorted(changes, key=lambda change: isinstance(change.step, FillFolder | LinkItems))


@dataclass(frozen=True)
class _Crew:
    """Carries out steps one by one."""

    declared: Declaration
    site: Site
    sources: Mapping[str, FolderSource]
    known: KnownUuids
    bar: ProgressBar

    def take(self, step: SetupStep) -> Registered:
        match step:
            case FillFolder(path):
                return self._fill(path)
            case ExtendMetadata(types):
                self.site.catalogue.extend_metadata_schema(types)
            case MakeFolder(path):
                self._make_folder(path)
            case DescribeFolder(path, metadata):
                self.site.tree.describe(self.known.folders[path], metadata)
            case ShareFolder(path, role, groups):
                known = self.site.tree.groups()
                self.site.tree.share(self.known.folders[path], [known[group][0] for group in groups], role)
            case MakeOntology():
                self._make_ontology()
            case MakeDataset(title):
                mark = self.declared.mark("dataset", title)
                self.known.datasets[title] = self.site.catalogue.make_dataset(title, mark)
            case LinkItems(title):
                self._link(title)
            case AttachDatasets(side, titles):
                hashes = [self.known.datasets[title] for title in titles]
                self.site.catalogue.attach(self.known.projects[side], hashes)
            case AddPeople(side, role, emails):
                self.site.catalogue.add_people(self.known.projects[side], role, emails)
            case _:
                self._make_project(step.side)
        return Registered()

    def _make_folder(self, path: str) -> None:
        above, _, title = path.rpartition("/")
        parent = self.known.folders[above] if above else None
        declared = next((folder for folder in self.declared.folders if folder.path == path), None)
        synced = None
        if declared is not None and declared.sync is not None and declared.integration is not None:
            synced = Synced(self.site.storage.integration(declared.integration), declared.sync)
        self.known.folders[path] = self.site.tree.make(title, self.declared.mark("folder", path), parent, synced)

    def _fill(self, path: str) -> Registered:
        uuid, source = self.known.folders[path], self.sources[path]
        there = contents_of(self.site, uuid)

        def is_there(entry: RegisteredEntry) -> bool:
            return there.takes_off(entry, in_cloud=source.in_cloud)

        return source.fill(self.site.storage, self.site.storage.folder(uuid), is_there, self.bar)

    def _make_ontology(self) -> None:
        wanted = self.declared.ontology
        assert wanted.title is not None  # noqa: S101 - what has no hash has a title and a structure
        assert wanted.structure is not None  # noqa: S101
        mark = self.declared.mark("ontology", wanted.title)
        structure = complete(wanted.structure, wanted.title)
        self.known.ontology = self.site.catalogue.make_ontology(wanted.title, mark, structure)

    def _link(self, title: str) -> None:
        dataset = next(dataset for dataset in self.declared.datasets if dataset.title == title)
        _, linked = self.site.catalogue.dataset(self.known.datasets[title])
        benchmark = self._benchmark_items(title)
        folders = [contents_of(self.site, self.known.folders[path]) for path in dataset.folders]
        wanted = [item for folder in folders for item in linkable(dataset, folder, benchmark) if item not in linked]
        self.site.catalogue.link(self.known.datasets[title], wanted)

    def _benchmark_items(self, title: str) -> set[str]:
        """Items that the dataset of that title must not contain."""
        benchmark = self.declared.benchmark.dataset.title
        return self.site.catalogue.dataset(self.known.datasets[benchmark])[1] if title != benchmark else set()

    def _make_project(self, side: ProjectSide) -> None:
        wanted = self.declared.projects[side]
        try:
            self.known.projects[side] = self.site.catalogue.make_project(
                wanted.title,
                self.declared.mark(f"{side} project", wanted.title),
                template=str(wanted.workflow_template),
                ontology=self.known.ontology,
                datasets=[self.known.datasets[dataset.title] for dataset in self.declared.datasets_of(side)],
            )
        except (RequestRejected, NotFoundOnPlatform, AccessRefused) as error:
            # Datasets and ontology were made or found just before: only the template has not been checked yet.
            key = f"'{side}.workflow_template' ({wanted.workflow_template})"
            raise type(error)(f"{error}. Does Encord know the template {key}? Correct it and apply again") from error
