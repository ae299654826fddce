"""Parse moments, time zones and uuids of command options."""

import getpass
from datetime import UTC, datetime, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from benchmark_qa.config.explain import require_moment


def zone_of(name: str) -> ZoneInfo:
    """The time zone of a name such as Europe/Zurich."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(f"no time zone {name!r}; they are named like Europe/Zurich") from None


def moment_of(text: str, zone: tzinfo = UTC) -> datetime:
    """Parse a moment; a text without a zone is in `zone`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no moment; write 2026-03-01 or 2026-03-01T12:00") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    try:
        require_moment(moment)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is {error}") from None
    return moment


OperatorOption = Annotated[
    str, typer.Option("--operator", envvar="BENCHMARK_QA_OPERATOR", help="Who does it, for the audit trail.")
]


JsonOption = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


WideOption = Annotated[bool, typer.Option("--wide", help="Show every column, however narrow the terminal is.")]


def operator_of(given: str) -> str:
    """The operator's name as given, or else the name of the account."""
    if given:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise typer.BadParameter("say who you are with --operator: this account has no name") from None
