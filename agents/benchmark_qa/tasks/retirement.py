"""Benchmark items that too many annotators have seen."""

import logging
from collections.abc import Sequence

from benchmark_qa.store.errors import StoreError
from benchmark_qa.store.exposure import people_who_met
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks.projects import ServedProjects

_log = logging.getLogger(__name__)


def retired_items(projects: ServedProjects, store: SqlScoreStore, data_hashes: Sequence[str]) -> set[str]:
    """The items that too many annotators have seen. They are routed as production from now on.

    No request to Encord. If the store fails, no item is retired, so that routing continues.
    """
    limit = projects.deployment.exposure.retire_after
    if limit is None or not data_hashes:
        return set()
    try:
        return {
            data_hash for data_hash, people in people_who_met(store.database, data_hashes).items() if people >= limit
        }
    except StoreError as error:
        _log.error("exposure of benchmark items is not known: %s", error)
        return set()
