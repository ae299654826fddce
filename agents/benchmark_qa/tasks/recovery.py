"""Find work that left the scoring stages without a score, at whatever stage it is now."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from benchmark_qa.config.deployment import StageReference
from benchmark_qa.context import Progress, no_progress
from benchmark_qa.encord_api.analytics import TaskAction, WorkAnalytics
from benchmark_qa.encord_api.errors import PlatformError
from benchmark_qa.encord_api.models import ANNOTATION_KINDS, Task
from benchmark_qa.encord_api.retries import batches
from benchmark_qa.encord_api.tasks import queued_rows
from benchmark_qa.store.score_store import CountingScore, SqlScoreStore
from benchmark_qa.tasks.drain import TASKS_SCORED_TOGETHER, Drained, drain_scoring_stage, refusals
from benchmark_qa.tasks.projects import ServedProjects
from benchmark_qa.tasks.score import Scorer
from benchmark_qa.tasks.scoring_plan import DataUnitScores

HISTORY = timedelta(days=180)
"""Period of Encord's analytics that is read.

Work that left a scoring stage earlier is scored as it is now.
"""


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PastScoring:
    """Benchmark items that passed a scoring stage, or are finished, and have no current score."""

    handed_in: Mapping[str, datetime | None] = field(default_factory=dict)
    """By data hash: when the work to be scored was submitted; None if unknown."""
    untold: tuple[tuple[str, str], ...] = ()
    """(data hash, reason) of items not scored, because it is unknown whether they were edited since."""


def past_scoring(projects: ServedProjects, store: SqlScoreStore) -> PastScoring:
    """Find the items without a score. 1 request, and those of Encord's analytics if anything is found.

    Raises:
        StoreError, PlatformError
    """
    production = projects.production
    scored = set(store.scored_data_units(production.project_hash))
    stages = {
        row.data_hash: row.stage_uuid or ""
        for row in queued_rows(projects.encord, production.project_hash)
        if row.data_hash not in scored and projects.is_benchmark_dataset(row.dataset_hash)
    }
    finished = {stage.uuid for stage in production.stages if stage.kind == "DONE"}
    beyond = stages_beyond_scoring(projects)
    waiting = {projects.stage(each).uuid for each in _agent_stages(projects)}
    unscored = {data_hash: stage for data_hash, stage in stages.items() if stage and stage not in waiting}
    if not unscored or (not beyond and not finished & set(unscored.values())):
        return PastScoring()
    if not projects.deployment.stages.scoring:  # without scoring stages, finished items are scored as they are
        return PastScoring(dict.fromkeys(h for h, stage in unscored.items() if stage in finished))
    try:
        history = TaskHistory.of(_actions(projects), beyond)
    except PlatformError as error:
        _log.warning("Encord's analytics cannot be read: %s", error)
        reason = "it has no score, and Encord's analytics, which tell when it was handed in, cannot be read"
        return PastScoring(
            dict.fromkeys(h for h, stage in unscored.items() if stage in finished),
            tuple((h, reason) for h, stage in unscored.items() if stage in beyond - finished),
        )
    return PastScoring(
        {
            data_hash: history.handed_in(data_hash)
            for data_hash, stage in unscored.items()
            if stage in finished | beyond or history.was_beyond(data_hash)
        }
    )


def stages_beyond_scoring(projects: ServedProjects) -> set[str]:
    """Uuids of the stages to which a scoring stage sends tasks, without annotation and agent stages."""
    production = projects.production
    kinds = {stage.uuid: stage.kind for stage in production.stages}
    ours = {projects.stage(each).uuid for each in _agent_stages(projects)}
    return {
        destination
        for scoring in projects.deployment.stages.scoring
        for destination in projects.stage(scoring).leads_to
        if destination in kinds and kinds[destination] not in ANNOTATION_KINDS and destination not in ours
    }


@dataclass(frozen=True)
class TaskHistory:
    """When work was submitted, and when a task was first acted on beyond the scoring stages."""

    submitted: Mapping[str, list[datetime]]
    first_beyond: Mapping[str, datetime]

    @classmethod
    def of(cls, actions: Iterable[TaskAction], beyond: Collection[str]) -> "TaskHistory":
        """The history from a project's task actions, in any order.

        Approval before scoring counts as submission.
        """
        submitted: dict[str, list[datetime]] = {}
        first_beyond: dict[str, datetime] = {}
        for action in actions:
            if action.stage_uuid in beyond:
                first_beyond[action.data_hash] = min(action.at, first_beyond.get(action.data_hash, action.at))
            elif action.kind in ("submit", "approve"):
                submitted.setdefault(action.data_hash, []).append(action.at)
        return cls(submitted, first_beyond)

    def was_beyond(self, data_hash: str) -> bool:
        """Whether somebody acted on the task beyond the scoring stages."""
        return data_hash in self.first_beyond

    def handed_in(self, data_hash: str) -> datetime | None:
        """The last submission before the task was beyond scoring; None if nobody submitted it."""
        until = self.first_beyond.get(data_hash)
        return max((at for at in self.submitted.get(data_hash, ()) if until is None or at <= until), default=None)


def _agent_stages(projects: ServedProjects) -> Iterator[StageReference]:
    stages = projects.deployment.stages
    yield from stages.scoring
    if stages.routing is not None:
        yield stages.routing


def _actions(projects: ServedProjects) -> Iterator[TaskAction]:
    now = datetime.now(UTC)
    return WorkAnalytics(projects.encord, projects.production.project_hash).task_actions(now - HISTORY, now)


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


def rescore_project(scorer: Scorer, *, since: datetime | None = None, progress: Progress = no_progress) -> Rescored:
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
