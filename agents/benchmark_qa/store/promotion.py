"""Promote new score records to current ones, if they were made against the newest truth that the store knows.

Of two records of a task the one against the newer truth is current, then the one with the later edit of its labels.
Only if both are equal (other rules, another engine) the one that was scored later is current.

Every transaction takes its locks in the same order (records by key, truth by data hash, tasks by project, data hash and
branch, sums by annotator and figure, marks by annotator), so writers wait for each other but never deadlock.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, select, tuple_, update
from sqlalchemy.sql.dml import ReturningInsert

from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.store.database import Database
from benchmark_qa.store.schema import (
    FIGURE_COLUMNS,
    current_scores,
    excluded_truth,
    insert_into,
    insert_many,
    parameters_of,
    record_of,
    score_records,
    truth_versions,
)
from benchmark_qa.store.sums import Deltas, mark_changed

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


TaskKey = tuple[str, str, str]
"""Production project, data hash, branch name."""


_TASK_COLUMNS = (current_scores.c.production_project, current_scores.c.data_hash, current_scores.c.branch_name)


_REPLACE = (
    update(current_scores)
    .where(
        current_scores.c.production_project == bindparam("of_project"),
        current_scores.c.data_hash == bindparam("of_data_unit"),
        current_scores.c.branch_name == bindparam("of_branch"),
    )
    .values(key=bindparam("new_key"), scored_at=bindparam("new_scored_at"), stale_because=None)
)


_EXCLUDED = select(excluded_truth.c.data_hash).where(
    excluded_truth.c.production_project == bindparam("of_project"),
    excluded_truth.c.data_hash.in_(bindparam("data_hashes", expanding=True)),
)


def promote(connection: Connection, records: Sequence[ScoreRecord]) -> frozenset[str]:
    """Make those records current that are newer than the current ones, and update the sums.

    Late records are never current, nor are records against a truth that is known to have changed.

    Returns:
        Data units of records against such a truth; they must be scored again.
    """
    in_time = [record for record in records if not record.identity.late]
    if not in_time:
        return frozenset()
    against_newest, versions = made_against_the_newest(connection, in_time)
    behind = {r.identity.key: r.identity.data_hash for r in in_time}
    for record in against_newest:
        behind.pop(record.identity.key, None)
    newest = _newest_of_each_task(against_newest)
    taken = _let_count(connection, newest, versions) if newest else set()
    # Only on a new task nobody else can be concerned; an old record may be the first version of another's work.
    known_tasks = {_task(record) for record in in_time} - taken
    mark_changed(connection, in_time, known_tasks)
    return frozenset(behind.values())


def _let_count(
    connection: Connection, newest: Mapping[TaskKey, ScoreRecord], versions: VersionsByProject
) -> set[TaskKey]:
    """Make these records current; returns the tasks that had no score until now."""
    taken = _take_free_tasks(connection, newest)
    deltas = Deltas()
    contested = {task: record for task, record in newest.items() if task not in taken}
    replaced = _replace_older(connection, contested, versions)
    # Query after the first write: excluding an item locks the table that was just written. So either this query sees
    # the exclusion, or the exclusion sees these records.
    excluded = _excluded(connection, newest)
    for task, record in newest.items():
        old = replaced.get(task)
        if (task in taken or old is not None) and task[:2] not in excluded:
            deltas.add(record)
            if old is not None:
                deltas.add(old, -1.0)
    deltas.write(connection)
    return taken


def _newest_of_each_task(records: Iterable[ScoreRecord]) -> dict[TaskKey, ScoreRecord]:
    newest: dict[TaskKey, ScoreRecord] = {}
    for record in records:
        task = _task(record)
        if task not in newest or _is_newer(record, newest[task]):
            newest[task] = record
    return {task: newest[task] for task in sorted(newest)}


def _task(record: ScoreRecord) -> TaskKey:
    identity = record.identity
    return identity.production_project, identity.data_hash, identity.branch_name


def _is_newer(record: ScoreRecord, than: ScoreRecord) -> bool:
    """Compare truth, label edit and scoring time; for equal records the key decides, as in `rebuild`."""
    if _moments(record) != _moments(than):
        return _moments(record) > _moments(than)
    return record.identity.key < than.identity.key


def _moments(record: ScoreRecord) -> tuple[datetime, datetime, datetime]:
    identity = record.identity
    return identity.truth_edited_at or LONG_AGO, identity.labels_edited_at or LONG_AGO, record.scored_at


def _take_free_tasks(connection: Connection, newest: Mapping[TaskKey, ScoreRecord]) -> set[TaskKey]:
    """Insert the tasks that had no score until now; returns them."""
    columns: dict[str, list[Any]] = {
        "production_project": [project for project, _, _ in newest],
        "data_hash": [data_hash for _, data_hash, _ in newest],
        "branch_name": [branch for _, _, branch in newest],
        "key": [record.identity.key for record in newest.values()],
        "scored_at": [record.scored_at for record in newest.values()],
    }
    dialect = connection.dialect.name
    taken = connection.execute(_insert_free(dialect, tuple(columns)), parameters_of(dialect, columns))
    return {(project, data_hash, branch) for project, data_hash, branch in taken}


@cache
def _insert_free(dialect: str, names: tuple[str, ...]) -> ReturningInsert[str, str, str]:
    return insert_many(dialect, current_scores, names).on_conflict_do_nothing().returning(*_TASK_COLUMNS)


def _replace_older(
    connection: Connection, contested: Mapping[TaskKey, ScoreRecord], versions: VersionsByProject
) -> dict[TaskKey, ScoreRecord]:
    """Replace older current scores; returns the replaced records by task."""
    if not contested:
        return {}
    replaced = {}
    for old in _current(connection, list(contested)):
        task = _task(old)
        if contested[task].identity == old.identity:
            continue
        if _is_newer(contested[task], old) or _is_against_a_row_that_is_no_truth_now(old, versions):
            replaced[task] = old
    if replaced:
        connection.execute(_REPLACE, [_replacement(task, contested[task]) for task in replaced])
    return replaced


def _is_against_a_row_that_is_no_truth_now(record: ScoreRecord, versions: VersionsByProject) -> bool:
    known = versions.get(record.identity.production_project, {}).get(record.identity.data_hash)
    return known is not None and (record.identity.truth_edited_at or LONG_AGO) > known.edited_at


def _current(connection: Connection, tasks: Sequence[TaskKey]) -> list[ScoreRecord]:
    """The current records, locked.

    Two queries: PostgreSQL drops a joined row that changed while it waited.
    """
    locked = (
        select(current_scores.c.key).where(tuple_(*_TASK_COLUMNS).in_(tasks)).order_by(*_TASK_COLUMNS).with_for_update()
    )
    keys = connection.scalars(locked).all()
    return [record_of(row) for row in connection.execute(select(*FIGURE_COLUMNS).where(score_records.c.key.in_(keys)))]


def _replacement(task: TaskKey, record: ScoreRecord) -> dict[str, Any]:
    project, data_hash, branch = task
    return {
        "of_project": project,
        "of_data_unit": data_hash,
        "of_branch": branch,
        "new_key": record.identity.key,
        "new_scored_at": record.scored_at,
    }


def _excluded(connection: Connection, tasks: Iterable[TaskKey]) -> set[tuple[str, str]]:
    by_project: dict[str, set[str]] = {}
    for project, data_hash, _ in tasks:
        by_project.setdefault(project, set()).add(data_hash)
    excluded: set[tuple[str, str]] = set()
    for project, data_hashes in by_project.items():
        found = connection.scalars(_EXCLUDED, {"of_project": project, "data_hashes": list(data_hashes)})
        excluded |= {(project, data_hash) for data_hash in found}
    return excluded
