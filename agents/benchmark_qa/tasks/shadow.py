"""Shadow mode: record the decisions without acting on them, and compare them with what people did."""

import logging
from collections import Counter
from collections.abc import Mapping

from benchmark_qa.store.action_log import ActionLog, write_action
from benchmark_qa.store.errors import StoreError
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks.projects import ServedProjects

_log = logging.getLogger(__name__)
KIND = "shadow-decision"


MOST_COMPARED = 100_000


def record_decision(projects: ServedProjects, store: SqlScoreStore, data_hash: str, decision: str | None) -> None:
    """Record the pathway that would have been answered. A failure is only logged."""
    try:
        ActionLog(store.database).record(
            projects.production.project_hash,
            kind=KIND,
            operator="benchmark-qa",
            subject=data_hash,
            reason=decision or "(default pathway)",
        )
    except StoreError as error:
        _log.error("a shadow decision was not recorded: %s", error)


def record_decisions(projects: ServedProjects, store: SqlScoreStore, pathways: Mapping[str, str]) -> None:
    """Record the pathways, by data hash, that a drain would have used.

    A repeated decision is recorded once. The tasks stay at their stage, so the next drain finds them again. A failure
    is only logged.
    """
    project_hash = projects.production.project_hash
    try:
        known = newest_decisions(projects, store)
        with store.database.writing() as connection:
            for data_hash, pathway in pathways.items():
                if known.get(data_hash) != pathway:
                    write_action(
                        connection,
                        project_hash,
                        kind=KIND,
                        operator="benchmark-qa",
                        subject=data_hash,
                        reason=pathway,
                    )
    except StoreError as error:
        _log.error("%d shadow decisions were not recorded: %s", len(pathways), error)


def newest_decisions(projects: ServedProjects, store: SqlScoreStore) -> dict[str, str]:
    """The last decided pathway by data hash. Raises StoreError."""
    newest: dict[str, str] = {}
    project_hash = projects.production.project_hash
    for entry in ActionLog(store.database).entries(project_hash, limit=MOST_COMPARED, kind=KIND):
        newest.setdefault(entry.subject, entry.reason)
    return newest


def compare_decisions(projects: ServedProjects, store: SqlScoreStore) -> dict[tuple[str, str], int]:
    """Compare decisions with the tasks' present stages: number of tasks by (pathway, stage title).

    1 request to Encord. The newest decision of each data unit counts.

    Raises:
        StoreError, PlatformError
    """
    newest = newest_decisions(projects, store)
    project_hash = projects.production.project_hash
    stages = {row.data_hash: row.stage_title or "?" for row in projects.encord.label_rows(project_hash)}
    return dict(Counter((decision, stages.get(data_hash, "?")) for data_hash, decision in newest.items()))
