"""Explain pydantic's errors to people: the key first, what is wrong, what to write instead."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from benchmark_qa.errors import did_you_mean

_MESSAGES: Mapping[str, str] = {
    "missing": "missing: set it",
    "uuid_parsing": "must be a hash of Encord, such as 1b2c3d4e-0000-4000-8000-000000000001",
    "uuid_type": "must be a hash of Encord, such as 1b2c3d4e-0000-4000-8000-000000000001",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be a text in quotes",
    "dict_type": "must be an object in braces",
    "model_type": "must be an object in braces",
    "model_attributes_type": "must be an object in braces",
    "tuple_type": "must be a list in brackets",
    "list_type": "must be a list in brackets",
    "none_required": "must be null",
    "finite_number": "must be a finite number",
    "string_unicode": "must be text in UTF-8",
    "json_invalid": "is not JSON",
    "json_type": "is not JSON",
    "url_parsing": "must be a whole address, such as https://qa.example.com",
    "url_type": "must be a whole address, such as https://qa.example.com",
    "url_scheme": "must be a whole address, such as https://qa.example.com",
    "datetime_parsing": "must be a moment, such as 2026-03-01T12:00:00Z",
    "datetime_from_date_parsing": "must be a moment, such as 2026-03-01T12:00:00Z",
    "datetime_type": "must be a moment, such as 2026-03-01T12:00:00Z",
    "timezone_aware": "must have a time zone, such as 2026-03-01T12:00:00Z",
    "recursive_loop": "holds itself",
}


_OURS = ("value_error", "assertion_error")
"""Kinds whose words are written in this package, not in pydantic"""


_WITH_LIMITS: Mapping[str, str] = {
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must have the form {pattern}",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
}


def explain(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """One line per error, the key first. Never contains the value, which may be a secret.

    Args:
        error: from reading a document or the environment.
        model: the model that was read; an unknown key is compared with its fields.
    """
    lines = []
    for fault in error.errors(include_input=False, include_url=False):
        loc = fault["loc"]
        key = ".".join(str(part) for part in loc)
        message = _message(fault["type"], fault["msg"], fault.get("ctx", {}), loc, model)
        lines.append(f"{key}: {message}" if key else message)
    return "\n".join(lines)


def _message(
    kind: str, said: str, context: Mapping[str, Any], loc: Sequence[int | str], model: type[BaseModel] | None
) -> str:
    if kind == "extra_forbidden":
        known = _known_keys(model, loc[:-1]) if model is not None else ()
        return f"unknown key; {did_you_mean(str(loc[-1]), known)}" if known else "unknown key: take it out"
    if kind in _WITH_LIMITS:
        return _WITH_LIMITS[kind].format(**context)
    if kind in _OURS:
        return said.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return _MESSAGES.get(kind, "is not of a kind that can stand here")


def _known_keys(model: type[BaseModel], loc: Sequence[int | str]) -> list[str]:
    """The keys that the object at `loc` of a document may have."""
    models = [model]
    for part in loc:
        if isinstance(part, str):
            models = [found for each in models for found in _models_of(each, part)] or models
    return sorted({name for each in models for name in _names(each)})


def _models_of(model: type[BaseModel], key: str) -> list[type[BaseModel]]:
    for name, field in model.model_fields.items():
        if key in {name, field.alias, field.validation_alias}:
            return list(_models_in(field.annotation))
    return []


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _names(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        alias = field.validation_alias or field.alias
        yield alias if isinstance(alias, str) else name


EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)


LATEST = datetime(9000, 1, 1, tzinfo=UTC)


_START = datetime(1970, 1, 1)


def require_moment(moment: datetime) -> None:
    """Refuse a moment that is too early or too late to convert to UTC or to another time zone.

    Args:
        moment: with its time zone.

    Raises:
        ValueError: the message gives the range.
    """
    # Without its time zone: subtraction from a time in another zone may overflow.
    own_clock = moment.replace(tzinfo=None)
    if not timedelta(days=2) <= own_clock - _START <= LATEST - EARLIEST:
        raise ValueError(f"out of range: ask for a moment from {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}")
