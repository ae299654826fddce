"""Folders and buckets as manifests: a row per object, by a file system that is handed in (fsspec's interface)."""

from collections.abc import Iterator
from typing import Any, Protocol

from benchmark_qa.commands.register.kinds import kind_by_name
from benchmark_qa.commands.register.manifest import Row, Rows


class FileSystem(Protocol):
    """As much of fsspec's `AbstractFileSystem` as a listing needs."""

    def walk(self, path: str, *, detail: bool) -> Iterator[tuple[str, Any, Any]]:
        """Folders below a path with the names of what is in each."""


def listed_rows(file_system: FileSystem, root: str, url_column: str) -> Rows:
    """A row per object below `root` whose ending tells what it is, the URL being its path below `root`.

    Folders are read one at a time, and the names of each are sorted: the same bucket gives the same rows.
    """
    root = root.rstrip("/")
    line = 0
    for folder, _, names in file_system.walk(root, detail=False):
        below = folder.rstrip("/").removeprefix(root).strip("/")
        for name in sorted(names):
            if kind_by_name(name) is not None:
                line += 1
                yield Row(line, {url_column: f"{below}/{name}" if below else name})
