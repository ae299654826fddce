"""Read labels in another tool's format, from a file, a table (CSV, JSON lines, Parquet) or a folder."""

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

import orjson

from benchmark_qa.formats.coco_building import CocoDocument, FormatError, document_of_results, merged_coco
from benchmark_qa.formats.label_parts import ImageSize
from benchmark_qa.formats.separated_values import opened_table, with_decimal_point
from benchmark_qa.formats.table import format_of
from benchmark_qa.formats.table_reader import NUMBERS, document_of_rows
from benchmark_qa.terminal.files import ExportError, load_json, open_text, without_mark

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


def table_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a table, each a dict by column name.

    Raises:
        ExportError: the file cannot be used.
    """
    try:
        if path.suffix.lower() == ".parquet":
            yield from _parquet(path)
            return
        with open_text(path) as file:
            if path.suffix.lower() in (".csv", ".tsv"):
                yield from _csv(path, file)
                return
            yield from _json_lines(path, file)
    except OSError as error:
        raise ExportError(f"{path}: {error.strerror or error}") from None
    except UnicodeError:
        raise ExportError(f"{path}: is not a readable table: it is not UTF-8 (save it as 'CSV UTF-8')") from None
    except csv.Error as error:
        raise ExportError(f"{path}: is not a readable table ({error})") from None


def _json_lines(path: Path, lines: Iterator[str] | Any) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise ExportError(f"{path}, line {number}: is not JSON ({error})") from None
            if not isinstance(row, dict):
                raise ExportError(f"{path}, line {number}: is not a JSON object")
            yield row


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ModuleNotFoundError:
        raise ExportError(f"{path}: Parquet needs pyarrow: pip install '.[report]' in a checkout") from None
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except ArrowInvalid as error:
        raise ExportError(f"{path}: is not a Parquet file ({error})") from None


def _csv(path: Path, file: TextIO) -> Iterator[Mapping[str, Any]]:
    """Rows of a CSV file with any separator; if that is not a comma, numbers may have a decimal comma."""
    table = opened_table(file)
    rows = csv.DictReader(table.lines, delimiter=table.separator, skipinitialspace=table.skips_space)
    if rows.fieldnames is None:
        raise ExportError(f"{path}: is empty; a table begins with the names of its columns")
    rows.fieldnames = [name.strip().lower() for name in rows.fieldnames]
    twice = next((name for name in rows.fieldnames if name and rows.fieldnames.count(name) > 1), None)
    if twice is not None:
        raise ExportError(f"{path}: the column {twice!r} is there twice")
    for row in rows:
        if any(row.pop(None, ())):  # an unquoted decimal comma in a table with commas moves all cells after it
            place, separator = f"{path}, line {rows.line_num + table.before}", table.separator
            raise ExportError(f"{place}: has more cells than the header; quote cells that hold a {separator!r}")
        for name in NUMBERS & row.keys():
            row[name] = with_decimal_point(row[name] or "", table.separator)
        yield row


def read_table(path: Path) -> CocoDocument:
    """A table of boxes, one per row, as a COCO document.

    Raises:
        ExportError: the file cannot be used.
    """
    try:
        return document_of_rows(table_rows(path), path.name)
    except FormatError as error:
        raise ExportError(str(error)) from None


class DiskFolder:
    """A folder or a single file, with the interface that the readers of `formats/` expect."""

    def __init__(self, path: Path) -> None:
        self._root = path if path.is_dir() else path.parent
        self._only = None if path.is_dir() else path.name

    @cached_property
    def files(self) -> Sequence[str]:
        """Sorted names of all files, `/` between folders; hidden files and links out of the folder left out."""
        if self._only is not None:
            return (self._only,)
        found = (path.relative_to(self._root).as_posix() for path in self._root.rglob("*") if path.is_file())
        names = sorted(name for name in found if not any(part.startswith(".") for part in name.split("/")))
        outside = set(self.links_out)
        return tuple(name for name in names if name not in outside)

    @cached_property
    def links_out(self) -> Sequence[str]:
        """Names of links that lead out of the folder; they are not followed."""
        if self._only is not None:
            return ()
        root = Path(os.path.realpath(self._root))  # Unlike resolve, it does not fail on loops of links.
        links = (path for path in self._root.rglob("*") if path.is_symlink())
        out = (path for path in links if not Path(os.path.realpath(path)).is_relative_to(root))
        return tuple(sorted(path.relative_to(self._root).as_posix() for path in out))

    def read(self, name: str) -> bytes:
        """The content of a file."""
        return (self._root / name).read_bytes()

    def image_size(self, name: str) -> ImageSize | None:
        """Width and height of the picture as shown; None if it cannot be read or Pillow is missing."""
        try:
            from PIL import Image
        except ModuleNotFoundError:
            return None
        try:
            with Image.open(self._root / name) as picture:
                turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
                width, height = picture.size
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None
        return (height, width) if turned else (width, height)


def read_foreign(path: Path, classes: Mapping[str, str] | None = None) -> CocoDocument | None:
    """Labels of any format but Encord's as a COCO document; None if the file or folder is none of these.

    Args:
        path: a table, a COCO data set, a list of COCO results, or files of a format of `formats/table.py`.
        classes: names by the number of the class, for a list of results, which has no names.

    Raises:
        ExportError: a file cannot be read.
    """
    if path.suffix.lower() in TABLES:
        return read_table(path)
    known = read_labels(path)
    if known is not None or path.is_dir():
        return known
    content = load_json(path)
    if isinstance(content, dict) and "annotations" in content:
        return CocoDocument(content)
    return read_results(content, classes or {}, str(path)) if is_results(content) else None


def read_results(content: Sequence[Any], classes: Mapping[str, str], place: str) -> CocoDocument:
    """A list of COCO results as a COCO document.

    Raises:
        ExportError: a result is not well formed.
    """
    try:
        return document_of_results(content, classes)
    except FormatError as error:
        raise ExportError(f"{place}: {error}") from None


def is_results(content: Any) -> bool:
    """Whether parsed JSON is a list of COCO results."""
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, Mapping) and "category_id" in first and ("image_id" in first or "file_name" in first)


def read_labels(path: Path) -> CocoDocument | None:
    """The labels as a COCO document; None if the files have no format of `formats/table.py`.

    The COCO files of a folder are read as one data set; a single COCO file is None.

    Raises:
        ExportError: a file cannot be read.
    """
    folder = DiskFolder(path)
    try:
        known = format_of(folder)
        read = known.read(folder) if known is not None else _coco_of_folder(folder) if path.is_dir() else None
        if read is None or not folder.links_out:
            return read
        names = ", ".join(map(repr, folder.links_out[:3])) + (", ..." if len(folder.links_out) > 3 else "")
        told = f"{len(folder.links_out):,} links out of the folder are not followed: {names}"
        return replace(read, left_out=(*read.left_out, told))
    except FormatError as error:
        raise ExportError(f"{path}: {error}") from None
    except OSError as error:
        raise ExportError(f"{error.filename or path}: {error.strerror or error}") from None


def _coco_of_folder(folder: DiskFolder) -> CocoDocument | None:
    """The COCO data sets of a folder as one; None if there is none. Other JSON files are not looked at."""
    documents = {}
    for name in folder.files:
        content = folder.read(name) if name.lower().endswith(".json") else b""
        if not all(mark in content for mark in (b'"images"', b'"annotations"', b'"categories"')):
            continue
        try:
            document = orjson.loads(without_mark(content))
        except orjson.JSONDecodeError as error:
            raise FormatError(f"{name}: is not JSON ({error})") from None
        lists = ("images", "annotations", "categories")
        if isinstance(document, dict) and all(isinstance(document.get(key), list) for key in lists):
            documents[name] = document
    return merged_coco(documents) if documents else None
