"""How many people have seen a benchmark item, in any project."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import func, select

from benchmark_qa.store.database import Database
from benchmark_qa.store.rows import insert_into
from benchmark_qa.store.schema import editor_scorings, score_records

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
