"""Strict JSON values: without NaN and Infinity, which Python reads and writes."""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from benchmark_qa.commands.register.errors import EntryError


class NotANumber(ValueError):
    """A constant that JSON does not have."""


def read_json(text: str | bytes) -> Any:
    """Parse JSON text.

    Raises:
        ValueError: it is not JSON, in the strict sense.
    """
    return json.loads(text, parse_constant=refuse_constant)


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
