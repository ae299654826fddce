"""What is kept beside the records: how a change of what counts changes `annotator_totals` and marks the people whose
evidence has to be folded on, and how to recompute both.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select, text, tuple_, update

from benchmark_qa.records.figures import Totals
from benchmark_qa.records.score import Figure, ScoreRecord, add_shares, shares_of
from benchmark_qa.stats.intervals import RatioTotals
from benchmark_qa.store.schema import (
    FIGURE_COLUMNS,
    UpsertInsert,
    annotator_totals,
    current_scores,
    evidence_marks,
    excluded_truth,
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
