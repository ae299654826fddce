"""How many people have met a benchmark item, whatever project they met it in."""

from collections.abc import Sequence

from sqlalchemy import func, select

from benchmark_qa.store.database import Database
from benchmark_qa.store.schema import score_records

_HASHES_PER_QUERY = 500


def people_who_met(database: Database, data_hashes: Sequence[str]) -> dict[str, int]:
    """Annotators with a score, by data hash; items that nobody has met are left out. 1 query per 500 items.

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
