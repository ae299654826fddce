"""Score again what may have changed: the truth, the rules, the engine, or the labels."""

from datetime import UTC, datetime

from benchmark_qa.tasks.drain import TASKS_SCORED_TOGETHER, Drained, Progress, no_progress, refusals
from benchmark_qa.tasks.score import Scorer


def rescore(scorer: Scorer, *, since: datetime | None = None, progress: Progress = no_progress) -> Drained:
    """Look again at every data unit that has a score; make anew the scores whose labels, truth, rules or engine differ.

    What has not changed costs no scoring: its record is found under its key. Can be repeated and interrupted.
    Nothing is moved on Encord.

    Args:
        scorer: of the deployment.
        since: only data units scored since then.
        progress: told the number of data units that have been dealt with.

    Raises:
        StoreError, PlatformError
    """
    project = scorer.projects.production.project_hash
    data_hashes = scorer.store.scored_data_units(project, since=since)
    total = Drained()
    for start in range(0, len(data_hashes), TASKS_SCORED_TOGETHER):
        batch = data_hashes[start : start + TASKS_SCORED_TOGETHER]
        looked_at = datetime.now(UTC)
        for scored in scorer.score_in_bundles(batch):
            scorer.store.affirm([record.identity.key for each in scored for record in each.records], as_of=looked_at)
            total += Drained(refused=refusals(scored))
        progress(len(batch))
    return total
