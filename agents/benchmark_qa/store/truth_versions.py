"""The newest version of each item's truth that any instance has seen.

Scores against older ones are not current.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.store.database import Database
from benchmark_qa.store.rows import insert_into
from benchmark_qa.store.schema import truth_versions

LONG_AGO = datetime.min.replace(tzinfo=UTC)
_HASHES_PER_QUERY = 500


@dataclass(frozen=True)
class SeenTruth:
    """One version of one item's truth."""

    label_hash: str | None
    edited_at: datetime
    """When its row was last edited, or another answer was last accepted or withdrawn."""

    def is_newer_than(self, edited_at: datetime | None) -> bool:
        """Whether a score against a truth of that time is out of date."""
        return self.edited_at > (edited_at or LONG_AGO)


Versions = Mapping[str, SeenTruth]
"""Truth versions by data hash."""


VersionsByProject = Mapping[str, Versions]


class TruthVersions:
    """The truth versions in one database; raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self, production_project: str, data_hashes: Sequence[str]) -> dict[str, SeenTruth]:
        """The newest known versions of these items; unknown items are left out. 1 query per 500."""
        return self._database.read(lambda connection: newest_truth(connection, production_project, data_hashes))

    def note(self, production_project: str, seen: Versions, *, instead: bool = False) -> None:
        """Store these versions for all instances. Versions older than the known ones change nothing.

        Args:
            production_project: of the deployment.
            seen: the versions.
            instead: store older ones too, because another row is the truth now.
        """
        if seen:
            self._database.write(lambda connection: note_truth(connection, production_project, seen, instead=instead))


def newest_truth(connection: Connection, production_project: str, data_hashes: Iterable[str]) -> dict[str, SeenTruth]:
    """The known versions of these items."""
    wanted = sorted(set(data_hashes))
    found: dict[str, SeenTruth] = {}
    columns = (truth_versions.c.data_hash, truth_versions.c.label_hash, truth_versions.c.edited_at)
    for start in range(0, len(wanted), _HASHES_PER_QUERY):
        query = select(*columns).where(
            truth_versions.c.production_project == production_project,
            truth_versions.c.data_hash.in_(wanted[start : start + _HASHES_PER_QUERY]),
        )
        found |= {row.data_hash: SeenTruth(row.label_hash, row.edited_at) for row in connection.execute(query)}
    return found


def note_truth(connection: Connection, production_project: str, seen: Versions, *, instead: bool = False) -> None:
    """Store the newer of the known and the seen version. The rows stay locked until the transaction ends."""
    if not seen:
        return
    rows = [
        {
            "production_project": production_project,
            "data_hash": data_hash,
            "label_hash": seen[data_hash].label_hash,
            "edited_at": seen[data_hash].edited_at,
        }
        for data_hash in sorted(seen)  # always locked in the same order, so that writers never deadlock
    ]
    insert = insert_into(connection, truth_versions)
    newer = insert.on_conflict_do_update(
        index_elements=["production_project", "data_hash"],
        set_={"label_hash": insert.excluded.label_hash, "edited_at": insert.excluded.edited_at},
        where=None if instead else truth_versions.c.edited_at < insert.excluded.edited_at,
    )
    connection.execute(newer, rows)


def truths_of(records: Iterable[ScoreRecord]) -> dict[str, dict[str, SeenTruth]]:
    """The newest truth of these records, by production project and data hash."""
    found: dict[str, dict[str, SeenTruth]] = {}
    for record in records:
        identity = record.identity
        edited_at = identity.truth_edited_at
        if edited_at is None:
            continue
        of_project = found.setdefault(identity.production_project, {})
        known = of_project.get(identity.data_hash)
        if known is None or edited_at > known.edited_at:
            of_project[identity.data_hash] = SeenTruth(identity.truth_label_hash, edited_at)
    return found


def made_against_the_newest(
    connection: Connection, records: Sequence[ScoreRecord]
) -> tuple[list[ScoreRecord], VersionsByProject]:
    """Note the records' truths; return the records without a known newer truth, and all known versions."""
    of_projects = truths_of(records)
    for project in sorted(of_projects):
        note_truth(connection, project, of_projects[project])
    by_project: dict[str, list[ScoreRecord]] = {}
    for record in records:
        by_project.setdefault(record.identity.production_project, []).append(record)
    fresh: list[ScoreRecord] = []
    versions: dict[str, Versions] = {}
    for project, theirs in by_project.items():
        versions[project] = newest = newest_truth(connection, project, (record.identity.data_hash for record in theirs))
        for record in theirs:
            known = newest.get(record.identity.data_hash)
            if known is None or not known.is_newer_than(record.identity.truth_edited_at):
                fresh.append(record)
    return fresh, versions
