"""List the files of a local folder or of one of five cloud storages as rows of a manifest."""

import os
import re
import stat
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from benchmark_qa.commands.register.kinds import HEAD, RegisteredKind, has_ending, kind_by_content, kind_by_name
from benchmark_qa.commands.register.manifest import ManifestRow, Rows
from benchmark_qa.commands.register.uploading import UNKNOWN_KIND, LeftOut

LINK = "a link, which is not followed"


OF_MACOS = "written by macOS beside the files themselves"


UNREADABLE = "cannot be read"


_MACOS_FOLDER = "__MACOSX"


_MACOS_FILE = "._"


class FileSystem(Protocol):
    """The part of fsspec's `AbstractFileSystem` that a listing needs."""

    def walk(self, path: str, *, detail: bool) -> Iterator[tuple[str, Any, Any]]:
        """Folders below a path, with the names in each."""


class LocalFolders:
    """Local folders with the interface of fsspec. Links are noted and not followed."""

    def __init__(self, left_out: LeftOut) -> None:
        self._left_out = left_out

    def walk(self, path: str, *, detail: bool) -> Iterator[tuple[str, Any, Any]]:  # noqa: ARG002 - fsspec's interface
        """Folders below a path, with the names in each."""

        def refused(error: OSError) -> None:
            self._left_out.add(UNREADABLE, os.path.relpath(error.filename, path))

        for folder, folders, names in os.walk(path, onerror=refused):
            folders.sort()
            for name in [name for name in folders if Path(folder, name).is_symlink()]:
                self._left_out.add(LINK, os.path.relpath(Path(folder, name), path))
            yield folder, folders, [name for name in sorted(names) if self._is_file(Path(folder, name), path)]

    def _is_file(self, file: Path, root: str) -> bool:
        mode = file.lstat().st_mode
        if not stat.S_ISREG(mode):
            self._left_out.add(LINK if stat.S_ISLNK(mode) else "no regular file", os.path.relpath(file, root))
        return stat.S_ISREG(mode)


def listed_rows(file_system: FileSystem, root: str, url_column: str, left_out: LeftOut) -> Rows:
    """A row per file below `root` of a known kind, by name or content; its URL is the path below `root`.

    Folders are read one at a time, and the names of each are sorted: the same bucket gives the same rows. The content
    of objects in a bucket is not read.
    """
    local = isinstance(file_system, LocalFolders)
    root = root.rstrip("/") or root
    line = 0
    for folder, _, names in file_system.walk(root, detail=False):
        below = folder.rstrip("/").removeprefix(root).strip("/")
        if _MACOS_FOLDER in below.split("/"):
            for name in names:
                left_out.add(OF_MACOS, f"{below}/{name}")
            continue
        for name in sorted(names):
            path = f"{below}/{name}" if below else name
            if name.startswith(_MACOS_FILE):
                left_out.add(OF_MACOS, path)
                continue
            file = Path(folder, name) if local else None
            try:
                kind = kind_of(name, file)
            except OSError:
                left_out.add(UNREADABLE, path)
                continue
            if kind is None:
                left_out.add(UNKNOWN_KIND, path)
                continue
            line += 1
            yield ManifestRow(line, {url_column: path}, file)


def kind_of(name: str, file: Path | None) -> RegisteredKind | None:
    """The kind of a file by its extension, or by its content if the extension does not tell.

    A file with an unknown extension can only be DICOM, whose files may have any name: many raw camera pictures begin
    like TIFF.
    """
    known = kind_by_name(name)
    if known is not None or file is None:
        return known
    with file.open("rb") as content:
        found = kind_by_content(content.read(HEAD))
    return found if found is RegisteredKind.DICOM_SERIES or not has_ending(name) else None


class Location(StrEnum):
    """The storage of the objects."""

    S3 = "s3"
    GCS = "gcs"
    AZURE = "azure"
    OTC = "otc"
    S3_MULTI_REGION = "s3-multi-region"

    @property
    def example(self) -> str:
        """An example of an object's URL."""
        return _EXAMPLES[self]


_EXAMPLES = {
    Location.S3: "https://BUCKET.s3.REGION.amazonaws.com/KEY or s3://BUCKET/KEY",
    Location.GCS: "gs://BUCKET/KEY or https://storage.googleapis.com/BUCKET/KEY",
    Location.AZURE: "https://ACCOUNT.blob.core.windows.net/CONTAINER/KEY",
    Location.OTC: "https://BUCKET.obs.REGION.otc.t-systems.com/KEY",
    Location.S3_MULTI_REGION: (
        "https://ALIAS.mrap.accesspoint.s3-global.amazonaws.com/KEY or s3://arn:aws:s3::ACCOUNT:accesspoint/ALIAS.mrap/KEY"
    ),
}


_FORMS: dict[Location, re.Pattern[str]] = {
    Location.S3_MULTI_REGION: re.compile(
        r"https://[a-z0-9]+\.mrap\.accesspoint\.s3-global\.amazonaws\.com/.+"
        r"|s3://arn:aws[a-z-]*:s3::\d{12}:accesspoint/[a-z0-9]+\.mrap/.+"
    ),
    Location.S3: re.compile(
        r"https://(?![^/]*\.accesspoint\.s3-global\.)(?:[a-z0-9.-]+\.)?s3(?:[.-][a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?/.+|s3://[a-z0-9][a-z0-9.-]+/.+"
    ),
    Location.GCS: re.compile(
        r"gs://[a-z0-9][a-z0-9._-]+/.+|https://storage\.(?:googleapis|cloud\.google)\.com/[^/]+/.+"
        r"|https://[a-z0-9._-]+\.storage\.googleapis\.com/.+"
    ),
    Location.AZURE: re.compile(
        r"https://[a-z0-9-]+\.blob\.core\.(?:windows\.net|chinacloudapi\.cn|usgovcloudapi\.net)/[^/]+/.+"
    ),
    Location.OTC: re.compile(r"https://(?:[a-z0-9.-]+\.)?obs\.[a-z0-9-]+\.otc\.t-systems\.com/.+"),
}


def is_at(url: str, location: Location) -> bool:
    """Whether the URL has the form of that storage."""
    return _FORMS[location].fullmatch(url) is not None


def object_url(base: str, path: str) -> str:
    """The URL of the object at a path below a base URL.

    Paths are percent-encoded in `https` URLs, where a space or `#` has another meaning; `s3://` and `gs://` use keys
    unchanged.
    """
    separator = "" if base.endswith("/") else "/"
    return f"{base}{separator}{quote(path) if base.startswith('https://') else path}"
