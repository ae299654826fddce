"""Score a whole project by hand: what waits at the scoring stages, and what has passed them unscored."""

from collections.abc import Sequence
from datetime import UTC, datetime

from benchmark_qa.context import Progress, no_progress
from benchmark_qa.encord_api.models import Task
from benchmark_qa.tasks.drain import TASKS_SCORED_TOGETHER, Drained, drain_scoring_stage, refusals
from benchmark_qa.tasks.score import Scorer


def evaluate_project(scorer: Scorer, progress: Progress = no_progress) -> Drained:
    """Drain the scoring stages, then score finished benchmark tasks that have no current score.

    Can be repeated and interrupted at any point: scores that are there are not made again, tasks that have moved on
    are not moved again.
    """
    projects = scorer.projects
    total = Drained()
    for scoring in projects.deployment.stages.scoring:
        total += drain_scoring_stage(scorer, scoring, progress)
    for batch in _finished_benchmark_tasks(scorer):
        for scored in scorer.score_in_bundles([task.data_hash for task in batch]):
            total += Drained(refused=refusals(scored))
        progress(len(batch))
    return total


def _finished_benchmark_tasks(scorer: Scorer) -> list[Sequence[Task]]:
    projects = scorer.projects
    production = projects.production
    datasets = projects.production_datasets("benchmark")
    if not datasets:
        return []
    return [
        page
        for stage in production.stages
        if stage.kind == "DONE"
        for page in projects.encord.task_pages(production.project_hash, stage.uuid, dataset_hashes=datasets)
        if page
    ]


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
