"""The coverage table in the emulator's README; run as a module, this writes it anew."""

from itertools import groupby
from pathlib import Path

# The checks register themselves.
from . import (  # noqa: F401
    checks_client,
    checks_collections,
    checks_datasets,
    checks_labels,
    checks_projects,
    checks_storage,
    checks_uploads,
    checks_workflow,
)
from .registry import ABSENT, CHECKS
from .surface import SURFACE

README = Path(__file__).parents[4] / "emulator" / "README.md"
BEGIN, END = "<!-- coverage: begin -->\n", "<!-- coverage: end -->\n"


def table() -> str:
    """How much of every class is tried, what is not emulated and why, and every check with what it tries."""
    tried = {target for check in CHECKS for target in check.targets}
    lines = [
        f"{len(tried)} of {len(SURFACE)} public methods and properties of the SDK 0.1.211 are tried "
        f"({100 * len(tried) / len(SURFACE):.1f} %).",
        "",
        "| class | members | tried |",
        "| --- | ---: | ---: |",
    ]
    for owner, members in groupby(SURFACE, key=lambda name: name.rpartition(".")[0]):
        names = list(members)
        lines.append(f"| `{owner}` | {len(names)} | {sum(name in tried for name in names)} |")
    lines += ["", "Not emulated:", "", "| members | why |", "| --- | --- |"]
    for reason, names in groupby(ABSENT, key=ABSENT.__getitem__):
        lines.append(f"| {', '.join(f'`{name}`' for name in names)} | {reason} |")
    lines += ["", "| check: how the effect is read back | members |", "| --- | --- |"]
    lines += [f"| **{check.name.replace('_', ' ')}**: {check.how} | {_members(check.targets)} |" for check in CHECKS]
    return "\n".join(lines) + "\n"


def _members(targets: tuple[str, ...]) -> str:
    by_owner = groupby(targets, key=lambda target: target.rpartition(".")[0])
    return "; ".join(f"`{owner}`: {', '.join(t.rpartition('.')[2] for t in names)}" for owner, names in by_owner)


def written() -> str:
    """The table as the README has it."""
    return README.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


def write() -> None:
    """Puts the table into the README."""
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(before + BEGIN + table() + END + after, encoding="utf-8")


if __name__ == "__main__":
    write()
