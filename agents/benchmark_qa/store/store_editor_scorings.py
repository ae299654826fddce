"""How often a data unit was scored from the label editor: nobody climbs to the truth by asking."""

from datetime import UTC, datetime

from benchmark_qa.store.database import Database
from benchmark_qa.store.schema import editor_scorings
from benchmark_qa.store.store_upserts import insert_into


class EditorScorings:
    """The counters kept in one database; raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, production_project: str, data_hash: str) -> int:
        """One more; returns the new number, which no other caller gets."""
        with self._database.writing() as connection:
            insert = insert_into(connection, editor_scorings).values(
                production_project=production_project, data_hash=data_hash, scorings=1, last_at=datetime.now(UTC)
            )
            one_more = insert.on_conflict_do_update(
                index_elements=["production_project", "data_hash"],
                set_={"scorings": editor_scorings.c.scorings + 1, "last_at": insert.excluded.last_at},
            )
            return int(connection.execute(one_more.returning(editor_scorings.c.scorings)).scalar_one())
