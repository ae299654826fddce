"""Values as JSON has them: no NaN and no Infinity, which Python reads and writes, and nobody else does."""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from benchmark_qa.commands.register.errors import EntryError


class NotANumber(ValueError):
    """A constant that JSON does not have."""


def read_json(text: str | bytes) -> Any:
    """What JSON text says.

    Raises:
        ValueError: it is not JSON, in the strict sense.
    """
    return json.loads(text, parse_constant=refuse_constant)


def refuse_constant(constant: str) -> NoReturn:
    """Python's reader of JSON takes `NaN` and `Infinity`; for its `parse_constant`.

    Raises:
        NotANumber
    """
    raise NotANumber(f"{constant} is not JSON")


def require_finite(value: Any, place: str) -> None:
    """Refuses what JSON cannot hold, however deep: a number too large for a float, or NaN of a Parquet file.

    Raises:
        EntryError: naming the place.
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
