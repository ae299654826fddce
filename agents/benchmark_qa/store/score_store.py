"""Score records: upserts under deterministic keys, with history and sums."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Text, cast, func, or_, select, tuple_, update
from sqlalchemy.sql.dml import ReturningInsert

from benchmark_qa.records.figures import Totals
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.store.database import CONNECTIONS, Database
from benchmark_qa.store.exposure import EditorScorings
from benchmark_qa.store.promotion import promote
from benchmark_qa.store.schema import (
    FIGURE_COLUMNS,
    PACKED_COLUMNS,
    columns_of,
    current_scores,
    insert_many,
    packed_record_of,
    parameters_of,
    record_of,
    score_records,
)
from benchmark_qa.store.sums import first_scores, newest_scores, read_totals

T = TypeVar("T")
_KEYS_PER_QUERY = 500
_ROWS_PER_PAGE = 500
"""Rows in memory at a time when records are packed"""
_ROWS_PER_INSERT = 500


@dataclass(frozen=True)
class CountingScore:
    """The score of a current record."""

    key: str
    score: float | None
    passed: bool | None


class SqlScoreStore:
    """Score records in SQLite or PostgreSQL. Thread-safe.

    Every method raises `StoreError` if the database cannot be used.

    Args:
        url: SQLAlchemy URL, e.g. `sqlite:///scores.sqlite` or `postgresql+psycopg://user@host/db`.
        connections: most connections to PostgreSQL.
        prepared_statements: False behind a pool that gives each transaction another connection (PgBouncer).

    Raises:
        StoreError: the URL is not valid.
    """

    def __init__(self, url: str, *, connections: int = CONNECTIONS, prepared_statements: bool = True) -> None:
        self.database = Database(url, connections=connections, prepared_statements=prepared_statements)

    def find(self, keys: Sequence[str]) -> dict[str, ScoreRecord]:
        """The records under these keys; unknown keys are left out. 1 query per 500 keys."""

        def look(connection: Connection) -> dict[str, ScoreRecord]:
            found: dict[str, ScoreRecord] = {}
            for batch in _batches(keys, _KEYS_PER_QUERY):
                rows = connection.execute(select(score_records).where(score_records.c.key.in_(batch)))
                found.update({row.key: record_of(row) for row in rows})
            return found

        return self.database.read(look)

    def size_of_details(self, keys: Sequence[str]) -> int:
        """Characters of JSON that `find` would have to parse.

        1 query per 500 keys; does not transfer the JSON.
        """
        documents = (score_records.c.details, score_records.c.sketch)
        size = func.sum(sum(func.coalesce(func.length(cast(document, Text)), 0) for document in documents))
        return self.database.read(
            lambda connection: sum(
                int(connection.scalar(select(size).where(score_records.c.key.in_(batch))) or 0)
                for batch in _batches(keys, _KEYS_PER_QUERY)
            )
        )

    def save(self, records: Sequence[ScoreRecord]) -> frozenset[str]:
        """Insert new records; a record that is already stored does not change.

        A new record becomes current, unless the current one is against newer truth or has a later edit of its labels,
        or newer truth is known. One transaction per 500 records, retried while the store is away; 1 statement if
        nothing is new, else 6, and 3 more if scores are replaced.

        Returns:
            Data units whose known truth is newer than that of their records. These records are in the history but not
            current; the data units must be scored again.
        """
        in_order = sorted(records, key=lambda record: record.identity.key)
        behind: frozenset[str] = frozenset()
        for batch in _batches(in_order, _ROWS_PER_INSERT):
            behind |= self.database.write(partial(_save, {record.identity.key: record for record in batch}))
        return behind

    def affirm(self, keys: Sequence[str], *, as_of: datetime) -> None:
        """Make these stored records current again as of `as_of`, and clear their stale mark.

        Records that were scored after that moment stay current, because they are of newer labels.
        """
        for batch in _batches(sorted(keys), _KEYS_PER_QUERY):
            records = [replace(record, scored_at=as_of) for record in self.find(batch).values()]

            def affirm(connection: Connection, records: list[ScoreRecord] = records) -> None:
                behind = promote(connection, records)
                keys = [r.identity.key for r in records if r.identity.data_hash not in behind]
                connection.execute(
                    update(current_scores).where(current_scores.c.key.in_(keys)).values(stale_because=None)
                )

            self.database.write(affirm)

    def latest(self, production_project: str, *, whole: bool = True) -> list[ScoreRecord]:
        """The current record of every branch of every data unit of a project, by data hash and branch.

        Excluded items are included; `TruthRulings` lists them. Without `whole`, details and sketch are left out.
        """
        query = _current(production_project, score_records.columns if whole else FIGURE_COLUMNS)
        with self.database.reading() as connection:
            return [record_of(row) for row in connection.execute(query)]

    def packed(self, production_project: str, moment: datetime | None = None) -> list[ScoreRecord]:
        """The records of `latest`, or of `as_of` a moment, with details and sketches compressed.

        They are read in pages and need about a tenth of the memory.
        """
        if moment is None:
            return self._in_pages(_current(production_project, PACKED_COLUMNS))
        return self._in_pages(_current_then(production_project, moment, PACKED_COLUMNS))

    def projects(self) -> dict[str, int]:
        """The number of current scores, by production project."""
        query = select(current_scores.c.production_project, func.count()).group_by(current_scores.c.production_project)
        with self.database.reading() as connection:
            return {str(project): int(number) for project, number in connection.execute(query)}

    def as_of(self, production_project: str, moment: datetime) -> list[ScoreRecord]:
        """The result of `latest` at a moment in the past."""
        query = _current_then(production_project, moment, score_records.columns)
        with self.database.reading() as connection:
            return [record_of(row) for row in connection.execute(query)]

    def first_versions(self, production_project: str) -> list[ScoreRecord]:
        """The first score of every branch of every data unit, without its details and sketch."""
        return self._in_pages(first_scores(score_records.c.production_project == production_project, FIGURE_COLUMNS))

    def work_of(
        self, production_project: str, annotators: Sequence[str]
    ) -> tuple[list[ScoreRecord], list[ScoreRecord]]:
        """The current and the first score of every branch on which one of these people has a score of any version.

        Without details and sketches; an unknown annotator is the empty string. 2 queries per 500 people.
        """
        current: dict[str, ScoreRecord] = {}
        first: dict[str, ScoreRecord] = {}
        of_project = score_records.c.production_project == production_project
        for names in _batches(annotators, _KEYS_PER_QUERY):
            theirs = func.coalesce(score_records.c.annotator, "") if "" in names else score_records.c.annotator
            tasks = select(score_records.c.data_hash, score_records.c.branch_name).where(of_project, theirs.in_(names))
            task = tuple_(current_scores.c.data_hash, current_scores.c.branch_name)
            of_first = tuple_(score_records.c.data_hash, score_records.c.branch_name)
            for found, query in (
                (current, _current(production_project, FIGURE_COLUMNS).where(task.in_(tasks))),
                (first, first_scores(of_project & of_first.in_(tasks), FIGURE_COLUMNS)),
            ):
                found |= {record.identity.key: record for record in self._in_pages(query)}
        return list(current.values()), list(first.values())

    def _in_pages(self, query: Select[Any]) -> list[ScoreRecord]:
        known: dict[str, str] = {}
        with self.database.paging() as connection:
            rows = connection.execution_options(yield_per=_ROWS_PER_PAGE).execute(query)
            return [packed_record_of(row, known) for row in rows]

    def history(self, production_project: str, data_hash: str) -> list[ScoreRecord]:
        """Every version of every branch's score of a data unit, by branch, oldest first."""
        query = (
            select(score_records)
            .where(
                score_records.c.production_project == production_project,
                score_records.c.data_hash == data_hash,
            )
            .order_by(score_records.c.branch_name, score_records.c.scored_at, score_records.c.key)
        )
        with self.database.reading() as connection:
            return [record_of(row) for row in connection.execute(query)]

    def totals(self, production_project: str) -> dict[str | None, Totals]:
        """The sums of every annotator's figures over the current scores (None: annotator unknown).

        One query that reads one row per annotator and figure, for any number of records.
        """
        with self.database.reading() as connection:
            return read_totals(connection, production_project)

    def mark_stale(self, production_project: str, data_hashes: Sequence[str], because: str) -> None:
        """Mark the scores of these data units as stale; a newer current score removes the mark."""

        def mark(connection: Connection) -> None:
            for batch in _batches(sorted(data_hashes), _KEYS_PER_QUERY):
                of_these = (current_scores.c.production_project == production_project) & (
                    current_scores.c.data_hash.in_(batch)
                )
                connection.execute(update(current_scores).where(of_these).values(stale_because=because))

        self.database.write(mark)

    def stale(self, production_project: str, *, config_fingerprint: str, engine_version: str) -> dict[str, str]:
        """Keys of stale scores, with the reason: marked, or made by another configuration or engine."""
        query = (
            select(
                current_scores.c.key,
                current_scores.c.stale_because,
                score_records.c.config_fingerprint,
            )
            .join_from(current_scores, score_records, current_scores.c.key == score_records.c.key)
            .where(
                current_scores.c.production_project == production_project,
                or_(
                    current_scores.c.stale_because.is_not(None),
                    score_records.c.config_fingerprint != config_fingerprint,
                    score_records.c.engine_version != engine_version,
                ),
            )
        )
        with self.database.reading() as connection:
            return {
                key: marked
                or ("the scoring rules have changed" if made_with != config_fingerprint else "the engine has changed")
                for key, marked, made_with in connection.execute(query)
            }

    def counting(self, production_project: str, data_hashes: Sequence[str]) -> dict[tuple[str, str], CountingScore]:
        """The current scores of these data units, by data hash and branch. 1 query per 500."""
        columns = (current_scores.c.data_hash, current_scores.c.branch_name, current_scores.c.key)
        of_project = current_scores.c.production_project == production_project
        query = (
            select(*columns, score_records.c.score, score_records.c.passed)
            .join_from(current_scores, score_records, current_scores.c.key == score_records.c.key)
            .where(of_project)
        )

        def look(connection: Connection) -> dict[tuple[str, str], CountingScore]:
            return {
                (row.data_hash, row.branch_name): CountingScore(row.key, row.score, row.passed)
                for batch in _batches(data_hashes, _KEYS_PER_QUERY)
                for row in connection.execute(query.where(current_scores.c.data_hash.in_(batch)))
            }

        return self.database.read(look)

    def scored_data_units(self, production_project: str, *, since: datetime | None = None) -> list[str]:
        """Data hashes with a current score, optionally scored since a moment."""
        query = select(current_scores.c.data_hash).where(current_scores.c.production_project == production_project)
        if since is not None:
            query = query.where(current_scores.c.scored_at >= since)
        in_order = query.distinct().order_by(current_scores.c.data_hash)
        return self.database.read(lambda connection: list(connection.scalars(in_order)))

    def recent(self, production_project: str, limit: int = 5) -> list[ScoreRecord]:
        """The scores made last, the newest first, without details and sketches."""
        query = select(*FIGURE_COLUMNS).where(score_records.c.production_project == production_project)
        newest = query.order_by(score_records.c.scored_at.desc(), score_records.c.key).limit(limit)
        with self.database.reading() as connection:
            return [record_of(row) for row in connection.execute(newest)]

    def exposures(self, production_project: str) -> dict[str, dict[str | None, int]]:
        """How many label versions of each data unit were scored, by data hash and annotator."""
        versions = func.count(func.distinct(func.coalesce(score_records.c.labels_edited_at, score_records.c.scored_at)))
        query = (
            select(score_records.c.data_hash, score_records.c.annotator, versions)
            .where(score_records.c.production_project == production_project)
            .group_by(score_records.c.data_hash, score_records.c.annotator)
        )
        seen: dict[str, dict[str | None, int]] = {}
        with self.database.reading() as connection:
            for data_hash, annotator, number in connection.execute(query):
                seen.setdefault(data_hash, {})[annotator] = number
        return seen

    def count_editor_scoring(self, production_project: str, data_hash: str) -> int:
        """Count a scoring of a data unit from the label editor; returns the number across all instances."""
        return EditorScorings(self.database).add(production_project, data_hash)

    def close(self) -> None:
        """Close every connection."""
        self.database.close()


def _save(by_key: Mapping[str, ScoreRecord], connection: Connection) -> frozenset[str]:
    dialect = connection.dialect.name
    columns = columns_of(list(by_key.values()))
    new = connection.scalars(_insert_unknown(dialect), parameters_of(dialect, columns)).all()
    return promote(connection, [by_key[key] for key in new])


@cache
def _insert_unknown(dialect: str) -> ReturningInsert[str]:
    names = [column.name for column in score_records.columns]
    return insert_many(dialect, score_records, names).on_conflict_do_nothing().returning(score_records.c.key)


def _current(production_project: str, columns: Iterable[ColumnElement[Any]]) -> Select[Any]:
    """The current record of every branch, by data hash and branch."""
    return (
        select(*columns)
        .join_from(current_scores, score_records, current_scores.c.key == score_records.c.key)
        .where(current_scores.c.production_project == production_project)
        .order_by(current_scores.c.data_hash, current_scores.c.branch_name)
    )


def _current_then(production_project: str, moment: datetime, columns: Iterable[ColumnElement[Any]]) -> Select[Any]:
    """The same at a moment in the past."""
    then = (score_records.c.production_project == production_project) & (score_records.c.scored_at <= moment)
    return newest_scores(then, columns).order_by("data_hash", "branch_name")


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
