"""A folder of files that is whole or says that it is not: `manifest.json` is there only when every file it names is.

Files grow in a hidden folder beside their places. When all are complete, the old manifest goes, the files move to their
places, what only the old manifest names goes, and the new manifest comes. Other files in the folder (the pixels that
somebody has put there) are left alone.
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

MANIFEST = "manifest.json"
_PARTIAL = ".partial"
_UNDER_WAY = ".publishing"
"""Names the files that are or were in the folder while they are replaced"""


class OutputFolder:
    """The files of one export."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sums: dict[str, str] = {}
        """SHA-256 of every complete file by its path"""
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

    @contextmanager
    def spool(self) -> Iterator[BinaryIO]:
        """A file for the time being."""
        with tempfile.TemporaryFile(dir=self._partial) as file:
            yield file

    def below(self, folder: str) -> "Below":
        """The same, for files below a folder of it."""
        return Below(self, folder)

    def publish(self, manifest: bytes) -> None:
        """Put every file in its place, and the manifest last."""
        place, under_way = self.path / MANIFEST, self.path / _UNDER_WAY
        # Whoever goes on after a kill in the middle must know of the old files and of the new ones.
        before = _files_of(place) | _files_of(under_way)
        _write_whole(under_way, orjson.dumps({"files": sorted(before | self.sums.keys())}))
        place.unlink(missing_ok=True)
        for name in self.sums:
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(self._partial / name, target)
        for name in before - self.sums.keys():
            (self.path / name).unlink(missing_ok=True)
        _write_whole(place, manifest)
        under_way.unlink()
        self.discard()

    def discard(self) -> None:
        """Forget what is not published."""
        shutil.rmtree(self._partial, ignore_errors=True)


class Below:
    """Files below a folder of the output."""

    def __init__(self, output: OutputFolder, folder: str) -> None:
        self._output, self._folder = output, folder

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """A new file, complete when the block ends without an error."""
        with self._output.open(f"{self._folder}/{path}") as file:
            yield file

    @contextmanager
    def spool(self) -> Iterator[BinaryIO]:
        """A file for the time being."""
        with self._output.spool() as file:
            yield file


class _HashingFile:
    """A file that sums up what is written to it; it is written once, from front to back."""

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


def _files_of(manifest: Path) -> set[str]:
    """The files of the export that was here before; only names that lead to somewhere below the folder."""
    try:
        files = orjson.loads(manifest.read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {
        name
        for name in files
        if isinstance(name, str) and not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts
    }
