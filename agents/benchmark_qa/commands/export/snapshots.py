"""Snapshots: label branches with copies of chosen rows of `main`, to repeat an export.

Encord copies rows in batches, and copying may be interrupted. A snapshot is complete when it is sealed: its first row
is copied once more, to a branch `NAME.sealed.DIGEST`, whose name holds the digest of the row selection. The next run
completes a snapshot without a seal. Encord lets people edit any branch in the label editor: rows that were edited after
the seal are counted and reported.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from benchmark_qa.encord_api.label_rows import BranchRow, LabelBranches
from benchmark_qa.errors import RefusalError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SEALED = ".sealed."
_ROWS_PER_CALL = 1_000


class SnapshotRefused(RefusalError):
    """The name cannot be used for this export; the message says why."""


@dataclass(frozen=True)
class Snapshot:
    """A frozen label branch."""

    name: str
    made_at: datetime | None
    rows: tuple[BranchRow, ...]
    """Sorted by data hash"""

    @property
    def edited_since(self) -> int:
        """Number of rows edited on the branch since it was sealed."""
        made_at = self.made_at
        return sum(
            made_at is not None and row.last_edited_at is not None and row.last_edited_at > made_at for row in self.rows
        )


def check_name(name: str) -> None:
    """Refuse a name that Encord rejects, or whose branch would be scored as an annotator's work.

    Raises:
        SnapshotRefused
    """
    if not NAME.fullmatch(name) or name == "main" or name.startswith("encord-") or _SEALED in name:
        raise SnapshotRefused(
            f"{name!r} cannot name a snapshot: up to 100 letters, digits, '-', '_' and '.', not 'main', "
            "not 'encord-...' (annotators' branches)"
        )


def sealed_snapshot(branches: LabelBranches, name: str, digest: str) -> Snapshot | None:
    """The snapshot, or None if it does not exist. 1 request, and 2 more if it exists.

    Raises:
        SnapshotRefused: it was made with another row selection, or its rows are gone.
    """
    check_name(name)
    seals = [branch for branch in branches.names() if branch.startswith(name + _SEALED)]
    if not seals:
        return None
    if _seal(name, digest) not in seals:
        raise SnapshotRefused(f"snapshot {name!r} was made by other filters: give the same ones, or another name")
    rows = _on_branch(branches, name)
    if not rows:
        raise SnapshotRefused(f"nothing is left of snapshot {name!r}: its rows were deleted, give another name")
    (sealed,) = branches.rows(_seal(name, digest), data_hashes=[rows[0].data_hash])
    return Snapshot(name, sealed.created_at, rows)


def make_snapshot(
    branches: LabelBranches, name: str, digest: str, chosen: Sequence[BranchRow], progress: Callable[[int], None]
) -> Snapshot:
    """Copy the chosen rows and seal the copy. Can be killed and run again.

    5 requests per 1,000 rows, 1 per 1,000 that nobody has opened, and 4 more.

    Raises:
        SnapshotRefused: nothing was chosen, or the branch holds rows that were not chosen.
    """
    if not chosen:
        raise SnapshotRefused("no data unit is chosen: there is nothing to freeze")
    labelled = [row.label_hash for row in chosen if row.label_hash is not None]
    for start in range(0, len(labelled), _ROWS_PER_CALL):
        batch = labelled[start : start + _ROWS_PER_CALL]
        branches.copy(batch, name)
        progress(len(batch))
    # Answers without labels have no row to copy: an empty row takes their place.
    empty = [row.data_hash for row in chosen if row.label_hash is None]
    if empty:
        branches.open(empty, name)
        progress(len(empty))
    rows = _on_branch(branches, name)
    _refuse_others(name, rows, chosen)
    seal = _seal(name, digest)
    first = next((row for row in chosen if row.label_hash is not None), None)
    if first is None or first.label_hash is None or first.data_hash != rows[0].data_hash:
        branches.open([rows[0].data_hash], seal)
    else:
        branches.copy([first.label_hash], seal)
    (sealed,) = branches.rows(seal, data_hashes=[rows[0].data_hash])
    return Snapshot(name, sealed.created_at, rows)


def _on_branch(branches: LabelBranches, name: str) -> tuple[BranchRow, ...]:
    rows = [row for row in branches.rows(name) if row.label_hash is not None]
    return tuple(sorted(rows, key=lambda row: row.data_hash))


def _refuse_others(name: str, rows: Sequence[BranchRow], chosen: Sequence[BranchRow]) -> None:
    there, wanted = {row.data_hash for row in rows}, {row.data_hash for row in chosen}
    if wanted - there:
        raise SnapshotRefused(f"Encord did not copy {len(wanted - there)} of {len(wanted)} rows to branch {name!r}")
    if there - wanted:
        raise SnapshotRefused(
            f"branch {name!r} holds {len(there - wanted)} rows that are not chosen now: give another name"
        )


def _seal(name: str, digest: str) -> str:
    return f"{name}{_SEALED}{digest}"
