"""Score a whole project by hand: tasks at the scoring stages, and tasks past them without a score."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmark_qa.context import Progress, no_progress
from benchmark_qa.encord_api.models import Task
from benchmark_qa.encord_api.request_sizes import batches
from benchmark_qa.store.score_store import CountingScore
from benchmark_qa.tasks.drain import TASKS_SCORED_TOGETHER, Drained, drain_scoring_stage, refusals
from benchmark_qa.tasks.recovery import past_scoring
from benchmark_qa.tasks.score import Scorer
from benchmark_qa.tasks.scoring_plan import DataUnitScores


def evaluate_project(scorer: Scorer, progress: Progress = no_progress) -> Drained:
    """Drain the scoring stages, then score tasks past them, or finished, without a current score.

    Stages on *Auto* are drained too. Can be repeated and interrupted at any point: existing scores are not made again,
    and tasks that have moved on are not moved again.
    """
    projects = scorer.projects
    total = Drained()
    for scoring in projects.deployment.stages.scoring:
        total += drain_scoring_stage(scorer, scoring, progress)
    past = past_scoring(projects, scorer.store)
    total += Drained(refused=past.untold)
    for some in batches(list(past.handed_in), TASKS_SCORED_TOGETHER):
        for scored in scorer.score_in_bundles(some, {data_hash: past.handed_in[data_hash] for data_hash in some}):
            total += Drained(refused=refusals(scored), late=_late(scored))
        progress(len(some))
    for batch in _finished_benchmark_tasks(scorer):
        others = [task.data_hash for task in batch if task.data_hash not in past.handed_in]
        for scored in scorer.score_in_bundles(others):
            total += Drained(refused=refusals(scored))
        progress(len(others))
    return total


def _late(scored: Sequence[DataUnitScores]) -> int:
    return sum(record.identity.late for each in scored for record in each.records)


def _finished_benchmark_tasks(scorer: Scorer) -> Iterator[Sequence[Task]]:
    projects = scorer.projects
    production = projects.production
    datasets = projects.production_datasets("benchmark")
    if not datasets:
        return
    for stage in production.stages:
        if stage.kind == "DONE":
            for page in projects.encord.task_pages(production.project_hash, stage.uuid, dataset_hashes=datasets):
                if page:
                    yield page


@dataclass(frozen=True)
class Rescored:
    """The outcome of scoring again, in annotators' scores."""

    made: int = 0
    """New records"""
    changed: int = 0
    """New records whose figure differs from before"""
    left: int = 0
    """Records that were already correct"""
    refused: tuple[tuple[str, str], ...] = ()
    """(data hash, reason) of data units that could not be scored"""

    def __add__(self, other: "Rescored") -> "Rescored":
        return Rescored(
            self.made + other.made,
            self.changed + other.changed,
            self.left + other.left,
            self.refused + other.refused,
        )


def rescore(scorer: Scorer, *, since: datetime | None = None, progress: Progress = no_progress) -> Rescored:
    """Make again the scores of all scored data units whose labels, truth, rules or engine have changed.

    Unchanged data units are not scored: their record is found by its key. Can be repeated and interrupted.
    Nothing is moved on Encord.

    Args:
        scorer: of the deployment.
        since: only data units scored since then.
        progress: called with the number of data units that are done.

    Raises:
        StoreError, PlatformError
    """
    project = scorer.projects.production.project_hash
    data_hashes = scorer.store.scored_data_units(project, since=since)
    total = Rescored()
    for batch in batches(data_hashes, TASKS_SCORED_TOGETHER):
        looked_at = datetime.now(UTC)
        before = scorer.store.counting(project, batch)
        for scored in scorer.score_in_bundles(batch):
            scorer.store.affirm([record.identity.key for each in scored for record in each.records], as_of=looked_at)
            total += _outcome(scored, before)
        progress(len(batch))
    return total


def _outcome(scored: Sequence[DataUnitScores], before: Mapping[tuple[str, str], CountingScore]) -> Rescored:
    made = sum(each.made for each in scored)
    records = [record for each in scored for record in each.records]
    changed = 0
    for record in records:
        old = before.get((record.identity.data_hash, record.identity.branch_name))
        if old is None or (old.key != record.identity.key and (old.score, old.passed) != (record.score, record.passed)):
            changed += 1
    return Rescored(made, changed, len(records) - made, refusals(scored))
