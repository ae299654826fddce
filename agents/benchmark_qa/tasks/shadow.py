"""Shadow mode: what would have been decided, written down and compared with what people did."""

import logging
from collections import Counter
from collections.abc import Mapping

from benchmark_qa.store.action_log import ActionLog
from benchmark_qa.store.errors import StoreError
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks.projects import ServedProjects

_log = logging.getLogger(__name__)
KIND = "shadow-decision"


MOST_COMPARED = 100_000


def record_decision(projects: ServedProjects, store: SqlScoreStore, data_hash: str, decision: str | None) -> None:
    """Write down the pathway that would have been answered; a failure to do so is logged, no more."""
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


def record_decisions(projects: ServedProjects, store: SqlScoreStore, decisions: Mapping[str, str]) -> None:
    """Write down where a drain would have sent its tasks: data hash to pathway. What is written already is not again.

    A drain comes again and again for tasks that stay, which in shadow mode all do.
    """
    try:
        known = _newest(ActionLog(store.database), projects.production.project_hash)
    except StoreError as error:
        _log.error("shadow decisions were not recorded: %s", error)
        return
    for data_hash, decision in decisions.items():
        if known.get(data_hash) != decision:
            record_decision(projects, store, data_hash, decision)


def compare_decisions(projects: ServedProjects, store: SqlScoreStore) -> dict[tuple[str, str], int]:
    """What would have been decided against where the tasks are now: (pathway, stage title) to the number of tasks.

    1 request to Encord. The newest decision of each data unit counts.

    Raises:
        StoreError, PlatformError
    """
    project_hash = projects.production.project_hash
    newest = _newest(ActionLog(store.database), project_hash)
    stages = {row.data_hash: row.stage_title or "?" for row in projects.encord.label_rows(project_hash)}
    return dict(Counter((decision, stages.get(data_hash, "?")) for data_hash, decision in newest.items()))


def _newest(log: ActionLog, project_hash: str) -> dict[str, str]:
    """Data hash to the newest decision."""
    newest: dict[str, str] = {}
    for entry in log.entries(project_hash, limit=MOST_COMPARED, kind=KIND):
        newest.setdefault(entry.subject, entry.reason)
    return newest
