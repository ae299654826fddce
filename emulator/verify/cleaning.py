"""Cleaning up after a run, whatever has ended it: what the SDK can delete is deleted, the rest archived and told."""

from collections.abc import Callable, Iterable

from encord import EncordUserClient
from encord.exceptions import EncordException
from encord.orm.project import ProjectStatus

from emulator.verify.journal import Journal, Kind

MOST_AT_A_TIME = 100


def clean(journal: Journal, client: EncordUserClient, say: Callable[[str], None]) -> int:
    """Deletes the run's items and folders, archives its projects, and tells what is left; returns how much that is."""
    _find_what_was_intended(journal, client)
    for uuid in reversed(journal.of_kind("folder")):
        _delete_folder(client, uuid)
    left = 0
    for uuid in journal.of_kind("project"):
        project = client.get_project(uuid)
        if project.status != ProjectStatus.ARCHIVED:
            project.set_status(ProjectStatus.ARCHIVED)
        say(f"left: project {uuid} {project.title!r}, archived")
        left += 1
    kinds: tuple[Kind, ...] = ("dataset", "ontology")
    for kind in kinds:
        for uuid in journal.of_kind(kind):
            say(f"left: {kind} {uuid}{', empty' if kind == 'dataset' else ''}")
            left += 1
    if left:
        say(f"The SDK deletes no projects, datasets and ontologies: delete what is called {journal.mark!r} by hand.")
    return left


def _delete_folder(client: EncordUserClient, uuid: str) -> None:
    """A folder that an earlier cleaning has deleted is gone already."""
    try:
        folder = client.get_storage_folder(uuid)
    except EncordException:
        return
    items = [item.uuid for item in folder.list_items()]
    for start in range(0, len(items), MOST_AT_A_TIME):
        folder.delete_storage_items(items[start : start + MOST_AT_A_TIME])
    folder.delete()


def _find_what_was_intended(journal: Journal, client: EncordUserClient) -> None:
    """The run may have been killed between a request and the note of what it has made: titles are unique."""
    searches: dict[Kind, Callable[[str], Iterable[tuple[str, str]]]] = {
        "folder": lambda title: ((f.name, str(f.uuid)) for f in client.list_storage_folders(search=title)),
        "project": lambda title: ((p.title, p.project_hash) for p in client.list_projects(title_eq=title)),
        "dataset": lambda title: (
            (found["dataset"].title, found["dataset"].dataset_hash) for found in client.get_datasets(title_eq=title)
        ),
        "ontology": lambda title: (
            (found["ontology"].title, found["ontology"].ontology_hash)
            for found in client.get_ontologies(title_eq=title)
        ),
    }
    for kind, search in searches.items():
        # What was noted as made was noted in the order of the intents; of a kind only the last can be missing.
        if len(journal.titles(kind)) > len(journal.of_kind(kind)):
            for title in journal.titles(kind):
                for name, uuid in search(title):
                    if name == title:
                        journal.made(kind, uuid)
