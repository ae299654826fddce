"""The ledger of behaviours: what the emulator claims of the platform, on what evidence; and the README's table."""

import datetime
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from emulator.errors import WorldError
from emulator.spec import Spec

LEDGER = Path(__file__).parent / "ledger.toml"
FRESH = datetime.timedelta(days=180)
BEGIN, END = "<!-- ledger: begin -->\n", "<!-- ledger: end -->\n"

Source = Literal["assumed", "docs", "sdk", "live"]
# The least certain first, as the table has them.
_SOURCES: dict[Source, str] = {
    "assumed": "assumed",
    "docs": "documentation",
    "sdk": "the SDK's source",
    "live": "held against the platform",
}


class Behaviour(Spec):
    """Something that a program can notice of the platform."""

    id: str = Field(pattern=r"^[a-z]+\.[a-z0-9-]+$")
    what: str = Field(description="a sentence that can be false")
    matters: str = Field(description="what goes wrong for a user if it is")
    source: Source
    evidence: str | None = Field(None, description="file of the SDK, address, or file of a live run")
    date: datetime.date | None = Field(None, description="when the documentation was read, or the platform asked")
    differs: bool = Field(False, description="a live run has found the platform to behave otherwise")
    switches: tuple[str, ...] = Field((), description="of the emulator, that offer the other reading")
    check: str = Field(pattern=r"^tests/[\w/]+\.py::test_\w+$", description="the test that shows it")

    @model_validator(mode="after")
    def _has_evidence(self) -> Self:
        if (self.source == "assumed") is (self.evidence is not None):
            raise ValueError(f"{self.id}: every source but 'assumed' has evidence, and only that")
        if self.source in ("docs", "live") and self.date is None:
            raise ValueError(f"{self.id}: documentation and live runs have a date")
        if self.differs and self.source != "live":
            raise ValueError(f"{self.id}: only a live run can find a difference")
        return self


class _Ledger(Spec):
    behaviour: list[Behaviour]


def read_ledger(path: Path = LEDGER) -> list[Behaviour]:
    """Every behaviour, in the order of the file.

    Raises:
        WorldError: naming what is wrong with the file.
    """
    try:
        found = _Ledger.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).behaviour
    except (ValidationError, tomllib.TOMLDecodeError) as error:
        raise WorldError(f"{path.name}: {error}") from None
    twice = [name for name, times in Counter(behaviour.id for behaviour in found).items() if times > 1]
    if twice:
        raise WorldError(f"{path.name}: {twice[0]} is there twice")
    return found


def table(behaviours: Sequence[Behaviour], today: datetime.date) -> str:
    """The counts by source and a row for each behaviour, the least certain first."""
    counts = Counter(behaviour.source for behaviour in behaviours)
    told = ", ".join(f"{counts[source]} {_SOURCES[source]}" for source in reversed(_SOURCES))
    lines = [
        f"Of {len(behaviours)} behaviours that a program can notice: {told}.",
        "Each has a test here; only a live run can tell whether the platform agrees. A switch is the other reading.",
        "",
        "| behaviour | known from | switch | if the platform does otherwise |",
        "| --- | --- | --- | --- |",
    ]
    for source in _SOURCES:
        lines += [_row(behaviour, today) for behaviour in behaviours if behaviour.source == source]
    return "\n".join(lines) + "\n"


def _row(behaviour: Behaviour, today: datetime.date) -> str:
    switches = ", ".join(f"`{switch}`" for switch in behaviour.switches)
    return f"| {behaviour.what} | {_known_from(behaviour, today)} | {switches} | {behaviour.matters} |"


def _known_from(behaviour: Behaviour, today: datetime.date) -> str:
    if behaviour.source == "live" and behaviour.date is not None:
        if behaviour.differs:
            return f"**differs**, {behaviour.date}"
        old = today - behaviour.date > FRESH
        return f"verified {behaviour.date}" + (", not since" if old else "")
    if behaviour.source == "docs":
        return f"[documentation]({behaviour.evidence})"
    return f"`{behaviour.evidence}`" if behaviour.source == "sdk" else "assumed"


def record(text: str, verdicts: Mapping[str, bool], today: datetime.date) -> str:
    """The text of a ledger in which what a live run has seen is noted; `verdicts` says by id whether it differs."""
    head, *blocks = text.split("[[behaviour]]\n")
    return "[[behaviour]]\n".join([head, *(_noted(block, verdicts, today) for block in blocks)])


def _noted(block: str, verdicts: Mapping[str, bool], today: datetime.date) -> str:
    name = tomllib.loads(block)["id"]
    if name not in verdicts:
        return block
    old = ("source =", "evidence =", "date =", "differs =")
    lines = [line for line in block.rstrip().splitlines() if not line.startswith(old)]
    lines += ['source = "live"', f'evidence = "evidence/{name}.json"', f"date = {today}"]
    lines += ["differs = true"] if verdicts[name] else []
    return "\n".join(lines) + block[len(block.rstrip()) :]


def written(readme: Path) -> str:
    """The table as a README has it."""
    return readme.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


def write(readme: Path, text: str) -> None:
    """Puts the table into a README, between its two marks.

    Raises:
        WorldError: when the marks are not there.
    """
    before, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise WorldError(f"{readme} has no marks {BEGIN.strip()} and {END.strip()}")
    readme.write_text(before + BEGIN + text + END + after, encoding="utf-8")
