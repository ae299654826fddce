"""An export folder that is complete exactly when `manifest.json` is there and names every file.

New files are written to a hidden folder. When all are complete, the old manifest is deleted, the files are moved to
their places, files that only the old manifest names are deleted, and the new manifest is written. Other files in the
folder, such as images that a user has put there, are left alone.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import orjson

from benchmark_qa.errors import RefusalError

MANIFEST = "manifest.json"
_PARTIAL = ".partial"
_UNDER_WAY = ".publishing"
"""Lists the old and new files of the folder while they are replaced"""


class NotAnExport(RefusalError):
    """The folder cannot hold an export; the message says why."""


def checked_folder(path: Path) -> Path:
    """The absolute path of a folder that an export may be written to; it need not exist.

    Raises:
        NotAnExport: it is a file, the root, or holds another manifest, whose files would be deleted.
    """
    whole = Path(os.path.realpath(path))
    if not whole.name:
        raise NotAnExport(f"{path} is the root of the file system: name a folder in it")
    if whole.exists() and not whole.is_dir():
        raise NotAnExport(f"{path} is not a folder")
    manifest = whole / MANIFEST
    if manifest.exists() and not _is_ours(manifest):
        raise NotAnExport(f"{path} holds a {MANIFEST} that is not an export's: name another folder")
    return whole


class OutputFolder:
    """The files of one export."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sums: dict[str, str] = {}
        """SHA-256 of every complete file by its path"""
        self._outdated: set[str] = set()
        self._partial = path / _PARTIAL
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir(parents=True)

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """A new file, complete when the block ends without an error."""
        place = self._partial / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as file:
            hashing = _HashingFile(file)
            yield hashing  # type: ignore[misc]
        self.sums[path] = hashing.digest.hexdigest()

    def outdate(self, path: str) -> None:
        """When the export is published, delete what other tools have derived from the files of the last one."""
        self._outdated.add(path)

    @contextmanager
    def spool(self) -> Iterator[BinaryIO]:
        """A temporary file."""
        with tempfile.TemporaryFile(dir=self._partial) as file:
            yield file

    def below(self, folder: str) -> "Below":
        """The same interface for files in a subfolder."""
        return Below(self, folder)

    def publish(self, manifest: bytes) -> None:
        """Move every file to its place, and write the manifest last."""
        place, under_way = self.path / MANIFEST, self.path / _UNDER_WAY
        # A run after a kill in the middle must know the old files and the new ones.
        before = _files_of(place) | _files_of(under_way)
        _write_whole(under_way, orjson.dumps({"files": sorted(before | self.sums.keys())}))
        place.unlink(missing_ok=True)
        for name in self.sums:
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(self._partial / name, target)
        for name in (before | self._outdated) - self.sums.keys():
            (self.path / name).unlink(missing_ok=True)
        _write_whole(place, manifest)
        under_way.unlink()
        self.discard()

    def discard(self) -> None:
        """Delete what is not published."""
        shutil.rmtree(self._partial, ignore_errors=True)


class Below:
    """Files in a subfolder of the output."""

    def __init__(self, output: OutputFolder, folder: str) -> None:
        self._output, self._folder = output, folder

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """A new file, complete when the block ends without an error."""
        with self._output.open(f"{self._folder}/{path}") as file:
            yield file

    def outdate(self, path: str) -> None:
        """When the export is published, delete what other tools have derived from the files of the last one."""
        self._output.outdate(f"{self._folder}/{path}")

    @contextmanager
    def spool(self) -> Iterator[BinaryIO]:
        """A temporary file."""
        with self._output.spool() as file:
            yield file


class _HashingFile:
    """A file that hashes what is written to it; it is written once, from start to end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _write_whole(place: Path, content: bytes) -> None:
    waiting = place.with_name(f"{place.name}.new")
    with waiting.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(waiting, place)


def _is_ours(manifest: Path) -> bool:
    try:
        said = orjson.loads(manifest.read_bytes())
    except ValueError:
        return False
    return isinstance(said, dict) and "manifest_version" in said and isinstance(said.get("files"), dict)


def _files_of(manifest: Path) -> set[str]:
    """The files of the previous export; only names inside the folder."""
    try:
        files = orjson.loads(manifest.read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {
        name
        for name in files
        if isinstance(name, str) and not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts
    }
