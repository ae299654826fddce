"""Convert a row of a manifest to a file with a title that can be registered, or to the reason why not."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple
from urllib.parse import unquote

from benchmark_qa.commands.register import kinds as media
from benchmark_qa.commands.register.dicom import DicomSlice, UnreadableSlice, read_slice
from benchmark_qa.commands.register.entries import check_title, check_url
from benchmark_qa.commands.register.errors import EntryError, RulesError
from benchmark_qa.commands.register.key_frames import (
    MetadataSchema,
    NotANumber,
    checked_reserved,
    read_json,
    require_finite,
)
from benchmark_qa.commands.register.kinds import RegisteredKind
from benchmark_qa.commands.register.listing import Location, is_at, kind_of, object_url

_NUMBER = re.compile(r"\d+")


_OWN_FIELDS: dict[str, Callable[[str, str | None], str | None]] = {
    "name": lambda path, _: path.rpartition("/")[2],
    "stem": lambda path, _: path.rpartition("/")[2].rpartition(".")[0] or path.rpartition("/")[2],
    "folder": lambda path, _: path.rpartition("/")[0].rpartition("/")[2],
    "path": lambda path, _: path,
    "group": lambda _, group: group,
}


def natural_key(text: str) -> str:
    """A text key that sorts `frame 2` before `Frame 10`.

    It has no upper case, and each number is preceded by its length.

    Example: `natural_key("f9") < natural_key("F010")`, `natural_key("f009") == natural_key("F9")`.
    """
    return _NUMBER.sub(_with_length, text.casefold())


def _with_length(found: re.Match[str]) -> str:
    digits = found[0].lstrip("0") or "0"
    return f"{len(digits):05d}{digits}"


def path_of(url: str) -> str:
    """The decoded path of a URL below its host or bucket; a plain path is unchanged."""
    scheme, _, rest = url.rpartition("://")
    if not scheme:
        return url
    path = rest.partition("/")[2]
    return unquote(path.partition("?")[0]) if scheme == "https" else path


class TitleTemplate:
    """A title template with fields in braces.

    Fields are `{stem}`, `{name}`, `{folder}`, `{path}`, `{group}`, and the columns of the manifest.

    Raises:
        RulesError: the template cannot be read.
    """

    def __init__(self, template: str) -> None:
        self._template = template
        try:
            self._fields = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
        except ValueError as error:
            raise RulesError(f"title template {template!r}: {error}") from None
        wrong = next((name for name in self._fields if not name.replace("_", "a").isidentifier()), None)
        if wrong is not None:
            raise RulesError(f"title template {template!r}: {wrong!r} is not the name of a field")

    @property
    def fields(self) -> frozenset[str]:
        """The names in braces."""
        return frozenset(self._fields)

    def title(self, path: str, group: str | None, fields: Mapping[str, Any]) -> str:
        """The title of the file at that path, or of the item whose first file it is.

        Raises:
            EntryError: the manifest does not have the column, or it is empty.
        """
        values = {
            name: _OWN_FIELDS[name](path, group) if name in _OWN_FIELDS else fields.get(name) for name in self._fields
        }
        missing = next((name for name, value in values.items() if value in (None, "")), None)
        if missing is not None:
            raise EntryError(f"the title needs {missing!r}, which is missing")
        try:
            return self._template.format(**values)
        except (ValueError, KeyError):
            raise EntryError(f"the title cannot be made: {self._template!r} does not fit what is in the row") from None


_METADATA = "metadata"


_METADATA_PREFIX = "metadata."


@dataclass(frozen=True, kw_only=True)
class ManifestRules:
    """How a manifest is read.

    Attributes:
        location: storage of the objects; None: this machine, URLs are paths of local files.
        kind: default for rows without a kind; None: by the extension of the name.
        base_url: prefix for URLs that are only paths.
        title: template of titles; None: the name of the file, or of the group.
        url_column, group_column: columns of the URL, and of the name of a group or series.
        group_pattern: a regular expression with a group `group`, searched in the path if no column names a group.
        schema: of the organisation's metadata; None: values are unchanged.
    """

    location: Location | None
    kind: RegisteredKind | None = None
    base_url: str | None = None
    title: str | None = None
    url_column: str = "url"
    group_column: str = "group"
    group_pattern: str | None = None
    schema: MetadataSchema | None = None


class File(NamedTuple):
    """One file of an item; the only one, unless its kind has several."""

    line: int
    kind: RegisteredKind
    url: str
    group: str | None
    said_title: str | None
    title: str
    metadata: dict[str, Any]
    media: dict[str, Any]
    data_group: str | None
    slice: DicomSlice | None = None
    """For a DICOM file on this machine: its series, which is part of the group's key, and its position"""


class RowReader:
    """Converts rows by the rules.

    Raises:
        RulesError: a pattern or template is wrong.
    """

    def __init__(self, rules: ManifestRules) -> None:
        self._rules = rules
        self.url_column = rules.url_column
        self._pattern = _group_pattern(rules.group_pattern)
        self._single_title = TitleTemplate(rules.title or "{name}")
        self._group_title = TitleTemplate(rules.title or "{group}")
        self._known = {rules.url_column, rules.group_column, "kind", "title", _METADATA, "data_group", *media.COLUMNS}
        self._known |= self._single_title.fields
        self.unknown_columns: Counter[str] = Counter()
        """Number of rows that use each column without a rule"""

    def file(self, line: int, fields: Mapping[str, Any], local: Path | None = None) -> File:
        """The file of a row; `local` is its path on this machine, if there is one.

        Raises:
            EntryError: with the fault.
            NoSlice: it should be part of a DICOM series and has no slice.
            MissingExtraError: pydicom is not installed.
        """
        self._note_unknown(fields)
        url = self._url(fields, local)
        path = path_of(url)
        group = self._group(path, fields)
        kind = self._kind(path, group, fields, local)
        slice_ = None
        if kind is RegisteredKind.DICOM_SERIES and local is not None:
            slice_ = _slice(group, local)
        said_title = _text(fields, "title")
        check_title(said_title)
        template = self._group_title if kind.of_many_files else self._single_title
        called = (
            group if slice_ is None else group or path.rpartition("/")[0].rpartition("/")[2] or slice_.series or path
        )
        title = said_title or template.title(path, called, fields)
        check_title(title)
        data_group = _text(fields, "data_group")
        if data_group and kind.of_many_files:
            raise EntryError(f"an item of kind {kind} cannot be named in a data group of a manifest")
        described = media.media_of(kind, fields)
        return File(line, kind, url, group, said_title, title, self._metadata(fields), described, data_group, slice_)

    def columns_in_words(self) -> list[str]:
        """A line for each unknown column, with a suggestion of what it is meant for."""
        return [
            f"the column {name or '(without a name)'!r} is not known and left out of {rows:,} rows{self._meant(name)}"
            for name, rows in self.unknown_columns.items()
        ]

    def _meant(self, name: str) -> str:
        columns = {column.lower(): column for column in self._known}
        close = get_close_matches(name.lower(), columns, n=1, cutoff=0.6)
        also = f"for client metadata call it '{_METADATA_PREFIX}{name}'"
        return f": is {columns[close[0]]!r} meant? ({also})" if close else f": {also}"

    def _note_unknown(self, fields: Mapping[str, Any]) -> None:
        if fields.keys() <= self._known:
            return
        for name, value in fields.items():
            if name not in self._known and not name.startswith(_METADATA_PREFIX) and value not in (None, ""):
                self.unknown_columns[name] += 1

    def _url(self, fields: Mapping[str, Any], local: Path | None) -> str:
        url = _text(fields, self._rules.url_column)
        if url is None:
            there = ", ".join(repr(name) for name in fields if name not in self._known)
            raise EntryError(
                f"{self._rules.url_column!r} is missing or empty" + (f"; there is {there}" if there else "")
            )
        if self._rules.location is None:
            return url
        if "://" not in url:
            if self._rules.base_url is None:
                raise EntryError("the URL is only a path, and no base URL was given")
            if local is None:
                url = url.replace("\\", "/")  # a manifest from Windows; a listed file may really have this name
            url = object_url(self._rules.base_url, url)
        elif "\\" in url and local is None:
            raise EntryError("the URL has a backslash in it: write / between folders, or %5C where the name has one")
        check_url(url)
        if not is_at(url, self._rules.location):
            location = self._rules.location
            raise EntryError(f"the URL is not one of {location}, which look like {location.example}")
        return url

    def _group(self, path: str, fields: Mapping[str, Any]) -> str | None:
        named = _text(fields, self._rules.group_column)
        if named is not None or self._pattern is None:
            return named
        found = self._pattern.search(path)
        return found["group"] if found else None

    def _kind(self, path: str, group: str | None, fields: Mapping[str, Any], local: Path | None) -> RegisteredKind:
        said = _text(fields, "kind")
        if said is not None and said not in _KINDS:
            raise EntryError(f"{said!r} is not a kind: {', '.join(RegisteredKind)}")
        kind = RegisteredKind(said) if said is not None else self._rules.kind or kind_of(path, local)
        if kind is None:
            raise EntryError("the kind is not said, and the ending of the name does not tell it")
        if kind is RegisteredKind.IMAGE and group is not None and said is None and self._rules.kind is None:
            return RegisteredKind.IMAGE_GROUP
        if kind is RegisteredKind.DICOM_SERIES and local is not None:
            return kind
        if kind.of_many_files and group is None:
            raise EntryError(
                f"a file of kind {kind} needs a group: a column {self._rules.group_column!r}, or a pattern"
            )
        return kind

    def _metadata(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        found = {
            name.removeprefix(_METADATA_PREFIX): value
            for name, value in fields.items()
            if name.startswith(_METADATA_PREFIX) and value not in (None, "")
        }
        whole = fields.get(_METADATA)
        if whole not in (None, ""):
            found = _object(whole) | found
        if self._rules.schema is not None:
            return self._rules.schema.typed(found)
        if not found:
            return found
        require_finite(found, "metadata")
        return found | checked_reserved(found)


def _slice(group: str | None, local: Path) -> DicomSlice | None:
    """The slice; None for an unreadable file of a named group, which stays for Encord to report."""
    try:
        return read_slice(local)
    except UnreadableSlice:
        if group is None:
            raise
        return None


_KINDS = frozenset(kind.value for kind in RegisteredKind)


def _group_pattern(pattern: str | None) -> re.Pattern[str] | None:
    if pattern is None:
        return None
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise RulesError(f"group pattern {pattern!r}: {error}") from None
    if "group" not in compiled.groupindex:
        raise RulesError(f"group pattern {pattern!r}: has no (?P<group>...)")
    return compiled


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    text = str(value)
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise EntryError(f"{name!r} is not valid Unicode")
    return text


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = read_json(value)
        except ValueError as error:
            why = f": {error}" if isinstance(error, NotANumber) else ""
            raise EntryError(f"metadata: is not JSON{why}") from None
    if not isinstance(value, Mapping):
        raise EntryError("metadata: is not a JSON object")
    return dict(value)
