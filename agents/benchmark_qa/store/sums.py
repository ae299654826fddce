"""What is kept beside the records: how a change of what counts changes `annotator_totals` and marks the people whose
evidence has to be folded on, and how to recompute both.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache
from hashlib import blake2b
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select, text, tuple_, update

from benchmark_qa.records.figures import Totals
from benchmark_qa.records.score import Figure, ScoreRecord, add_shares, shares_of
from benchmark_qa.stats.intervals import RatioTotals
from benchmark_qa.store.database import Database
from benchmark_qa.store.schema import (
    FIGURE_COLUMNS,
    UpsertInsert,
    annotator_totals,
    current_scores,
    evidence_marks,
    evidence_states,
    excluded_truth,
    insert_into,
    insert_many,
    parameters_of,
    record_of,
    score_records,
    truth_versions,
)

UNKNOWN = ""
"""The value of an unknown annotator in the table."""


KEY = ("production_project", "annotator", "figure")


SUMS = (
    "tasks",
    "numerator",
    "denominator",
    "numerator_squared",
    "product",
    "denominator_squared",
    "tasks_with_shortfall",
    "tasks_with_success",
)


class Deltas:
    """Changes of sums, collected per project and annotator and then written together."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], dict[Figure, list[float]]] = {}

    def add(self, record: ScoreRecord, sign: float = 1.0) -> None:
        """Add the record to the sums (sign 1), or remove it (sign -1)."""
        owner = (record.identity.production_project, record.annotator or UNKNOWN)
        add_shares(self._sums.setdefault(owner, {}), shares_of(record), sign)

    def write(self, connection: Connection) -> None:
        """Add the changes to the table.

        Rows are always locked in the same order, so that writers never deadlock.
        """
        changes = [
            ((project, annotator, figure), figures[figure])
            for (project, annotator), figures in sorted(self._sums.items())
            for figure in sorted(figures)
        ]
        if not changes:
            return
        columns: dict[str, Sequence[Any]] = dict(zip(KEY, zip(*(key for key, _ in changes), strict=True), strict=True))
        columns |= zip(SUMS, zip(*(sums for _, sums in changes), strict=True), strict=True)
        dialect = connection.dialect.name
        connection.execute(_add_to_sums(dialect), parameters_of(dialect, columns))


@cache
def _add_to_sums(dialect: str) -> UpsertInsert:
    insert = insert_many(dialect, annotator_totals, (*KEY, *SUMS))
    added = {name: annotator_totals.c[name] + insert.excluded[name] for name in SUMS}
    return insert.on_conflict_do_update(index_elements=KEY, set_=added)


def read_totals(connection: Connection, production_project: str) -> dict[str | None, Totals]:
    """Sums by annotator (None: unknown). One query over one row per annotator and figure."""
    by_annotator: dict[str, dict[Figure, Sequence[Any]]] = {}
    # The driver's own tuples: no column needs a conversion, and there may be ten rows for each of many annotators.
    cursor = connection.execute(totals_query(production_project)).cursor
    for row in cursor.fetchall() if cursor else ():
        by_annotator.setdefault(row[0], {})[row[1]] = row
    return {annotator or None: KeptTotals(rows) for annotator, rows in by_annotator.items()}


class KeptTotals(Mapping[Figure, RatioTotals]):
    """The stored sums of one annotator; the sums of a figure are converted on access."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Mapping[Figure, Sequence[Any]]) -> None:
        self._rows = rows

    def __getitem__(self, figure: Figure) -> RatioTotals:
        return RatioTotals(*self._rows[figure][2:])

    def __iter__(self) -> Iterator[Figure]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def totals_query(production_project: str) -> Select[Any]:
    """The only query of the leaderboard."""
    columns = (annotator_totals.c.annotator, annotator_totals.c.figure, *(annotator_totals.c[name] for name in SUMS))
    return select(*columns).where(
        annotator_totals.c.production_project == production_project, annotator_totals.c.tasks > 0
    )


def deltas_of(records: Iterable[ScoreRecord], sign: float = 1.0) -> Deltas:
    """The change of the sums by all of these records."""
    deltas = Deltas()
    for record in records:
        deltas.add(record, sign)
    return deltas


_ROWS_AT_ONCE = 2_000


def rebuild_sums(connection: Connection) -> None:
    """Compute `current_scores` and `annotator_totals` from `score_records`.

    Stale marks are lost. Scores that are out of date are found again by the versions they were made with.
    """
    lock_writers(connection)
    connection.execute(delete(current_scores))
    connection.execute(delete(annotator_totals))
    names = ("production_project", "data_hash", "branch_name", "key", "scored_at")
    newest = newest_scores(~_against_no_truth_now().exists(), (score_records.c[name] for name in names))
    connection.execute(insert(current_scores).from_select(names, newest))
    deltas = Deltas()
    counted = counted_scores(*FIGURE_COLUMNS).execution_options(yield_per=_ROWS_AT_ONCE)
    for row in connection.execute(counted):
        deltas.add(record_of(row))
    deltas.write(connection)
    connection.execute(update(evidence_marks).values(version=uuid4().hex))


def _against_no_truth_now() -> Select[Any]:
    """Truth versions edited before the record's truth: another row, edited earlier, is the truth now."""
    return select(truth_versions.c.data_hash).where(
        truth_versions.c.production_project == score_records.c.production_project,
        truth_versions.c.data_hash == score_records.c.data_hash,
        truth_versions.c.edited_at < score_records.c.truth_edited_at,
    )


def lock_writers(connection: Connection) -> None:
    """Block other writers of current scores (see `promotion`). SQLite allows one writer only."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE current_scores IN SHARE ROW EXCLUSIVE MODE"))


def newest_scores(condition: ColumnElement[bool], columns: Iterable[ColumnElement[Any]]) -> Select[Any]:
    """The current record of every branch of every data unit, among those that meet the condition.

    Ordered by truth, label edit and scoring time, as in `promotion`. Late records are left out.
    """
    order = (
        score_records.c.truth_edited_at.desc().nulls_last(),
        score_records.c.labels_edited_at.desc().nulls_last(),
        score_records.c.scored_at.desc(),
    )
    return _at_the_edge(condition & score_records.c.late.is_(False), columns, order)


def first_scores(condition: ColumnElement[bool], columns: Iterable[ColumnElement[Any]]) -> Select[Any]:
    """The oldest record of every branch of every data unit, among those that meet the condition."""
    return _at_the_edge(condition & score_records.c.late.is_(False), columns, (score_records.c.scored_at.asc(),))


def _at_the_edge(
    condition: ColumnElement[bool], columns: Iterable[ColumnElement[Any]], order: Sequence[ColumnElement[Any]]
) -> Select[Any]:
    task = (score_records.c.production_project, score_records.c.data_hash, score_records.c.branch_name)
    rank = func.row_number().over(partition_by=task, order_by=(*order, score_records.c.key))
    ranked = select(*columns, rank.label("rank")).where(condition).subquery()
    return select(*(column for column in ranked.c if column.name != "rank")).where(ranked.c.rank == 1)


def counted_scores(*columns: ColumnElement[Any]) -> Select[Any]:
    """The current records of items that are not excluded."""
    excluded = select(excluded_truth.c.data_hash).where(
        excluded_truth.c.production_project == current_scores.c.production_project,
        excluded_truth.c.data_hash == current_scores.c.data_hash,
    )
    return (
        select(*columns)
        .join_from(current_scores, score_records, current_scores.c.key == score_records.c.key)
        .where(~excluded.exists())
    )


_OF_A_TASK = (score_records.c.production_project, score_records.c.data_hash, score_records.c.branch_name)


def mark_changed(
    connection: Connection, records: Iterable[ScoreRecord], tasks: Collection[tuple[str, str, str]] = ()
) -> None:
    """Mark the people of these records, and everybody who has a record of these tasks.

    Args:
        connection: the transaction of the change, which has written everything else.
        records: new ones.
        tasks: project, data hash and branch.
    """
    people = {(record.identity.production_project, record.annotator or UNKNOWN) for record in records}
    if tasks:
        people |= people_with(connection, tuple_(*_OF_A_TASK).in_(sorted(tasks)))
    mark_people(connection, people)


def people_with(connection: Connection, condition: ColumnElement[bool]) -> set[tuple[str, str]]:
    """Project and annotator of every record that meets the condition."""
    people = select(score_records.c.production_project, score_records.c.annotator).where(condition).distinct()
    return {(project, annotator or UNKNOWN) for project, annotator in connection.execute(people)}


def mark_people(connection: Connection, people: Collection[tuple[str, str]]) -> None:
    """Mark these people (project, annotator), always locked in the same order, so that writers never deadlock."""
    if not people:
        return
    projects, names = zip(*sorted(people), strict=True)
    columns = {"production_project": projects, "annotator": names, "version": [uuid4().hex] * len(names)}
    dialect = connection.dialect.name
    connection.execute(_mark(dialect), parameters_of(dialect, {name: list(each) for name, each in columns.items()}))


@cache
def _mark(dialect: str) -> UpsertInsert:
    insert = insert_many(dialect, evidence_marks, ("production_project", "annotator", "version"))
    changed = {"version": insert.excluded.version}
    return insert.on_conflict_do_update(index_elements=["production_project", "annotator"], set_=changed)


@dataclass(frozen=True)
class WorkVersion:
    """Which work of a person counts now; `mark` is None if no writer of this version has marked it."""

    mark: str | None
    digest: str


@dataclass(frozen=True)
class KeptState:
    """What is folded of a person's tasks."""

    config: str
    """What it is about; another one is another state"""
    version: str
    """`WorkVersion.digest` of the work"""
    tasks: int = 0
    """Number of tasks folded"""
    last_at: datetime | None = None
    """Submission of the last of them"""
    last_task: str | None = None
    folded: str = ""
    """Digest of what these tasks said, in order"""
    state: Mapping[str, Any] = field(default_factory=dict)
    """JSON types"""


class EvidenceStates:
    """The folded states of one database; raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def versions(self, production_project: str) -> dict[str, WorkVersion]:
        """The version of everybody's work; an unknown annotator is the empty string. 2 queries.

        The sums are in it: instances of a former version go on writing for a while, and mark nothing.
        """
        marks = select(evidence_marks.c.annotator, evidence_marks.c.version)
        of_project = marks.where(evidence_marks.c.production_project == production_project)

        def look(connection: Connection) -> tuple[dict[str, str], dict[str, list[Any]]]:
            marked = {row.annotator: row.version for row in connection.execute(of_project)}
            sums: dict[str, list[Any]] = {}
            for row in connection.execute(totals_query(production_project)):
                sums.setdefault(row[0], []).append(tuple(row[1:]))
            return marked, sums

        marked, sums = self._database.read(look)
        return {
            name: WorkVersion(marked.get(name), _digest([marked.get(name), sorted(sums.get(name, []))]))
            for name in marked.keys() | sums.keys()
        }

    def kept(self, production_project: str) -> dict[tuple[str, str], KeptState]:
        """All states, by annotator and config. 1 query."""
        columns = [evidence_states.c[name] for name in KeptState.__dataclass_fields__]
        query = select(evidence_states.c.annotator, *columns)
        of_project = query.where(evidence_states.c.production_project == production_project)

        def look(connection: Connection) -> dict[tuple[str, str], KeptState]:
            return {
                (annotator, state[0]): KeptState(*state) for annotator, *state in connection.execute(of_project).all()
            }

        return self._database.read(look)

    def keep(
        self, production_project: str, states: Mapping[tuple[str, str], KeptState], marks: Mapping[str, str | None]
    ) -> None:
        """Store states, by annotator and config, of people whose work has not been marked since it was read.

        The others are folded again at the next look. An erased person has no mark, so nothing of them comes back. What
        is of no known annotator is always stored.
        """
        names = sorted({annotator for annotator, _ in states})

        def write(connection: Connection) -> None:
            unchanged = {UNKNOWN}
            for start in range(0, len(names), _NAMES_PER_QUERY):
                of_these = evidence_marks.c.annotator.in_(names[start : start + _NAMES_PER_QUERY])
                query = select(evidence_marks.c.annotator, evidence_marks.c.version).where(
                    evidence_marks.c.production_project == production_project, of_these
                )
                locked = query.order_by(evidence_marks.c.annotator).with_for_update(read=True)
                unchanged |= {name for name, mark in connection.execute(locked) if marks.get(name) == mark}
            rows = [
                {"production_project": production_project, "annotator": name} | asdict(state)
                for (name, _), state in sorted(states.items(), key=lambda each: each[0])
                if name in unchanged
            ]
            if rows:
                connection.execute(_keep(connection), rows)

        self._database.write(write)


_NAMES_PER_QUERY = 500


def _keep(connection: Connection) -> UpsertInsert:
    insert = insert_into(connection, evidence_states)
    fields = {name: insert.excluded[name] for name in KeptState.__dataclass_fields__ if name != "config"}
    return insert.on_conflict_do_update(index_elements=["production_project", "annotator", "config"], set_=fields)


def _digest(value: object) -> str:
    return blake2b(repr(value).encode(), digest_size=16).hexdigest()
