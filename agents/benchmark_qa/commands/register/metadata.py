"""Convert `clientMetadata` to the types of the organisation's metadata schema.

The schema is JSON, key to type: `{"hour": "number", "weather": {"ty": "enum", "values": ["sun", "rain"]}}`; the types
are those that Encord names in `GET organisation/client-metadata-schema-v2`, and the plain names the SDK has for them.
"""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from benchmark_qa.commands.register.errors import EntryError, RulesError
from benchmark_qa.commands.register.key_frames import RESERVED, checked_reserved

_PLAIN_NAMES = {"string": "varchar", "long_string": "text"}


_LONGEST_VARCHAR = 8192


class MetadataSchema:
    """Converts values of a manifest to the types that the schema names.

    Raises:
        RulesError: with the key whose type is not known.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._readers = {key: _reader(key, kind) for key, kind in schema.items()}

    def typed(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """The metadata with each value converted to its type; empty cells are left out.

        Encord's own keys (`$encord`, and `keyframes` if the schema does not have it) must have Encord's form.

        Raises:
            EntryError: with the key, and why its value does not fit.
        """
        own = {key: value for key, value in metadata.items() if key in RESERVED and key not in self._readers}
        found = checked_reserved(own, self.typed)
        for key, value in metadata.items():
            if value is None or value == "" or key in own:
                continue
            if key not in self._readers:
                raise EntryError(f"metadata {key!r} is not in the organisation's schema")
            try:
                found[key] = self._readers[key](value)
            except (ValueError, TypeError, OverflowError) as error:
                raise EntryError(f"metadata {key!r}: {error}") from None
        return found


Reader = Callable[[Any], Any]


def _reader(key: str, kind: Any) -> Reader:
    described: Mapping[str, Any] = kind if isinstance(kind, Mapping) else {"ty": kind}
    name = str(described.get("hint") if described.get("ty") == "variant" else described.get("ty"))
    name = _PLAIN_NAMES.get(name, name)
    if name == "enum":
        return _enum(frozenset(described.get("values") or ()))
    if name == "varchar":
        return _varchar(int(described.get("max_length") or _LONGEST_VARCHAR))
    if name == "embedding":
        return _embedding(described.get("size"))
    if name not in _READERS:
        raise RulesError(f"metadata schema: {key!r} has the type {name!r}, which cannot be given in a manifest")
    return _READERS[name]


def _number(value: Any) -> float | int:
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a number")
    number = value if isinstance(value, int | float) else _parsed_number(str(value))
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    return number


def _parsed_number(text: str) -> float | int:
    for parse in (int, float):
        try:
            return parse(text)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is not a number")


def _boolean(value: Any) -> bool:
    known = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
    if str(value).lower() not in known:
        raise ValueError(f"{value!r} is not true or false")
    return known[str(value).lower()]


def _moment(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    try:
        return datetime.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise ValueError(f"{value!r} is not an ISO 8601 date and time") from None


def _uuid(value: Any) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise ValueError(f"{value!r} is not a UUID") from None


def _enum(values: frozenset[str]) -> Reader:
    def read(value: Any) -> str:
        if str(value) not in values:
            raise ValueError(f"{value!r} is none of {', '.join(sorted(values))}")
        return str(value)

    return read


def _varchar(longest: int) -> Reader:
    def read(value: Any) -> str:
        if len(str(value)) > longest:
            raise ValueError(f"{len(str(value)):,} characters, at most {longest:,} are allowed")
        return str(value)

    return read


def _embedding(size: int | None) -> Reader:
    def read(value: Any) -> list[float]:
        if not isinstance(value, list) or (size is not None and len(value) != size):
            raise ValueError(f"must be a list of {size or 'some'} numbers")
        return [float(_number(part)) for part in value]

    return read


def _as_it_is(value: Any) -> Any:
    return value


_READERS: dict[str, Reader] = {
    "number": _number,
    "boolean": _boolean,
    "datetime": _moment,
    "uuid": _uuid,
    "text": str,
    "user": str,
    "geospatial": _as_it_is,
}
