"""Who gives the command: the audit trail names a person."""

import getpass
from typing import Annotated

import typer

OperatorOption = Annotated[
    str, typer.Option("--operator", envvar="BENCHMARK_QA_OPERATOR", help="Who does it, for the audit trail.")
]


def operator_of(given: str) -> str:
    """The name given, or else the account's."""
    if given:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise typer.BadParameter("say who you are with --operator: this account has no name") from None
