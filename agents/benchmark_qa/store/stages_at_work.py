"""Which agent stages' queues are being worked off, by any instance."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, literal, or_, select, update

from benchmark_qa.store.database import Database
from benchmark_qa.store.schema import insert_into, stages_at_work

SILENCE = timedelta(minutes=15)
"""Time without a finished job after which the rest is taken for lost: longer than a job may take."""


class StagesAtWork:
    """Counts the jobs that are left of each stage's list of tasks. Each method: 1 statement; raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, production_project: str, stage_uuid: str) -> bool:
        """Begin a list of the stage's tasks, itself one job; False while jobs of an earlier list are left."""
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            insert = insert_into(connection, stages_at_work).values(
                production_project=production_project, stage_uuid=stage_uuid, jobs=1, seen_at=now
            )
            over = or_(stages_at_work.c.jobs <= 0, stages_at_work.c.seen_at < now - SILENCE)
            begin = insert.on_conflict_do_update(
                index_elements=["production_project", "stage_uuid"], set_={"jobs": 1, "seen_at": now}, where=over
            )
            return connection.execute(begin.returning(stages_at_work.c.jobs)).scalar() is not None

    def add(self, production_project: str, stage_uuid: str, jobs: int) -> None:
        """Count more jobs that are left, or fewer; 0 says that one is still at work."""
        self._set(production_project, stage_uuid, stages_at_work.c.jobs + jobs)

    def end(self, production_project: str, stage_uuid: str) -> None:
        """Let another list begin."""
        self._set(production_project, stage_uuid, literal(0))

    def stale(self, production_project: str) -> dict[str, datetime]:
        """Stages whose jobs are taken for lost, with the moment one was last heard of."""
        table = stages_at_work
        query = select(table.c.stage_uuid, table.c.seen_at).where(
            table.c.production_project == production_project,
            table.c.jobs > 0,
            table.c.seen_at < datetime.now(UTC) - SILENCE,
        )
        with self._database.reading() as connection:
            return {row.stage_uuid: row.seen_at for row in connection.execute(query)}

    def _set(self, production_project: str, stage_uuid: str, jobs: ColumnElement[int]) -> None:
        of_stage = (stages_at_work.c.production_project == production_project) & (
            stages_at_work.c.stage_uuid == stage_uuid
        )
        with self._database.writing() as connection:
            connection.execute(update(stages_at_work).where(of_stage).values(jobs=jobs, seen_at=datetime.now(UTC)))
