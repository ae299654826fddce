"""Read the set-up file and the contents it names for folders: registration files and local files."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmark_qa.commands.register.command import checked, make_data_groups_in, register_in
from benchmark_qa.commands.register.directory import DATA_GROUPS, PART_PATTERN, all_entries, registration_files
from benchmark_qa.commands.register.upload_command import describe_local_files
from benchmark_qa.terminal.failures import refuse

if TYPE_CHECKING:
    from benchmark_qa.commands.register.check import RegisteredEntry
    from benchmark_qa.commands.register.steps import Registered
    from benchmark_qa.commands.setup.declaration import Declaration
    from benchmark_qa.commands.setup.observe import Contents, FolderSource, ProgressBar
    from benchmark_qa.encord_api.uploads import Storage, UploadFolder


def read_setup(path: Path) -> "Declaration":
    """The set-up of a file, with the ontology's structure from another file if named.

    Faults end the command.
    """
    from pydantic import ValidationError

    from benchmark_qa.commands.setup.declaration import DeclarationError, read_declaration
    from benchmark_qa.commands.setup.structure import Structure
    from benchmark_qa.config.explain import explain

    try:
        declared = read_declaration(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        refuse(f"{path}: {error.strerror}; 'benchmark-qa setup init {path}' writes an example")
    except UnicodeDecodeError:
        refuse(f"{path}: is not text in UTF-8")
    except DeclarationError as error:
        refuse(f"{path} is not usable:", *(f"  {line}" for line in str(error).splitlines()))
    if declared.ontology.file is None:
        return declared
    file = path.parent / declared.ontology.file
    try:
        structure = Structure.model_validate(json.loads(file.read_bytes()))
    except ValidationError as error:
        refuse(f"{file} is not usable:", *(f"  {line}" for line in explain(error, Structure).splitlines()))
    except (OSError, ValueError, RecursionError) as error:
        refuse(f"{path} is not usable:", f"  ontology.file: {file}: {error}")
    ontology = declared.ontology.model_copy(update={"structure": structure})
    return declared.model_copy(update={"ontology": ontology})


def sources_of(declared: "Declaration", directory: Path, scratch: ExitStack) -> "dict[str, FolderSource]":
    """The contents to put into each folder, checked; faults end the command.

    Args:
        declared: the set-up.
        directory: base of its relative paths.
        scratch: removes temporary files.
    """
    sources: dict[str, FolderSource] = {}
    for index, folder in enumerate(declared.folders):
        if folder.sync is not None:
            sources[folder.path] = SyncSource()
        elif folder.integration is not None:
            named = [directory / path for path in folder.registration]
            _require(f"folders.{index}.registration", named)
            sources[folder.path] = RegistrationSource(named, folder.integration)
        elif folder.upload is not None:
            _require(f"folders.{index}.upload", [directory / folder.upload])
            scratch_directory = scratch.enter_context(TemporaryDirectory(prefix="benchmark-qa-"))
            sources[folder.path] = upload_source(directory / folder.upload, Path(scratch_directory))
    return sources


def _require(key: str, places: list[Path]) -> None:
    for place in places:
        if not place.exists():
            refuse(f"{key}: {place}: there is no such file or folder")
        if key.endswith("registration") and place.is_dir() and not any(place.glob(PART_PATTERN)):
            refuse(f"{key}: {place} holds no registration file, as 'benchmark-qa register build --out' writes them")


@dataclass
class RegistrationSource:
    """Registration files of objects in a bucket."""

    named: list[Path]
    integration: str
    in_cloud: bool = True

    def __post_init__(self) -> None:
        self._files = registration_files(self.named)
        self._total = sum(checked(path)[0] for path in self._files)

    def entries(self) -> "Iterator[RegisteredEntry]":
        """Every entry of every file."""
        from benchmark_qa.commands.register.check import registered_entries

        for path in self._files:
            with path.open(encoding="utf-8-sig") as text:
                yield from registered_entries(text)

    def data_groups(self) -> list[str]:
        """Titles of the groups to make from items."""
        lists = [path / DATA_GROUPS for path in self.named if (path / DATA_GROUPS).is_file()]
        return [json.loads(line)["title"] for path in lists for line in path.read_bytes().splitlines()]

    def waiting(self, contents: "Contents | None") -> int:
        """Number of entries without a matching item in the folder."""
        from benchmark_qa.commands.setup.observe import waiting_items

        return waiting_items(self, contents)

    def fill(
        self,
        storage: "Storage",
        folder: "UploadFolder",
        is_there: "Callable[[RegisteredEntry], bool]",  # noqa: ARG002 - the notes beside the files know it, and Encord itself
        bar: "ProgressBar",
    ) -> "Registered":
        """Register everything, skipping existing items, and make the data groups."""
        uuid = storage.integration(self.integration)
        with bar(f"registering in {folder.title}", self._total) as progress:
            outcome = register_in(folder, self._files, integration=uuid, progress=progress)
        return outcome + make_data_groups_in(folder, self.named)


@dataclass
class SyncSource:
    """The bucket that Encord syncs the folder with: only Encord knows its contents."""

    in_cloud: bool = True

    def entries(self) -> "Iterator[RegisteredEntry]":
        """Empty: the entries are not known here."""
        return iter(())

    def data_groups(self) -> list[str]:
        """Empty."""
        return []

    def waiting(self, contents: "Contents | None") -> int:
        """1 for a folder that has not been synced yet, which is empty; `register sync` does later syncs."""
        return 0 if contents is not None and contents.items else 1

    def fill(
        self,
        storage: "Storage",  # noqa: ARG002 - of every source
        folder: "UploadFolder",
        is_there: "Callable[[RegisteredEntry], bool]",  # noqa: ARG002
        bar: "ProgressBar",
    ) -> "Registered":
        """Sync the folder and wait for the end."""
        from benchmark_qa.commands.register.steps import sync

        with bar(f"syncing {folder.title}", 0) as progress:
            return sync(folder, progress)


@dataclass
class UploadSource:
    """Local files."""

    source: Path
    root: Path
    described: Path
    """Directory of the registration files made for them"""
    total: int
    in_cloud: bool = False

    def entries(self) -> "Iterator[RegisteredEntry]":
        """Every file, group and series."""
        return all_entries(self.described) if self.total else iter(())

    def data_groups(self) -> list[str]:
        """Empty: data groups cannot be made from uploads."""
        return []

    def waiting(self, contents: "Contents | None") -> int:
        """Number of entries without a matching item in the folder."""
        from benchmark_qa.commands.setup.observe import waiting_items

        return waiting_items(self, contents)

    def fill(
        self,
        storage: "Storage",
        folder: "UploadFolder",
        is_there: "Callable[[RegisteredEntry], bool]",
        bar: "ProgressBar",
    ) -> "Registered":
        """Upload what the notes do not have; without notes, what has no matching item in the folder."""
        from benchmark_qa.commands.register.uploading import upload
        from benchmark_qa.terminal.files import Journal

        notes = self.source.with_name(f"{self.source.name}.progress")
        known = notes.exists()
        registered_entries = (entry for entry in self.entries() if known or not is_there(entry))
        with closing(Journal(notes)) as journal, bar(f"uploading to {folder.title}", self.total) as progress:
            return upload(storage, folder, self.root, registered_entries, journal, progress=progress)


def upload_source(source: Path, described: Path) -> UploadSource:
    """Local files, described by registration files in a directory that must exist as long as the source."""
    from benchmark_qa.commands.register.rows import ManifestRules

    place = Path(os.path.realpath(source))
    if not place.exists():
        refuse(f"{source}: there is no such file or folder")
    root = place if place.is_dir() else place.parent
    return UploadSource(
        place, root, described, describe_local_files(str(place), root, ManifestRules(location=None), described)
    )
