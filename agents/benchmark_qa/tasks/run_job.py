"""Run a job that a notification, a queue or a schedule has asked for."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmark_qa.tasks.drain import Drained, drain_routing_stage, drain_scoring_stage
from benchmark_qa.tasks.errors import StageNotServed
from benchmark_qa.tasks.jobs import DrainJob
from benchmark_qa.tasks.score import Scorer

Drain = Callable[[DrainJob], Drained]


@dataclass(frozen=True)
class JobRunner:
    """Runs drain jobs; safe to run the same one twice, or twice at once, here or on another instance."""

    scorer: Scorer
    _running: set[DrainJob] = field(default_factory=set, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def require_served(self, job: DrainJob) -> None:
        """Refuse jobs for projects and stages that are not ours; asks Encord nothing for foreign projects.

        Raises:
            ProjectNotServed, StageNotServed, MisconfiguredStage, PlatformError
        """
        self.scorer.projects.require_served(job.project_hash)
        self._drain_of(job.stage_uuid)

    def run(self, job: DrainJob) -> Drained:
        """Drain the stage as far as the deadline lets us.

        A job that is already under way in this process is not begun again: Encord's next notification picks up what
        arrives meanwhile.

        Raises:
            ProjectNotServed, StageNotServed, MisconfiguredStage, PlatformError
        """
        self.require_served(job)
        with self.once(job) as begun:
            return self._drain_of(job.stage_uuid)(job) if begun else Drained(finished=False)

    @contextmanager
    def once(self, job: DrainJob) -> Iterator[bool]:
        """Mark the job as under way; False where it is already."""
        with self._lock:
            begun = job not in self._running
            if begun:
                self._running.add(job)
        try:
            yield begun
        finally:
            if begun:
                with self._lock:
                    self._running.discard(job)

    def is_scoring(self, job: DrainJob) -> bool:
        """Whether the job's stage is a scoring stage, which reads labels.

        Raises:
            ProjectNotServed, StageNotServed, MisconfiguredStage, PlatformError
        """
        self.require_served(job)
        projects = self.scorer.projects
        return job.stage_uuid in {projects.stage(stage).uuid for stage in projects.deployment.stages.scoring}

    def _drain_of(self, stage_uuid: str) -> Drain:
        projects = self.scorer.projects
        routing = projects.deployment.stages.routing
        if routing is not None and projects.stage(routing).uuid == stage_uuid:
            return lambda job: drain_routing_stage(projects, self.scorer.store, routing, data_hashes=job.data_hashes)
        for stage in projects.deployment.stages.scoring:
            if projects.stage(stage).uuid == stage_uuid:
                scoring = stage
                return lambda job: drain_scoring_stage(self.scorer, scoring, data_hashes=job.data_hashes)
        raise StageNotServed(f"stage {stage_uuid} is not served by this deployment")
