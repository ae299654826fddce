"""Drain a stage's queue: route or score all waiting tasks, in bundles, until the deadline."""

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmark_qa.config.deployment import RoutingStage, ScoringStage
from benchmark_qa.context import Progress, no_progress, remaining_seconds
from benchmark_qa.encord_api.models import Stage, Task
from benchmark_qa.encord_api.retries import ACTIONS_PER_REQUEST, batches
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks.decision import decide
from benchmark_qa.tasks.errors import MisconfiguredStage, ProjectNotServed
from benchmark_qa.tasks.held import owe, pathway_without_score, scored_or_owed
from benchmark_qa.tasks.projects import ServedProjects
from benchmark_qa.tasks.score import Scorer, judge_data_unit
from benchmark_qa.tasks.scoring_plan import DataUnitScores
from benchmark_qa.tasks.shadow import record_decisions
from benchmark_qa.tasks.standing import retired_items
from benchmark_qa.tasks.write_back import WriteBack

TASKS_SCORED_TOGETHER = 500


RESERVE_SECONDS = 10.0
"""A new bundle is started only if at least this time is left before the deadline."""


REFUSALS_LOGGED = 20
"""Most tasks of a bundle that the log names when they stay; the others are only counted."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drained:
    """The result of a drain."""

    moved: int = 0
    already_gone: int = 0
    refused: tuple[tuple[str, str], ...] = ()
    """(data hash, reason) of tasks that stay at the stage."""
    finished: bool = True
    """False: the time was up before the queue was empty; the next drain continues."""
    late: int = 0
    """Number of scores of labels that were edited after submission.

    They are stored and not counted in any figure.
    """

    def __add__(self, other: "Drained") -> "Drained":
        return Drained(
            self.moved + other.moved,
            self.already_gone + other.already_gone,
            self.refused + other.refused,
            self.finished and other.finished,
            self.late + other.late,
        )


def drain_routing_stage(
    projects: ServedProjects,
    store: SqlScoreStore,
    routing: RoutingStage,
    progress: Progress = no_progress,
    data_hashes: Sequence[str] | None = None,
) -> Drained:
    """Route all tasks that wait at the routing stage, or only those of `data_hashes`.

    Benchmark and production tasks are listed separately with the server's dataset filter. A task that arrives in
    between is in one of the two lists or in neither, never in the wrong one. Requests: 1 per page of 100 tasks, 1 per
    bundle of 1,000, and 2.
    """
    stage = projects.stage(routing)
    production = projects.production.project_hash
    total = Drained()
    for is_benchmark, datasets, pathway in (
        (True, projects.production_datasets("benchmark"), routing.benchmark_pathway),
        (False, projects.production_datasets("production"), routing.production_pathway),
    ):
        if not datasets:
            continue
        pages = projects.encord.task_pages(production, stage.uuid, dataset_hashes=datasets, data_hashes=data_hashes)
        for tasks in _chunks(pages, ACTIONS_PER_REQUEST):
            retired = retired_items(projects, store, [task.data_hash for task in tasks]) if is_benchmark else set()
            moves = [(task, routing.production_pathway if task.data_hash in retired else pathway) for task in tasks]
            total += _send_on(projects, store, stage, moves)
            progress(len(tasks))
            if _time_is_up():
                return total + Drained(finished=False)
    return total


def drain_scoring_stage(
    scorer: Scorer,
    scoring: ScoringStage,
    progress: Progress = no_progress,
    data_hashes: Sequence[str] | None = None,
) -> Drained:
    """Score all tasks that wait at a scoring stage and move them. Tasks that cannot be scored yet stay.

    Requests for N tasks of k branches: 1 per page of 100 tasks; per 500 tasks 1 for metadata and 1 to move them; 1 per
    bundle of up to 1,000 label rows, and 1 bundle of truth for each of those. The scores of a bundle are recorded
    before the next bundle is requested, and a task moves only after its score is recorded.

    Raises:
        StoreError: tasks wait for the store (`on_store_failure`).
        TruthChanging, PlatformError, MisconfiguredStage
    """
    projects = scorer.projects
    stage = projects.stage(scoring)
    production = projects.production.project_hash
    total = Drained()
    pages = projects.encord.task_pages(production, stage.uuid, data_hashes=data_hashes)
    for tasks in _chunks(pages, TASKS_SCORED_TOGETHER):
        pathways: dict[str, str] = {}
        try:
            for scored in scored_or_owed(scorer, [task.data_hash for task in tasks]):
                WriteBack(scorer).after_scoring(scored)
                total += Drained(refused=_logged(refusals(scored)))
                pathways |= {s.data_hash: pathway_of(s, scoring, stage, scorer) for s in scored if s.refusal is None}
                owed = [each.data_hash for each in scored if not each.kept and each.refusal is None]
                if owed:
                    owe(owed)
                if _time_is_up():
                    break
        finally:  # move the recorded tasks even if the rest has to wait
            going = [(task, pathways[task.data_hash]) for task in tasks if task.data_hash in pathways]
            if going:
                total += _send_on(projects, scorer.store, stage, going)
        progress(len(tasks))
        if _time_is_up():
            return total + Drained(finished=False)
    return total


def _send_on(
    projects: ServedProjects, store: SqlScoreStore, stage: Stage, moves: Sequence[tuple[Task, str]]
) -> Drained:
    """Move tasks along their pathways. In shadow mode they stay, and the decisions are recorded."""
    if projects.deployment.shadow:
        record_decisions(projects, store, {task.data_hash: pathway for task, pathway in moves})
        return Drained(
            refused=tuple((task.data_hash, f"shadow mode: {pathway!r} is decided") for task, pathway in moves)
        )
    moved = projects.encord.proceed(projects.production.project_hash, stage.uuid, moves)
    return Drained(moved.moved, moved.already_gone)


def pathway_of(scores: DataUnitScores, scoring: ScoringStage, stage: Stage, scorer: Scorer) -> str:
    """The name of the pathway of a scored task.

    Raises:
        MisconfiguredStage: the configuration names no pathway and the stage has several.
        NowhereToPass: the score is not recorded and no pathway is safe.
    """
    if not scores.kept:
        return pathway_without_score(scoring, stage, scorer.projects.production)
    judged = judge_data_unit(scores.records, scorer.projects.deployment)
    decision = decide(judged, pass_pathway=scoring.pass_pathway, fail_pathway=scoring.fail_pathway)
    if decision.pathway is not None:
        return decision.pathway
    if len(stage.pathways) != 1:
        raise MisconfiguredStage(f"stage '{stage.title}' has several pathways: name its 'pass_pathway' to drain it")
    return stage.pathways[0]


def refusals(scores: Iterable[DataUnitScores]) -> tuple[tuple[str, str], ...]:
    """(data hash, reason) of the data units that could not be scored."""
    return tuple((each.data_hash, str(each.refusal)) for each in scores if each.refusal is not None)


def _logged(refused: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    for data_hash, reason in refused[:REFUSALS_LOGGED]:
        _log.warning("data unit %s stays: %s", data_hash, reason)
    if len(refused) > REFUSALS_LOGGED:
        _log.warning("%d more data units stay", len(refused) - REFUSALS_LOGGED)
    return refused


def _time_is_up() -> bool:
    return remaining_seconds(default=math.inf) < RESERVE_SECONDS


def _chunks(pages: Iterable[Sequence[Task]], size: int) -> Iterator[list[Task]]:
    """Collect the tasks of pages into lists of at least `size`; the last may be shorter."""
    gathered: list[Task] = []
    for page in pages:
        gathered.extend(page)
        if len(gathered) >= size:
            yield gathered
            gathered = []
    if gathered:
        yield gathered


@dataclass(frozen=True)
class EventOutcome:
    """Number of data units of an event that were scored and refused."""

    scored: int
    refused: int

    def __add__(self, other: "EventOutcome") -> "EventOutcome":
        return EventOutcome(self.scored + other.scored, self.refused + other.refused)


def handle_event(scorer: Scorer, project_hash: str, data_hashes: Sequence[str]) -> EventOutcome:
    """Score the data units of an event: submitted or completed work, or ground truth that was edited.

    Data units that are not benchmark items, or cannot be scored yet, are counted and not changed. Scores against edited
    truth are marked as stale until the new scores are recorded.

    Raises:
        ProjectNotServed: the event is about a project that this deployment does not serve.
        StoreError: every data unit counted as scored is in the store; the event must be delivered again.
        TruthChanging, PlatformError
    """
    projects = scorer.projects
    deployment = projects.deployment
    is_truth = project_hash in {str(project) for project in deployment.benchmark_projects}
    if not is_truth and project_hash != str(deployment.production_project):
        raise ProjectNotServed(f"project {project_hash} is not served by this deployment")
    if is_truth:
        scorer.truth.forget(data_hashes)
        scorer.tell_of_truth(data_hashes)
    outcome = EventOutcome(scored=0, refused=0)
    for batch in batches(list(dict.fromkeys(data_hashes)), TASKS_SCORED_TOGETHER):
        looked_at = datetime.now(UTC)
        for scored in scorer.score_in_bundles(batch):
            if is_truth:  # where the truth is the same after all, the stored scores count again
                keys = [record.identity.key for each in scored for record in each.records]
                scorer.store.affirm(keys, as_of=looked_at)
            WriteBack(scorer).after_scoring(scored)
            refused = len(refusals(scored))
            outcome += EventOutcome(len(scored) - refused, refused)
    return outcome
