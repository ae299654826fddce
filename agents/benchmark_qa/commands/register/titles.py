"""Titles from templates, and natural order of numbered names."""

import re
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any
from urllib.parse import unquote

from benchmark_qa.commands.register.errors import EntryError, RulesError

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
