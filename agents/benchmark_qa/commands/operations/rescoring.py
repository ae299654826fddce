"""Score a whole project by hand: what waits at the scoring stages, and what has passed them unscored."""

from collections.abc import Sequence

from benchmark_qa.encord_api.models import Task
from benchmark_qa.tasks.drain import Drained, Progress, drain_scoring_stage, no_progress, refusals
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
