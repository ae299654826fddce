"""Validate Encord's own keys in client metadata: `$encord` and `keyframes`.

`$encord` holds key frames, and metadata and embeddings of frames.

The documented form: `{"$encord": {"config": {"sampling_rate": 1, "keyframe_mode": "frame"}, "frames": {"25": {...}}}}`,
where `config` is optional. The SDK has no model of it, and Encord ignores what it does not understand.
Source: https://docs.encord.com/sdk-documentation/index-sdk/custom-metadata/sdk-import-custom-metadata
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from benchmark_qa.commands.register.errors import EntryError, RulesError


class NotANumber(ValueError):
    """A constant that JSON does not have."""


def read_json(text: str | bytes) -> Any:
    """Parse JSON text.

    Raises:
        ValueError: it is not JSON, in the strict sense.
    """
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def refuse_constant(constant: str) -> NoReturn:
    """Refuse `NaN` and `Infinity`; an argument for `parse_constant` of Python's JSON reader.

    Raises:
        NotANumber
    """
    raise NotANumber(f"{constant} is not JSON")


def require_finite(value: Any, place: str) -> None:
    """Refuse, at any depth, a number too large for a float, or NaN of a Parquet file: JSON has neither.

    Raises:
        EntryError: with the place.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            raise EntryError(f"{place}: {value} is no number that JSON can hold")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            require_finite(inner, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            require_finite(inner, f"{place}[{index}]")


ENCORD = "$encord"


KEY_FRAMES = "keyframes"


RESERVED = frozenset({ENCORD, KEY_FRAMES})


MODES = ("frame", "seconds")


_FRAME = re.compile(r"0|[1-9][0-9]*")


_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?")


Typed = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Converts metadata to the types of a schema; raises EntryError"""


def checked_reserved(metadata: Mapping[str, Any], typed: Typed | None = None) -> dict[str, Any]:
    """The reserved keys of client metadata, validated; empty if there are none.

    Args:
        metadata: of one item.
        typed: converts a frame's metadata to the organisation's schema, if there is one.

    Raises:
        EntryError: with the place and the fault.
    """
    found: dict[str, Any] = {}
    if metadata.get(ENCORD) not in (None, ""):
        found[ENCORD] = _encord(_parsed(metadata[ENCORD], ENCORD), typed)
    if metadata.get(KEY_FRAMES) not in (None, ""):
        found[KEY_FRAMES] = _key_frames(_parsed(metadata[KEY_FRAMES], KEY_FRAMES))
    return found


def _parsed(value: Any, place: str) -> Any:
    """The value parsed from text, if it is a cell of a CSV file."""
    if not isinstance(value, str):
        return value
    try:
        return read_json(value)
    except ValueError as error:
        raise EntryError(f"metadata {place!r}: is not JSON: {error}") from None


def _encord(value: Any, typed: Typed | None) -> dict[str, Any]:
    said = _object(value, ENCORD, ("config", "frames"))
    mode = _config(said["config"]) if "config" in said else MODES[0]
    if "frames" not in said:
        return said
    frames = _object(said["frames"], f"{ENCORD}.frames")
    return said | {"frames": {number: _frame(number, about, mode, typed) for number, about in frames.items()}}


def _config(value: Any) -> str:
    """The mode in which frames are named."""
    place = f"{ENCORD}.config"
    said = _object(value, place, ("sampling_rate", "keyframe_mode"))
    rate = said.get("sampling_rate", 1)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not math.isfinite(rate) or rate < 0:
        raise EntryError(
            f"metadata {place}.sampling_rate: must be a number of 0 or more (frames a second), not {rate!r}"
        )
    mode = said.get("keyframe_mode", MODES[0])
    if mode not in MODES:
        raise EntryError(f"metadata {place}.keyframe_mode: must be 'frame' or 'seconds', not {mode!r}")
    return str(mode)


def _frame(number: str, about: Any, mode: str, typed: Typed | None) -> dict[str, Any]:
    place = f"{ENCORD}.frames.{number}"
    if not (_FRAME if mode == "frame" else _SECONDS).fullmatch(number):
        wanted = "the number of a frame, from 0" if mode == "frame" else "a time in seconds, from 0"
        raise EntryError(f"metadata {place}: must be {wanted}")
    said = _object(about, place)
    require_finite(said, f"metadata {place}")
    if typed is not None:
        try:
            return dict(typed(said))
        except EntryError as error:
            raise EntryError(f"{place}: {error}") from None
    for key, value in said.items():
        if isinstance(value, list):
            _embedding(value, f"{place}.{key}")
    return said


def _embedding(value: list[Any], place: str) -> None:
    if not value:
        raise EntryError(f"metadata {place}: an embedding has at least one number")
    for index, part in enumerate(value):
        if isinstance(part, bool) or not isinstance(part, int | float):
            raise EntryError(f"metadata {place}[{index}]: an embedding is a list of numbers, not {part!r}")


def _key_frames(value: Any) -> list[int]:
    if not isinstance(value, list):
        raise EntryError(f"metadata {KEY_FRAMES!r}: must be a list of frame numbers")
    for number in value:
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise EntryError(f"metadata {KEY_FRAMES!r}: {number!r} is not the number of a frame, from 0")
    return value


def _object(value: Any, place: str, known: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise EntryError(f"metadata {place}: must be a JSON object")
    strange = next((key for key in value if known and key not in known), None)
    if strange is not None:
        raise EntryError(f"metadata {place}.{strange}: is not a key of it; there are {', '.join(known)}")
    return dict(value)


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
        return _metadata_embedding(described.get("size"))
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


def _metadata_embedding(size: int | None) -> Reader:
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
