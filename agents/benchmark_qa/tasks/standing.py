"""The state of a deployment: tasks by stage, who they wait for, scores, worn-out items, the next command."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from benchmark_qa.encord_api.models import LabelRow, Project, Stage, StageKind, WaitingTask
from benchmark_qa.store.errors import StoreError
from benchmark_qa.store.exposure import people_who_met
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks.projects import ServedProjects

LOOKED_AT = 500
"""Tasks of a stage that are read to find the oldest: 5 requests."""


AGENTS_TURN = timedelta(minutes=2)
"""Longest time of a call with its retries. A task that is longer at an agent stage was missed."""


_AGENTS = {"route": "the routing agent", "evaluate": "the scoring agent"}
"""Names of the agents, by the command that does the same work by hand."""


@dataclass(frozen=True, slots=True)
class StageStanding:
    """One stage of a project and its waiting tasks."""

    title: str
    kind: StageKind
    tasks: int
    unchanged_since: datetime | None = None
    """Last change of the task unchanged for the longest time, of `looked_at`; None: no task waits."""
    oldest: str | None = None
    """Title of that task's data unit."""
    waits_for: str | None = None
    """The person or agent that the task waits for."""
    looked_at: int = 0


@dataclass(frozen=True, slots=True)
class ProjectStanding:
    """A served project with its stages in the workflow's order."""

    role: str
    """`production` or `benchmark`."""
    project_hash: str
    title: str
    stages: tuple[StageStanding, ...]


@dataclass(frozen=True, slots=True)
class ScoreStanding:
    """Numbers of scores of the production project, and of items without score or truth."""

    recorded: int
    """Current scores, one for each annotator's branch."""
    data_units: int
    """Data units with at least one current score."""
    owed: int
    """Benchmark tasks past the annotators, with finished truth and without a score."""
    truth_missing: int
    """Items of the benchmark projects whose truth is not finished."""
    waiting_for_truth: int
    """Items without finished truth whose production task waits at a scoring stage."""


@dataclass(frozen=True, slots=True)
class RecentScore:
    """What a scoring call of Encord, or the same by hand, has left."""

    scored_at: datetime
    annotator: str | None
    data_hash: str
    data_title: str
    score: float | None


@dataclass(frozen=True, slots=True)
class NextStep:
    """The next command and its reason."""

    command: str
    why: str


@dataclass(frozen=True, slots=True)
class DeploymentState:
    """The state of a deployment at one moment."""

    at: datetime
    projects: tuple[ProjectStanding, ...]
    scores: ScoreStanding
    recent: tuple[RecentScore, ...]
    """The scores made last, the newest first."""
    next: NextStep


def deployment_state(projects: ServedProjects, store: SqlScoreStore, now: datetime | None = None) -> DeploymentState:
    """Read the state from Encord's projects and the store.

    1 request per project, and up to 5 per stage at which tasks wait; 3 queries.

    Raises:
        PlatformError, StoreError
    """
    now = now or datetime.now(UTC)
    production = projects.production
    served = [("production", production), *(("benchmark", each) for each in projects.benchmarks)]
    rows = {each.project_hash: projects.encord.label_rows(each.project_hash) for _, each in served}
    states = []
    for role, project in served:
        present = {row.stage_uuid for row in rows[project.project_hash]}
        waiting = {
            stage.uuid: projects.encord.waiting_tasks(project.project_hash, stage.uuid, LOOKED_AT)
            for stage in project.stages
            if stage.uuid in present and stage.kind != "DONE"
        }
        agents = _agents(projects) if role == "production" else {}
        stages = stage_standings(project, rows[project.project_hash], waiting, agents)
        states.append(ProjectStanding(role, project.project_hash, project.title, stages))
    scores = _scores(projects, store, rows)
    recent = tuple(
        RecentScore(each.scored_at, each.annotator, each.identity.data_hash, each.data_title, each.score)
        for each in store.recent(production.project_hash)
    )
    return DeploymentState(now, tuple(states), scores, recent, next_step(states[0], scores, now))


def stage_standings(
    project: Project,
    rows: Sequence[LabelRow],
    waiting: Mapping[str, Sequence[WaitingTask]],
    agents: Mapping[str, str],
) -> tuple[StageStanding, ...]:
    """Every stage with its number of tasks and the task unchanged for the longest time.

    Args:
        rows: the `main` label row of each data unit of the project.
        waiting: tasks by stage uuid.
        agents: what this service does at a stage, by the stage's uuid: `route` or `evaluate`.
    """
    numbers = Counter(row.stage_uuid for row in rows)
    found = []
    for stage in project.stages:
        here = waiting.get(stage.uuid, ())
        oldest = min(here, key=lambda task: task.changed_at, default=None)
        found.append(
            StageStanding(
                title=stage.title,
                kind=stage.kind,
                tasks=numbers[stage.uuid],
                unchanged_since=oldest.changed_at if oldest else None,
                oldest=oldest.data_title if oldest else None,
                waits_for=waits_for(stage, oldest, agents.get(stage.uuid)) if oldest else None,
                looked_at=len(here),
            )
        )
    return tuple(found)


def waits_for(stage: Stage, task: WaitingTask, command: str | None) -> str:
    """The person or agent that a task waits for, as text."""
    if stage.kind == "AGENT":
        return _AGENTS.get(command or "", "an agent that is not this service")
    if task.parts:
        handed_in = f"{task.parts - len(task.missing)} of {task.parts} annotators have submitted"
        people = [name for name in task.missing if name]
        return f"{', '.join(people)} ({handed_in})" if people else f"annotators ({handed_in})"
    whom = "a reviewer" if stage.kind in ("REVIEW", "CONSENSUS_REVIEW") else "an annotator"
    return task.assignee or f"{whom} (nobody has it)"


def next_step(production: ProjectStanding, scores: ScoreStanding, now: datetime) -> NextStep:
    """The most urgent command: for blocked tasks, then for missed tasks, then to see results."""
    if not any(stage.tasks for stage in production.stages):
        return NextStep("benchmark-qa doctor", "the production project has no tasks")
    if scores.waiting_for_truth:
        why = f"{_tasks(scores.waiting_for_truth)} at a scoring stage for ground truth that is not finished"
        return NextStep("benchmark-qa truth status", why)
    missed = _missed_call(production, now) or _missed_score(production, scores)
    if missed is not None:
        return missed
    if scores.recorded:
        return NextStep("benchmark-qa report", f"{scores.recorded:,} scores are recorded")
    unfinished = sum(stage.tasks for stage in production.stages if stage.kind != "DONE")
    if unfinished:
        return NextStep("benchmark-qa status --watch", f"{_tasks(unfinished)} for people or agents; no score yet")
    return NextStep("benchmark-qa doctor", "everything is finished and nothing was scored")


def _missed_call(production: ProjectStanding, now: datetime) -> NextStep | None:
    """The command for tasks that are at a stage of this service for longer than a call takes."""
    for command, agent in _AGENTS.items():
        for stage in production.stages:
            since = stage.unchanged_since
            if stage.waits_for == agent and since is not None and now - since > AGENTS_TURN:
                why = f"{_tasks(stage.tasks)} at '{stage.title}', longer than a call takes: is the service running?"
                return NextStep(f"benchmark-qa {command}", why)
    return None


def _missed_score(production: ProjectStanding, scores: ScoreStanding) -> NextStep | None:
    """The command for finished tasks without a score; None if tasks wait for the scoring agent."""
    if not scores.owed or any(stage.waits_for == _AGENTS["evaluate"] for stage in production.stages):
        return None
    return NextStep("benchmark-qa evaluate", f"{scores.owed:,} finished benchmark tasks have no score")


def _tasks(number: int) -> str:
    return f"{number:,} {'task waits' if number == 1 else 'tasks wait'}"


def _agents(projects: ServedProjects) -> dict[str, str]:
    """The command that does a stage's work by hand, by stage uuid; missing stages are left out."""
    stages = projects.deployment.stages
    wanted = [(reference, "evaluate") for reference in stages.scoring]
    pairs = [(stages.routing, "route"), *wanted] if stages.routing else wanted
    found = {}
    for reference, command in pairs:
        uuid = str(reference.uuid) if reference.uuid else None
        stage = projects.production.stage(uuid=uuid, title=reference.name)
        if stage is not None:
            found[stage.uuid] = command
    return found


def _scores(projects: ServedProjects, store: SqlScoreStore, rows: Mapping[str, Sequence[LabelRow]]) -> ScoreStanding:
    production = projects.production
    scored = set(store.scored_data_units(production.project_hash))
    final = {stage.uuid for project in (production, *projects.benchmarks) for stage in project.stages if _ends(stage)}
    truth = {row.data_hash: row.stage_uuid in final for each in projects.benchmarks for row in rows[each.project_hash]}
    scoring = {uuid for uuid, command in _agents(projects).items() if command == "evaluate"}
    of_benchmark = [row for row in rows[production.project_hash] if projects.is_benchmark_dataset(row.dataset_hash)]
    past = [row for row in of_benchmark if row.stage_uuid in scoring or row.stage_uuid in final]
    return ScoreStanding(
        recorded=store.projects().get(production.project_hash, 0),
        data_units=len(scored),
        owed=sum(truth.get(row.data_hash, False) and row.data_hash not in scored for row in past),
        truth_missing=sum(not finished for finished in truth.values()),
        waiting_for_truth=sum(row.stage_uuid in scoring and not truth.get(row.data_hash, False) for row in past),
    )


def _ends(stage: Stage) -> bool:
    return stage.kind == "DONE"


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
