"""Tasks that wait: held ones without a record, and those in queues without people for them."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from benchmark_qa import telemetry
from benchmark_qa.config.deployment import ScoringStage
from benchmark_qa.encord_api.catalogue import Catalogue
from benchmark_qa.encord_api.models import ANNOTATION_KINDS, Project, Stage
from benchmark_qa.encord_api.reviews import PeoplesWork
from benchmark_qa.errors import TryAgainLater
from benchmark_qa.store.errors import StoreError
from benchmark_qa.tasks.checks import Finding
from benchmark_qa.tasks.projects import ServedProjects
from benchmark_qa.tasks.score import Scorer
from benchmark_qa.tasks.scoring_plan import DataUnitScores

MOST_KNOWN = 100_000


NAMED = 20
"""Most data units of one outage that a log line names."""


_log = logging.getLogger(__name__)


class HeldTasks:
    """Waiting tasks of this process, each with the time since when it waits. Thread-safe."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(self, data_hashes: Iterable[str]) -> None:
        """Add tasks that wait from now on, unless they wait already."""
        with self._lock:
            for data_hash in data_hashes:
                if len(self._since) < MOST_KNOWN:
                    self._since.setdefault(data_hash, time.monotonic())

    def remove(self, data_hashes: Iterable[str]) -> None:
        """Remove tasks that no longer wait."""
        with self._lock:
            for data_hash in data_hashes:
                self._since.pop(data_hash, None)

    def number(self) -> int:
        """The number of waiting tasks."""
        return len(self._since)

    def oldest_seconds(self) -> float:
        """Seconds that the oldest task has waited; 0 if none waits."""
        with self._lock:
            return time.monotonic() - min(self._since.values()) if self._since else 0.0


held = HeldTasks()


telemetry.register_gauge("benchmark_qa.tasks.held.now", "tasks that wait for the store, here", held.number)


telemetry.register_gauge("benchmark_qa.tasks.held.age", "of the first of them", held.oldest_seconds, unit="s")


def scored_or_owed(scorer: Scorer, data_hashes: Sequence[str]) -> Iterator[list[DataUnitScores]]:
    """Score data units whose tasks are to move. Results with `kept` are in the store.

    Under `on_store_failure` "pass", scores that cannot be recorded have `kept=False`.

    Raises:
        StoreError: under "hold", after all recorded scores have been yielded.
        TruthChanging, PlatformError
    """
    waiting = dict.fromkeys(data_hashes)
    try:
        for scored in scorer.score_in_bundles(data_hashes):
            done = [each.data_hash for each in scored]
            held.remove(done)
            for data_hash in done:
                waiting.pop(data_hash, None)
            yield scored
    except StoreError as error:
        if scorer.projects.deployment.on_store_failure == "hold":
            hold(list(waiting), error)
            raise
        yield scorer.without_store(list(waiting))


def hold(data_hashes: Sequence[str], because: Exception) -> None:
    """Count and log tasks that stay at their stage until the store is available again."""
    held.add(data_hashes)
    telemetry.held_tasks.add(len(data_hashes))
    facts = {
        "event": "task_held",
        "number": len(data_hashes),
        "data_hashes": list(data_hashes[:NAMED]),
        "oldest_seconds": round(held.oldest_seconds(), 1),
    }
    _log.error("%d tasks are held: %s", len(data_hashes), because, extra=facts)


def owe(data_hashes: Sequence[str]) -> None:
    """Count and log tasks that move on without a recorded score."""
    telemetry.owed_scores.add(len(data_hashes))
    facts = {"event": "score_unrecorded", "number": len(data_hashes), "data_hashes": list(data_hashes[:NAMED])}
    _log.error("%d tasks go on without a recorded score: 'evaluate' makes up for it", len(data_hashes), extra=facts)


class NowhereToPass(TryAgainLater):
    """No pathway is certain to keep a task away from the annotators, so the task waits."""


def pathway_without_score(scoring: ScoringStage, stage: Stage, project: Project) -> str:
    """The pathway of a task whose score is not recorded. It never leads back to annotators.

    Raises:
        NowhereToPass: there is no such pathway.
    """
    pathway = scoring.pass_pathway or (stage.pathways[0] if len(stage.pathways) == 1 else None)
    kinds = {each.uuid: each.kind for each in project.stages}
    leads = stage.destinations
    if pathway is None or pathway == scoring.fail_pathway or kinds.get(leads.get(pathway, "")) in ANNOTATION_KINDS:
        raise NowhereToPass(f"stage '{stage.title}' has no pathway for tasks without a score: they wait for the store")
    return pathway


ANNOTATING_ROLES = frozenset({"annotator", "annotator_reviewer"})


def check_queues(projects: ServedProjects) -> Iterator[Finding]:
    """Tasks that wait at agent stages, with the command that drains them. 1 request."""
    production = projects.production
    rows = projects.encord.label_rows(production.project_hash)
    waiting = Counter(row.stage_uuid for row in rows)
    scoring = {projects.stage(reference).uuid for reference in projects.deployment.stages.scoring}
    for stage in production.agent_stages():
        number = waiting[stage.uuid]
        if number:
            command = "evaluate" if stage.uuid in scoring else "route"
            yield Finding(
                f"queue of '{stage.title}'",
                True,
                f"{number} {'task waits' if number == 1 else 'tasks wait'} at this agent stage",
                f"if they stay: check the stage's agent and its URL; by hand: benchmark-qa {command}",
            )


def check_people(projects: ServedProjects) -> Iterator[Finding]:
    """Whether waiting consensus blocks have enough annotators. 2 requests, and 1 per block."""
    project_hash = projects.production.project_hash
    blocks = PeoplesWork(projects.encord, project_hash).blocks_waiting()
    if not blocks:
        return
    people = Catalogue(projects.encord).people(project_hash)
    annotators = sum(role in ANNOTATING_ROLES for role in people.values())
    for title in dict.fromkeys(block.stage for block in blocks):
        here = [block for block in blocks if block.stage == title]
        most = max(here, key=lambda block: block.parts)
        half_done = max(here, key=lambda block: block.submitted / max(block.parts, 1))
        state = (
            f"{len(here)} {'task waits' if len(here) == 1 else 'tasks wait'}; of '{half_done.data_title}' "
            f"{half_done.submitted} of {half_done.parts} annotators have submitted"
        )
        if annotators < most.parts:
            yield Finding(
                f"people for '{title}'",
                False,
                f"the block asks for {most.parts} annotators, the project has {annotators}; {state}",
                "add annotators to the production project, or lower the number of annotators in the workflow",
            )
        else:
            yield Finding(f"people for '{title}'", True, state)
