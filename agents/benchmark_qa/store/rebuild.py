"""Recompute what follows from the score records: the current scores, and the sums per annotator."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select, text

from benchmark_qa.store.rows import FIGURE_COLUMNS, record_of
from benchmark_qa.store.schema import annotator_totals, current_scores, excluded_truth, score_records, truth_versions
from benchmark_qa.store.sums import Deltas

_ROWS_AT_ONCE = 2_000


def rebuild(connection: Connection) -> None:
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
