"""Routing by itself: most of the traffic, and the first thing that a new instance is asked.

The other use cases need the database and the scoring stack, which take as long to import as everything else together.
They are `benchmark_qa.service.service`, which is imported here, when the first of them is asked for, nowhere else.
"""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from benchmark_qa import telemetry
from benchmark_qa.config.settings import Settings
from benchmark_qa.lazy import loading, once
from benchmark_qa.service.endpoints.custom_agents import AgentAnswer
from benchmark_qa.tasks.checks import Finding, check_deployment
from benchmark_qa.tasks.connections import connect
from benchmark_qa.tasks.decision import NEUTRAL_MESSAGE
from benchmark_qa.tasks.jobs import DrainJob
from benchmark_qa.tasks.projects import ServedProjects
from benchmark_qa.tasks.route import route_task

if TYPE_CHECKING:
    from benchmark_qa.service.service import Service


@dataclass(frozen=True)
class Front:
    """What the endpoints call."""

    settings: Settings
    isolates_heavy_work: bool = False
    """As of `Service`"""

    @once
    def projects(self) -> ServedProjects:
        """The deployment's projects; `service` has the same, so that they are asked for once."""
        return connect(self.settings)

    @once
    def service(self) -> "Service":
        """The other use cases."""
        with loading():
            from benchmark_qa.service.service import Service  # noqa: PLC0415 - see above

            return Service(self.settings, self.isolates_heavy_work, self.projects)

    def route(self, project_hash: str, data_hash: str) -> AgentAnswer:
        """Decide where a task goes."""
        decision = route_task(self.projects, project_hash, data_hash, self._has_retired)
        if self.settings.config.shadow:
            self.service.note_decision(data_hash, decision.pathway)
            return AgentAnswer()
        telemetry.decisions.add(1, {"agent": "route", "pathway": decision.pathway})
        return AgentAnswer(decision=decision.pathway)

    def editor_route(self, project_hash: str, _data_hash: str) -> AgentAnswer:
        """There is no task to route in the label editor."""
        self.projects.require_served(project_hash)
        return AgentAnswer(message=NEUTRAL_MESSAGE)

    def check(self) -> list[Finding]:
        """Whether the deployment fits its projects."""
        return check_deployment(self.projects)

    def score(self, project_hash: str, data_hash: str) -> AgentAnswer:
        """As `Service.score`."""
        return self.service.score(project_hash, data_hash)

    def editor_score(self, project_hash: str, data_hash: str) -> AgentAnswer:
        """As `Service.editor_score`."""
        return self.service.editor_score(project_hash, data_hash)

    def take_job(self, job: DrainJob) -> str:
        """As `Service.take_job`."""
        return self.service.take_job(job)

    def work_off(self, job: DrainJob) -> None:
        """As `Service.work_off`."""
        self.service.work_off(job)

    def take_event(self, project_hash: str, data_hashes: list[str]) -> str:
        """As `Service.take_event`."""
        return self.service.take_event(project_hash, data_hashes)

    def report(self, project_hash: str, *, format: str, zone: tzinfo, as_of: datetime | None) -> bytes:  # noqa: A002
        """As `Service.report`."""
        return self.service.report(project_hash, format=format, zone=zone, as_of=as_of)

    def close(self) -> None:
        """Finish or hand back what runs."""
        if "service" in vars(self):
            self.service.close()

    def _has_retired(self, data_hash: str) -> bool:
        return self.settings.config.exposure.retire_after is not None and self.service.has_retired(data_hash)
