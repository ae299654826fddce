"""Which version of its ground truth each data unit's current scores were made against."""

from datetime import datetime

from sqlalchemy import select

from benchmark_qa.store.database import Database
from benchmark_qa.store.schema import current_scores, score_records

TruthVersion = tuple[str | None, datetime | None]
"""Label hash, and when its row was last edited or another answer was last ruled on"""


def scored_versions(database: Database, production_project: str) -> dict[str, list[TruthVersion]]:
    """One version for each branch that has a current score, by data hash. 1 query.

    Raises:
        StoreError
    """
    query = (
        select(score_records.c.data_hash, score_records.c.truth_label_hash, score_records.c.truth_edited_at)
        .join_from(current_scores, score_records, current_scores.c.key == score_records.c.key)
        .where(current_scores.c.production_project == production_project)
    )
    versions: dict[str, list[TruthVersion]] = {}
    with database.reading() as connection:
        for data_hash, label_hash, edited_at in connection.execute(query):
            versions.setdefault(data_hash, []).append((label_hash, edited_at))
    return versions
