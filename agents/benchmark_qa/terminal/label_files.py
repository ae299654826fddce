"""Read labels in another tool's format, from a file, a table (CSV, JSON lines, Parquet) or a folder."""

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

from benchmark_qa.formats.coco_building import CocoDocument, FormatError
from benchmark_qa.formats.label_parts import ImageSize
from benchmark_qa.formats.separated_values import opened_table, with_decimal_point
from benchmark_qa.formats.table import format_of
from benchmark_qa.formats.table_reader import NUMBERS, document_of_rows
from benchmark_qa.terminal.files import ExportError

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
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() in (".csv", ".tsv"):
                yield from _csv(path, file)
                return
            yield from _json_lines(path, file)
    except OSError as error:
        raise ExportError(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ExportError(f"{path}: is not a readable table ({error})") from None


def _json_lines(path: Path, lines: Iterator[str] | Any) -> Iterator[Mapping[str, Any]]:
    import orjson

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
    rows.fieldnames = [name.strip() for name in rows.fieldnames]
    for row in rows:
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
        root = Path(os.path.realpath(self._root))
        files = (path for path in self._root.rglob("*") if path.is_file())
        found = (path for path in files if Path(os.path.realpath(path)).is_relative_to(root))
        names = (path.relative_to(self._root).as_posix() for path in found)
        return tuple(sorted(name for name in names if not any(part.startswith(".") for part in name.split("/"))))

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


def read_labels(path: Path) -> CocoDocument | None:
    """The labels as a COCO document; None if the files have no format of `formats/table.py`.

    Raises:
        ExportError: a file cannot be read.
    """
    folder = DiskFolder(path)
    try:
        known = format_of(folder)
        return known.read(folder) if known is not None else None
    except FormatError as error:
        raise ExportError(f"{path}: {error}") from None
    except OSError as error:
        raise ExportError(f"{error.filename or path}: {error.strerror or error}") from None
