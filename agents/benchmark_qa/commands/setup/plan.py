"""Compare declared and observed state: the plan, in an order in which it can be carried out."""

from collections.abc import Iterator, Mapping

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
    MakeProject,
    ShareFolder,
)
from benchmark_qa.commands.setup.declaration import (
    Declaration,
    DeclaredDataset,
    DeclaredFolder,
    Embedding,
    MetadataType,
)
from benchmark_qa.commands.setup.observed import Observed, ProjectSide, SeenFolder, SeenProject, Thing, gives_away
from benchmark_qa.commands.setup.structure import differences
from benchmark_qa.tasks.checks import check_workflow

_OPTIONS_SHOWN = 8
_RENAMED = "give it its title back in Encord, or change the title in the set-up file"
_IN_SETTINGS = "change it in Encord: the project's Settings, Team"


def plan(declared: Declaration, observed: Observed) -> list[Change]:
    """At least one line for every declared object, with what to do about it."""
    return [
        *_metadata(declared, observed),
        *(change for folder in declared.all_folders() for change in _folder(folder, observed)),
        *_ontology(declared, observed),
        *(change for dataset in declared.datasets for change in _dataset(dataset, observed)),
        *_telling_titles(declared.benchmark.dataset, observed),
        *(change for side in declared.projects for change in _project(side, declared, observed)),
    ]


def _metadata(declared: Declaration, observed: Observed) -> Iterator[Change]:
    for key, wanted in declared.metadata.items():
        subject, found = f"metadata key '{key}'", observed.metadata.get(key)
        spelt, seen = described_type(wanted), described_type(found) if found is not None else None
        missing = [value for value in wanted if value not in _options(found)] if isinstance(wanted, tuple) else []
        if seen is None:
            yield Change("create", subject, spelt, step=ExtendMetadata({key: wire_type(wanted)}))
        elif isinstance(wanted, tuple) and _options(found):
            if missing:
                step = ExtendMetadata({key: {"ty": "enum", "values": missing}})
                yield Change("change", subject, f"add the options {', '.join(missing)}", step=step)
            else:
                yield Change("unchanged", subject, spelt)
        elif seen != spelt:
            remedy = "Encord does not change the type of a key: name another key, or correct the set-up file"
            yield Change("drift", subject, f"is {seen} in Encord, {spelt} in the set-up file", remedy)
        else:
            yield Change("unchanged", subject, spelt)


def wire_type(wanted: MetadataType) -> object:
    """A declared type in the form of Encord's metadata schema."""
    if isinstance(wanted, tuple):
        return {"ty": "enum", "values": list(wanted)}
    return {"ty": "embedding", "size": wanted.embedding} if isinstance(wanted, Embedding) else wanted


def described_type(kind: object) -> str:
    """A declared or observed type in words."""
    if isinstance(kind, tuple | Embedding):
        kind = wire_type(kind)
    if not isinstance(kind, Mapping):
        return str(kind)
    if kind.get("ty") == "embedding":
        return f"embedding of {kind.get('size')} numbers"
    options = _options(kind)
    return f"one of {', '.join(options[:_OPTIONS_SHOWN])}{', ...' if len(options) > _OPTIONS_SHOWN else ''}"


def _options(kind: object) -> list[str]:
    return list(kind.get("values", ())) if isinstance(kind, Mapping) and kind.get("ty") == "enum" else []


def _folder(folder: DeclaredFolder, observed: Observed) -> Iterator[Change]:
    subject, seen = f"folder '{folder.path}'", observed.folders.get(folder.path)
    waiting = observed.waiting.get(folder.path, 0)
    if seen is None:
        in_step = f", in step with {folder.sync}" if folder.sync else ""
        yield Change("create", subject, f"make it{in_step}", step=MakeFolder(folder.path))
    elif seen.moved:
        remedy = "move it back in Encord, or change its path in the set-up file"
        yield Change("drift", subject, "lies in another folder now", remedy)
    else:
        yield _named(subject, seen, folder.path.rsplit("/", 1)[-1])
    if seen is not None and folder.sync and seen.synced_with != folder.sync:
        now = f"is in step with {seen.synced_with}" if seen.synced_with else "is an ordinary folder"
        remedy = "Encord does not change that of a folder: name another path, or correct 'sync' in the set-up file"
        yield Change("fault", subject, f"{now}, not in step with {folder.sync}", remedy)
        waiting = 0
    yield from _described(subject, folder, seen)
    yield from _shared(subject, folder, seen, observed)
    if waiting:
        verb = f"sync it with {folder.sync}" if folder.sync else f"register {waiting:,} items"
        message = f"upload {waiting:,} items" if folder.upload is not None else verb
        yield Change("change", subject, message, step=FillFolder(folder.path))


def _described(subject: str, folder: DeclaredFolder, seen: SeenFolder | None) -> Iterator[Change]:
    known = seen.metadata if seen is not None else {}
    missing = {key: value for key, value in folder.metadata.items() if key not in known}
    if missing:
        yield Change(
            "change", subject, f"say in its metadata: {', '.join(missing)}", step=DescribeFolder(folder.path, missing)
        )
    for key, value in folder.metadata.items():
        if key in known and known[key] != value:
            remedy = "change it in Encord, or correct the set-up file"
            yield Change("drift", subject, f"metadata '{key}' is {known[key]!r}, not {value!r}", remedy)


def _shared(subject: str, folder: DeclaredFolder, seen: SeenFolder | None, observed: Observed) -> Iterator[Change]:
    known = seen.groups if seen is not None else {}
    for role in sorted(set(folder.groups.values())):
        wanted = sorted(group for group, theirs in folder.groups.items() if theirs == role and group not in known)
        new = tuple(group for group in wanted if observed.groups.get(group) == 1)
        if new:
            step = ShareFolder(folder.path, role, new)
            yield Change("change", subject, f"let groups use it as {role}: {', '.join(new)}", step=step)
        for group in wanted:
            count = observed.groups.get(group, 0)
            if count != 1:
                message = (
                    f"there are {count} groups '{group}' in the organisation"
                    if count
                    else f"there is no group '{group}' in the organisation"
                )
                yield Change("fault", subject, message, "make it in Encord, or correct 'groups' in the set-up file")
    for group, role in sorted(folder.groups.items()):
        if known.get(group, role) != role:
            remedy = "change it in Encord: the folder's settings, Access"
            yield Change("drift", subject, f"group '{group}' is {known[group]}, not {role}", remedy)


def _ontology(declared: Declaration, observed: Observed) -> Iterator[Change]:
    wanted, seen = declared.ontology, observed.ontology
    title = wanted.title or (seen.title if seen else str(wanted.hash))
    subject = f"ontology '{title}'"
    if seen is None:
        yield Change("create", subject, "make it", step=MakeOntology())
        return
    differing = differences(wanted.structure, seen.structure) if wanted.structure is not None else []
    remedy = "edit the ontology in Encord, or correct the set-up file: labels hang on it, so it is not changed for you"
    for difference in differing:
        yield Change("drift", subject, difference, remedy)
    named = _named(subject, seen, title)
    if named.kind == "drift" or not differing:
        yield named


def _dataset(dataset: DeclaredDataset, observed: Observed) -> Iterator[Change]:
    subject, seen = f"dataset '{dataset.title}'", observed.datasets.get(dataset.title)
    coming = any(observed.waiting.get(path) or path not in observed.folders for path in dataset.folders)
    if seen is None:
        yield Change("create", subject, "make it", step=MakeDataset(dataset.title))
    else:
        yield _named(subject, seen, dataset.title)
    if seen is not None and seen.foreign:
        remedy = "remove them from the dataset in Encord, or name their folder in the set-up file"
        yield Change("drift", subject, f"holds {seen.foreign:,} data units of other folders", remedy)
    if seen is not None and seen.shared:
        remedy = "remove them from the production dataset in Encord: people must meet them as benchmark tasks alone"
        yield Change("fault", subject, f"holds {seen.shared:,} items of the benchmark dataset", remedy)
    if dataset.folders and (seen is None or coming or seen.unlinked):
        known = seen is not None and not coming
        message = (
            f"link {seen.unlinked:,} items" if known and seen else "link the items of " + ", ".join(dataset.folders)
        )
        yield Change("change", subject, message, step=LinkItems(dataset.title))


def _telling_titles(benchmark: DeclaredDataset, observed: Observed) -> Iterator[Change]:
    """Notices about titles that reveal benchmark items.

    People in the production project can read the titles of its datasets, and of the data units they label.
    """
    subject = f"dataset '{benchmark.title}'"
    if gives_away(benchmark.title):
        remedy = "call it as you would call any dataset: who is in the production project can read its title"
        yield Change("notice", subject, "its title tells annotators what it is", remedy)
    if observed.telling:
        message = (
            f"{len(observed.telling):,} of its titles tell annotators what they label: '{observed.telling[0]}', ..."
        )
        yield Change("notice", subject, message, "give the items titles like those of the others")


def _project(side: ProjectSide, declared: Declaration, observed: Observed) -> Iterator[Change]:
    wanted, seen = declared.projects[side], observed.projects.get(side)
    subject = f"{side} project '{wanted.title}'"
    if seen is None:
        attached = ", ".join(f"'{dataset.title}'" for dataset in declared.datasets_of(side))
        message = f"make it from template {wanted.workflow_template} with {attached}"
        yield Change("create", subject, message, step=MakeProject(side))
        yield from _people(subject, side, wanted.users, {})
        return
    yield _named(subject, seen, wanted.title)
    if observed.ontology is not None and seen.ontology != observed.ontology.uuid:
        message = f"has ontology {seen.ontology}, the set-up {observed.ontology.uuid}"
        remedy = "both projects need the set-up's ontology: switch it in the project's Settings, or name it in the file"
        yield Change("fault", subject, message, remedy)
    yield from _attached(subject, side, declared, observed, seen)
    yield from _people(subject, side, wanted.users, seen.users)
    if side == "production":
        for fault in check_workflow(declared.service.stages, seen.stages):
            yield Change("fault", subject, fault.message, fault.remedy)


def _attached(
    subject: str, side: ProjectSide, declared: Declaration, observed: Observed, seen: SeenProject
) -> Iterator[Change]:
    wanted = {dataset.title: observed.datasets.get(dataset.title) for dataset in declared.datasets_of(side)}
    missing = tuple(title for title, dataset in wanted.items() if dataset is None or dataset.uuid not in seen.datasets)
    if missing:
        listed = ", ".join(f"'{title}'" for title in missing)
        yield Change("change", subject, f"attach dataset {listed}", step=AttachDatasets(side, missing))
    known = {dataset.uuid for dataset in wanted.values() if dataset is not None}
    for uuid, title in seen.datasets.items():
        if uuid not in known and side == "benchmark":
            remedy = "the benchmark project must hold the benchmark dataset alone: detach the other one in Encord"
            yield Change("fault", subject, f"has dataset '{title}' ({uuid}) as well", remedy)
        elif uuid not in known:
            remedy = "detach it in Encord, or list it under 'production.datasets'"
            yield Change("drift", subject, f"has dataset '{title}' ({uuid}) as well", remedy)


def _people(subject: str, side: ProjectSide, wanted: Mapping[str, str], seen: Mapping[str, str]) -> Iterator[Change]:
    for role in sorted(set(wanted.values())):
        new = tuple(sorted(email for email, theirs in wanted.items() if theirs == role and email not in seen))
        if new:
            yield Change("change", subject, f"add as {role}: {', '.join(new)}", step=AddPeople(side, role, new))
    for email, role in sorted(wanted.items()):
        if seen.get(email, role) != role:
            yield Change("drift", subject, f"{email} is {seen[email]}, not {role}", _IN_SETTINGS)


def _named(subject: str, seen: Thing, title: str) -> Change:
    if seen.title != title:
        return Change("drift", subject, f"is called '{seen.title}' in Encord now ({seen.uuid})", _RENAMED)
    return Change("unchanged", subject, seen.uuid)
