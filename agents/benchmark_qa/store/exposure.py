"""Who has seen a benchmark item, in any project, and the last reading of Encord's analytics."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, func, insert, select

from benchmark_qa.records.score import PersonsWork, WorkReading
from benchmark_qa.store.database import Database
from benchmark_qa.store.schema import (
    editor_scorings,
    insert_into,
    people_at_work,
    score_records,
    work_readings,
    work_times,
)

_HASHES_PER_QUERY = 500


def people_who_met(database: Database, data_hashes: Sequence[str]) -> dict[str, int]:
    """Number of annotators with a score, by data hash. Items without a score are left out.

    1 query per 500 items.

    Raises:
        StoreError
    """
    people: dict[str, int] = {}
    with database.reading() as connection:
        for start in range(0, len(data_hashes), _HASHES_PER_QUERY):
            query = (
                select(score_records.c.data_hash, func.count(func.distinct(score_records.c.annotator)).label("people"))
                .where(score_records.c.data_hash.in_(data_hashes[start : start + _HASHES_PER_QUERY]))
                .group_by(score_records.c.data_hash)
            )
            people |= {row.data_hash: row.people for row in connection.execute(query)}
    return people


class EditorScorings:
    """The counts of scorings from the label editor in one database; raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, production_project: str, data_hash: str) -> int:
        """Count one scoring; returns the new number, which no other caller gets."""
        with self._database.writing() as connection:
            insert = insert_into(connection, editor_scorings).values(
                production_project=production_project, data_hash=data_hash, scorings=1, last_at=datetime.now(UTC)
            )
            one_more = insert.on_conflict_do_update(
                index_elements=["production_project", "data_hash"],
                set_={"scorings": editor_scorings.c.scorings + 1, "last_at": insert.excluded.last_at},
            )
            return int(connection.execute(one_more.returning(editor_scorings.c.scorings)).scalar_one())


class KeptWork:
    """The last reading of each project in one database; raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(self, production_project: str, reading: WorkReading) -> None:
        """Store this reading in place of the one before."""
        people = [
            {"production_project": production_project, "annotator": annotator, **_row(work)}
            for annotator, work in reading.people.items()
        ]
        times = [
            {
                "production_project": production_project,
                "annotator": annotator,
                "data_hash": data_hash,
                "seconds": seconds,
            }
            for (annotator, data_hash), seconds in reading.seconds.items()
        ]
        with self._database.writing() as connection:
            # Upsert the reading's row first: of two concurrent readings one then waits for the other.
            moments = {"since": reading.since, "read_at": reading.read_at}
            row = insert_into(connection, work_readings).values(production_project=production_project, **moments)
            connection.execute(row.on_conflict_do_update(index_elements=["production_project"], set_=moments))
            for table, rows in ((people_at_work, people), (work_times, times)):
                connection.execute(delete(table).where(table.c.production_project == production_project))
                if rows:
                    connection.execute(insert(table), rows)

    def last(self, production_project: str) -> WorkReading | None:
        """The last reading, or None. 1 query if there is none, else 3."""
        with self._database.reading() as connection:
            about = select(work_readings).where(work_readings.c.production_project == production_project)
            read = connection.execute(about).one_or_none()
            if read is None:
                return None
            people = connection.execute(
                select(people_at_work).where(people_at_work.c.production_project == production_project)
            )
            times = connection.execute(
                select(work_times.c.annotator, work_times.c.data_hash, work_times.c.seconds).where(
                    work_times.c.production_project == production_project
                )
            )
            return WorkReading(
                since=read.since,
                read_at=read.read_at,
                people={
                    row.annotator: PersonsWork(
                        **{name: row._mapping[name] for name in PersonsWork.__dataclass_fields__}
                    )
                    for row in people
                },
                seconds={(annotator, data_hash): seconds for annotator, data_hash, seconds in times},
            )


def _row(work: PersonsWork) -> dict[str, int | None]:
    return {name: getattr(work, name) for name in PersonsWork.__dataclass_fields__}
