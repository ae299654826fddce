"""Work through a stage's queue: route or score every task that waits there, in bundles."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from agents.config import RoutingStage, ScoringStage
from agents.platform import ACTIONS_PER_REQUEST, Task
from agents.policy import decide
from agents.workflows.errors import MisconfiguredStage
from agents.workflows.projects import ServedProjects
from agents.workflows.score_task import DataUnitScores, Scorer

Progress = Callable[[int], None]
"""Called with the number of tasks that have been dealt with since the last call."""


@dataclass(frozen=True)
class Drained:
    """What a drain did."""

    moved: int = 0
    already_gone: int = 0
    refused: tuple[tuple[str, str], ...] = ()
    """(data hash, reason) of tasks that stay at the stage"""

    def __add__(self, other: "Drained") -> "Drained":
        return Drained(self.moved + other.moved, self.already_gone + other.already_gone, self.refused + other.refused)


def no_progress(_: int) -> None:
    """Nobody watches."""


def drain_routing_stage(projects: ServedProjects, routing: RoutingStage, progress: Progress = no_progress) -> Drained:
    """Route everything that waits at the routing stage.

    Each side is listed on its own with the server's dataset filter: a task that arrives in between is in one of the
    two lists or in none, never in the wrong one. Requests: a page per 100 tasks and a bundle per 1,000.
    """
    stage = projects.stage(routing)
    production = projects.production.project_hash
    total = Drained()
    for datasets, pathway in (
        (_datasets(projects, benchmark=True), routing.benchmark_pathway),
        (_datasets(projects, benchmark=False), routing.production_pathway),
    ):
        if not datasets:
            continue
        pages = projects.encord.task_pages(production, stage.uuid, dataset_hashes=datasets)
        for tasks in _chunks(pages, ACTIONS_PER_REQUEST):
            moved = projects.encord.proceed(production, stage.uuid, [(task, pathway) for task in tasks])
            total += Drained(moved.moved, moved.already_gone)
            progress(len(tasks))
    return total


def drain_scoring_stage(scorer: Scorer, scoring: ScoringStage, progress: Progress = no_progress) -> Drained:
    """Score everything that waits at a scoring stage, then send it on. What cannot be scored yet stays."""
    projects = scorer.projects
    stage = projects.stage(scoring)
    production = projects.production.project_hash
    if scoring.pass_pathway is None and len(stage.pathways) != 1:
        raise MisconfiguredStage(
            f"stage '{stage.title}' has {len(stage.pathways)} pathways: name its 'pass_pathway' to drain it"
        )
    total = Drained()
    for page in projects.encord.task_pages(production, stage.uuid):
        scores = {s.data_hash: s for s in scorer.score_data_units([task.data_hash for task in page])}
        moves = [(task, _pathway(scores[task.data_hash], scoring, scorer, stage.pathways[0])) for task in page]
        going = [(task, pathway) for task, pathway in moves if pathway is not None]
        if going:
            moved = projects.encord.proceed(production, stage.uuid, going)
            total += Drained(moved.moved, moved.already_gone)
        total += Drained(refused=refusals(scores.values()))
        progress(len(page))
    return total


def _pathway(scores: DataUnitScores, scoring: ScoringStage, scorer: Scorer, only_pathway: str) -> str | None:
    if scores.refusal is not None:
        return None
    decision = decide(
        [record.score for record in scores.records],
        [record.passed for record in scores.records],
        threshold=scorer.projects.deployment.verdict.threshold,
        pass_pathway=scoring.pass_pathway,
        fail_pathway=scoring.fail_pathway,
    )
    return decision.pathway or only_pathway


def _datasets(projects: ServedProjects, *, benchmark: bool) -> list[str]:
    belongs = projects.is_benchmark_dataset if benchmark else projects.is_production_dataset
    return [dataset for dataset in projects.production.dataset_titles if belongs(dataset)]


def _chunks(pages: Iterable[Sequence[Task]], size: int) -> Iterator[list[Task]]:
    """Pages gathered until a bundle is full."""
    gathered: list[Task] = []
    for page in pages:
        gathered.extend(page)
        if len(gathered) >= size:
            yield gathered
            gathered = []
    if gathered:
        yield gathered


def refusals(scores: Iterable[DataUnitScores]) -> tuple[tuple[str, str], ...]:
    """(data hash, reason) of what could not be scored."""
    return tuple((s.data_hash, str(s.refusal)) for s in scores if s.refusal is not None)
