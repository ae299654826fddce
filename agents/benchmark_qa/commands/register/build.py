"""Build registration files from a manifest. Rows wait on disk to be sorted, so memory stays constant."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import Any, BinaryIO, NamedTuple, Protocol

import orjson
from encord.orm.storage import (
    DataUploadAudio,
    DataUploadDicomSeries,
    DataUploadDicomSeriesDicomFile,
    DataUploadImage,
    DataUploadImageGroup,
    DataUploadImageGroupImage,
    DataUploadNifti,
    DataUploadPDF,
    DataUploadText,
    DataUploadVideo,
)
from pydantic import ValidationError

from benchmark_qa.commands.register.check import repeated_urls, scratch_database
from benchmark_qa.commands.register.dicom import DicomSlice, NoSlice, slice_order
from benchmark_qa.commands.register.entries import LONGEST_NAME, entry_of
from benchmark_qa.commands.register.errors import EntryError, Faults, ManifestRefused
from benchmark_qa.commands.register.files import Limits, PartWriter
from benchmark_qa.commands.register.kinds import RegisteredKind
from benchmark_qa.commands.register.manifest import Rows, Unreadable
from benchmark_qa.commands.register.rows import File, ManifestRules, RowReader, natural_key, path_of
from benchmark_qa.commands.register.uploading import LeftOut
from benchmark_qa.config.explain import explain
from benchmark_qa.encord_api.models import Model

_ROWS_AT_A_TIME = 2_000

_KEYS: dict[RegisteredKind, str] = {
    RegisteredKind.VIDEO: "videos",
    RegisteredKind.IMAGE: "images",
    RegisteredKind.IMAGE_GROUP: "image_groups",
    RegisteredKind.IMAGE_SEQUENCE: "image_groups",
    RegisteredKind.DICOM_SERIES: "dicom_series",
    RegisteredKind.NIFTI: "nifti",
    RegisteredKind.AUDIO: "audio",
    RegisteredKind.TEXT: "text",
    RegisteredKind.HTML: "text",
    RegisteredKind.PDF: "pdfs",
}
"""Keys by kind, in the order of writing: kinds that share a key are next to each other"""
_ORDER = {kind: number for number, kind in enumerate(_KEYS)}
_KINDS = list(_KEYS)

_SINGLE: dict[RegisteredKind, type[Any]] = {
    RegisteredKind.VIDEO: DataUploadVideo,
    RegisteredKind.IMAGE: DataUploadImage,
    RegisteredKind.NIFTI: DataUploadNifti,
    RegisteredKind.AUDIO: DataUploadAudio,
    RegisteredKind.TEXT: DataUploadText,
    RegisteredKind.HTML: DataUploadText,
    RegisteredKind.PDF: DataUploadPDF,
}

_SCHEMA = """
CREATE TABLE files (
    kind INTEGER, item_group TEXT, place TEXT, line INTEGER, url TEXT,
    entry BLOB, said_title TEXT, title TEXT, metadata BLOB, data_group TEXT, slice BLOB
)"""


class _Part(NamedTuple):
    """A row of the table, with the columns in the order of `_ORDERED`."""

    kind: int
    item_group: str
    line: int
    url: str
    entry: bytes | None
    said_title: str | None
    title: str | None
    metadata: bytes | None
    slice: bytes | None


_ORDERED = (
    "SELECT kind, item_group, line, url, entry, said_title, title, metadata, slice FROM files"
    " ORDER BY kind, item_group, place, line"
)
_TITLES_OF_SEVERAL = (
    "SELECT title FROM (SELECT item_group, MIN(COALESCE(said_title, title)) AS title FROM files WHERE slice IS NOT NULL"
    " GROUP BY item_group) GROUP BY title HAVING COUNT(*) > 1"
)
"""Titles that more than one DICOM series would get"""


class Destination(Protocol):
    """The place that a build writes to; it must discard the files of a refused build."""

    def part(self, number: int) -> BinaryIO:
        """Open the registration file with this number, from 1."""

    def data_groups(self) -> BinaryIO:
        """Open the list of data groups."""


@dataclass(slots=True)
class Built:
    """Counts of what was built."""

    items: Counter[RegisteredKind] = field(default_factory=Counter)
    urls: int = 0
    parts: int = 0
    data_groups: int = 0
    notes: list[str] = field(default_factory=list)
    """Remarks about a manifest that was built"""


def build(
    rows: Rows,
    rules: ManifestRules,
    destination: Destination,
    *,
    skip_duplicate_urls: bool = True,
    limits: Limits | None = None,
    left_out: LeftOut | None = None,
) -> Built:
    """Write the registration files of a manifest.

    Args:
        rows: of the manifest. rules: how to read them. destination: where to write. skip_duplicate_urls: value for the
        files' setting about URLs that are registered already. limits: of one file; default: Encord's. left_out: for a
        listed folder: collects DICOM files without a slice. None, for a manifest: such a file is a fault.

    Raises:
        RulesError: the rules are invalid.
        MissingExtraError: a file needs an extra that is not installed to be read.
        ManifestRefused: with the line and the reason of each fault.
    """
    limits = limits or Limits()
    faults, reader, built = Faults(), RowReader(rules), Built()
    with scratch_database(_SCHEMA) as files:
        try:
            _load(files, _ready(rows, reader, faults, left_out), faults)
            for line, earlier in repeated_urls(files):
                faults.add(line, f"the same URL as on line {earlier:,}")
            faults.refuse()
            writer = PartWriter(destination.part, skip_duplicate_urls=skip_duplicate_urls, limits=limits)
            with closing(writer):
                several = {title for (title,) in files.execute(_TITLES_OF_SEVERAL)}
                writing = _Writing(writer, limits, faults, built, several, left_out)
                writing.write(map(_Part._make, files.execute(_ORDERED)))
            faults.refuse()
        except ManifestRefused as refused:
            refused.notes = reader.columns_in_words()
            raise
        built.parts, built.notes = writer.parts, reader.columns_in_words()
        built.data_groups = _write_data_groups(files, destination)
    return built


def _load(files: sqlite3.Connection, ready: Iterator[tuple[Any, ...]], faults: Faults) -> None:
    empty = True
    files.execute("BEGIN")
    while batch := list(islice(ready, _ROWS_AT_A_TIME)):
        files.executemany("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", batch)
        empty = False
    files.execute("COMMIT")
    if empty and not faults.total:
        faults.add(1, "the manifest names no file")


def _ready(rows: Rows, reader: RowReader, faults: Faults, left_out: LeftOut | None) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        if isinstance(row, Unreadable):
            faults.add(row.line, row.reason)
            continue
        try:
            file = reader.file(row.line, row.fields, row.local)
            yield _row_of_many(file) if file.kind.of_many_files else _row_of_one(file)
        except NoSlice as error:
            if left_out is None:
                faults.add(row.line, str(error))
            else:
                left_out.add(str(error), str(row.fields[reader.url_column]))
        except EntryError as error:
            faults.add(row.line, str(error))


def _row_of_one(file: File) -> tuple[Any, ...]:
    entry = _bytes(entry_of(_single_model(file)))
    return _ORDER[file.kind], "", "", file.line, file.url, entry, None, file.title, None, file.data_group, None


def _row_of_many(file: File) -> tuple[Any, ...]:
    metadata = _bytes(file.metadata) if file.metadata else None
    place = natural_key(path_of(file.url))
    kind, group, in_series = _ORDER[file.kind], file.group, None
    if file.slice is not None:
        # A series may be in several folders; files that do not name their series are grouped by folder.
        folder = "" if file.slice.series else path_of(file.url).rpartition("/")[0]
        group, in_series = f"{file.slice.series}\n{file.group or folder}", _bytes(file.slice.to_dict())
    return kind, group, place, file.line, file.url, None, file.said_title, file.title, metadata, None, in_series


def _single_model(file: File) -> Model:
    try:
        model: Model = _SINGLE[file.kind](
            object_url=file.url, title=file.title, client_metadata=file.metadata, **file.media
        )
    except ValidationError as error:
        place, _, said = explain(error).splitlines()[0].partition(": ")
        raise EntryError(f"{place.rpartition('.')[2]}: {said}") from None
    return model


def _bytes(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise EntryError(f"metadata: cannot be written as JSON: {error}") from None


@dataclass(frozen=True, slots=True)
class _Writing:
    """The second pass: turns sorted rows into entries."""

    writer: PartWriter
    limits: Limits
    faults: Faults
    built: Built
    several: set[str]
    """Titles that need the series UID added"""
    left_out: LeftOut | None

    def write(self, rows: Iterator[_Part]) -> None:
        """Write every item."""
        for (number, _), parts in groupby(rows, key=itemgetter(0, 1)):
            kind = _KINDS[number]
            if kind.of_many_files:
                self._group(kind, parts)
                continue
            for part in parts:
                assert part.entry is not None  # noqa: S101 - items of one file are stored whole
                self._add(kind, part.entry, 1)

    def _group(self, kind: RegisteredKind, parts: Iterator[_Part]) -> None:
        most = self.limits.urls
        group = list(islice(parts, most))
        excess = next(parts, None)
        if excess is not None:
            name = excess.item_group.strip("\n")
            self.faults.add(excess.line, f"group {name!r} has more than the {most:,} files a file can hold")
            return
        metadata = _agreed("metadata", [(part.line, part.metadata) for part in group], self.faults) or b"{}"
        title = _agreed("title", [(part.line, part.said_title) for part in group], self.faults) or group[0].title
        if kind is RegisteredKind.DICOM_SERIES and group[0].slice is not None:
            group, title = self._in_order(group), self._of_series(title or "", group[0])
        model = _group_model(kind, [part.url for part in group], title, orjson.loads(metadata))
        self._add(kind, _bytes(entry_of(model)), len(group))

    def _in_order(self, group: list[_Part]) -> list[_Part]:
        """The slices of a series in order, without duplicates."""
        slices = [DicomSlice.from_dict(orjson.loads(part.slice or b"{}")) for part in group]
        found: list[_Part] = []
        first: dict[str, _Part] = {}
        for at in slice_order(slices):
            part, instance = group[at], slices[at].instance
            if instance and instance in first:
                reason = "the same slice (SOPInstanceUID) as another file of its series"
                if self.left_out is None:
                    self.faults.add(part.line, f"{reason}: {first[instance].url!r}")
                else:
                    self.left_out.add(reason, part.url)
                continue
            first[instance] = part
            found.append(part)
        return found

    def _of_series(self, title: str, part: _Part) -> str:
        """The title of a series, with its UID if two series would have the same title."""
        series = str(orjson.loads(part.slice or b"{}").get("series", ""))
        return f"{title[: LONGEST_NAME - len(series) - 1]} {series}" if title in self.several and series else title

    def _add(self, kind: RegisteredKind, entry: bytes, urls: int) -> None:
        self.writer.add(_KEYS[kind], entry, urls)
        self.built.items[kind] += 1
        self.built.urls += urls


def _agreed(what: str, said: list[tuple[int, Any]], faults: Faults) -> Any:
    """The one value that a group's rows give, if any; every row that contradicts it is a fault."""
    given = sorted((line, value) for line, value in said if value is not None)
    if not given:
        return None
    first_line, agreed = given[0]
    for line, value in given:
        if value != agreed:
            faults.add(line, f"its {what} differs from that of line {first_line:,} of the same group")
    return agreed


def _group_model(kind: RegisteredKind, urls: list[str], title: str | None, metadata: dict[str, Any]) -> Model:
    if kind is RegisteredKind.DICOM_SERIES:
        files = [DataUploadDicomSeriesDicomFile(url=url, title=None) for url in urls]
        return DataUploadDicomSeries(dicom_files=files, title=title, client_metadata=metadata)
    images = [DataUploadImageGroupImage(url=url) for url in urls]
    return DataUploadImageGroup(
        images=images, title=title, client_metadata=metadata, create_video=kind is RegisteredKind.IMAGE_SEQUENCE
    )


def _write_data_groups(files: sqlite3.Connection, destination: Destination) -> int:
    """Write one line per data group: its title, and the URLs of its items in the manifest's order."""
    rows = files.execute("SELECT data_group, url FROM files WHERE data_group IS NOT NULL ORDER BY data_group, line")
    groups = groupby(rows, key=itemgetter(0))
    first = next(groups, None)
    if first is None:
        return 0
    count = 0
    with closing(destination.data_groups()) as out:
        for title, members in chain([first], groups):
            out.write(orjson.dumps({"title": title, "urls": [url for _, url in members]}) + b"\n")
            count += 1
    return count
