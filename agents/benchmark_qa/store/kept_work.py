"""The last reading of Encord's analytics, so that reports need no request to Encord."""

from sqlalchemy import delete, insert, select

from benchmark_qa.records.score import PersonsWork, WorkReading
from benchmark_qa.store.database import Database
from benchmark_qa.store.rows import insert_into
from benchmark_qa.store.schema import people_at_work, work_readings, work_times


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
