"""A row of a manifest to a file that can be registered, or the reason why not."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from benchmark_qa.commands.register import kinds as media
from benchmark_qa.commands.register.entries import check_title, check_url
from benchmark_qa.commands.register.errors import EntryError, RulesError
from benchmark_qa.commands.register.kinds import Kind, kind_by_name
from benchmark_qa.commands.register.locations import Location, is_at, object_url
from benchmark_qa.commands.register.metadata import MetadataSchema
from benchmark_qa.commands.register.titles import TitleTemplate, path_of

_METADATA = "metadata"
_METADATA_PREFIX = "metadata."


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How a manifest is read.

    Attributes:
        location: where the objects lie; None: here, the URLs are paths of local files.
        kind: of every row that does not say its own; None: by the ending of its name.
        base_url: put before URLs that are only paths.
        title: template of titles; None: the name of the file, or of the group.
        url_column, group_column: where the URL stands, and what a group or series is called.
        group_pattern: a regular expression with a group `group`, searched in the path, where no column names one.
        schema: of the organisation's metadata; None: values stay as they are.
    """

    location: Location | None
    kind: Kind | None = None
    base_url: str | None = None
    title: str | None = None
    url_column: str = "url"
    group_column: str = "group"
    group_pattern: str | None = None
    schema: MetadataSchema | None = None


class File(NamedTuple):
    """One file of an item: all of it, unless its kind is made of many."""

    line: int
    kind: Kind
    url: str
    group: str | None
    said_title: str | None
    title: str
    metadata: dict[str, Any]
    media: dict[str, Any]
    data_group: str | None


class RowReader:
    """Reads rows by rules.

    Raises:
        RulesError: a pattern or template is wrong.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._pattern = _group_pattern(rules.group_pattern)
        self._single_title = TitleTemplate(rules.title or "{name}")
        self._group_title = TitleTemplate(rules.title or "{group}")

    def file(self, line: int, fields: Mapping[str, Any]) -> File:
        """The file that a row names.

        Raises:
            EntryError: saying what is wrong with it.
        """
        url = self._url(fields)
        path = path_of(url)
        group = self._group(path, fields)
        kind = self._kind(path, group, fields)
        said_title = _text(fields, "title")
        check_title(said_title)
        template = self._group_title if kind.of_many_files else self._single_title
        title = said_title or template.title(path, group, fields)
        check_title(title)
        data_group = _text(fields, "data_group")
        if data_group and kind.of_many_files:
            raise EntryError(f"an item of kind {kind} cannot be named in a data group of a manifest")
        described = media.media_of(kind, fields)
        return File(line, kind, url, group, said_title, title, self._metadata(fields), described, data_group)

    def _url(self, fields: Mapping[str, Any]) -> str:
        url = _text(fields, self._rules.url_column)
        if url is None:
            raise EntryError(f"{self._rules.url_column!r} is missing or empty")
        if self._rules.location is None:
            return url
        if "://" not in url:
            if self._rules.base_url is None:
                raise EntryError("the URL is only a path, and no base URL was given")
            url = object_url(self._rules.base_url, url)
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

    def _kind(self, path: str, group: str | None, fields: Mapping[str, Any]) -> Kind:
        said = _text(fields, "kind")
        if said is not None and said not in _KINDS:
            raise EntryError(f"{said!r} is not a kind: {', '.join(Kind)}")
        kind = Kind(said) if said is not None else self._rules.kind or kind_by_name(path)
        if kind is None:
            raise EntryError("the kind is not said, and the ending of the name does not tell it")
        if kind is Kind.IMAGE and group is not None and said is None and self._rules.kind is None:
            return Kind.IMAGE_GROUP
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
        return self._rules.schema.typed(found) if self._rules.schema is not None else found


_KINDS = frozenset(kind.value for kind in Kind)


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
            value = json.loads(value)
        except ValueError:
            raise EntryError("metadata: is not JSON") from None
    if not isinstance(value, Mapping):
        raise EntryError("metadata: is not a JSON object")
    try:
        json.dumps(value, allow_nan=False, default=str)
    except ValueError:
        raise EntryError("metadata: holds NaN or Infinity, which JSON does not have") from None
    return dict(value)
