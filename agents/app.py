"""Wiring: settings in, application out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property

import anyio.to_thread
from fastapi import FastAPI

from agents import __version__
from agents.api.custom_agents import AgentAnswer, custom_agents
from agents.api.errors import install_error_handlers
from agents.api.events import events
from agents.api.health import health
from agents.api.notifications import notifications
from agents.api.origins import AllowedOrigins
from agents.config import Settings
from agents.dispatch.background import BackgroundDispatcher
from agents.dispatch.jobs import DrainJob
from agents.platform import Encord, unit_of_work
from agents.policy import NEUTRAL_MESSAGE, decide
from agents.store import SqlScoreStore
from agents.workflows.check_deployment import Finding, check_deployment
from agents.workflows.drain_stage import Drained
from agents.workflows.editor_feedback import EditorFeedback
from agents.workflows.handle_event import handle_event
from agents.workflows.projects import ServedProjects
from agents.workflows.route_task import route_task
from agents.workflows.run_job import JobRunner
from agents.workflows.score_task import Scorer
from agents.workflows.truth import GroundTruth
from agents.workflows.verdicts import judge

CONCURRENT_REQUESTS = 64
"""Requests that talk to Encord at one time; more wait their turn"""
LONGEST_BACKGROUND_JOB = 3600.0
SHUTDOWN_SECONDS = 8.0
"""Hosts kill ten seconds after SIGTERM"""


@dataclass(frozen=True)
class Service:
    """The use cases of one deployment, wired to Encord and the store. Connects on first use."""

    settings: Settings

    @cached_property
    def encord(self) -> Encord:
        """The connection to Encord."""
        return Encord(
            ssh_private_key=self.settings.private_key(),
            domain=self.settings.domain,
            user_agent_suffix=f"encord-benchmark-agents/{__version__}",
            pool_size=CONCURRENT_REQUESTS,
        )

    @cached_property
    def store(self) -> SqlScoreStore:
        """The score records."""
        return SqlScoreStore(self.settings.database_url)

    @cached_property
    def projects(self) -> ServedProjects:
        """The deployment's projects."""
        return ServedProjects(self.encord, self.settings.config)

    @cached_property
    def scorer(self) -> Scorer:
        """Scoring, with its index of the ground truth."""
        truth = GroundTruth(self.projects, ttl_seconds=self.settings.config.truth_ttl_seconds)
        return Scorer(self.projects, truth, self.store)

    @cached_property
    def jobs(self) -> JobRunner:
        """Drains, however they were asked for."""
        return JobRunner(self.scorer)

    @cached_property
    def background(self) -> BackgroundDispatcher:
        """Jobs after the response."""
        return BackgroundDispatcher(self._run_in_background)

    def route(self, project_hash: str, data_hash: str) -> AgentAnswer:
        """Decide where a task goes."""
        decision = route_task(self.projects, project_hash, data_hash)
        return AgentAnswer(decision=None if self.settings.config.shadow else decision.pathway)

    def score(self, project_hash: str, data_hash: str) -> AgentAnswer:
        """Score a task's labels and say where it goes."""
        config = self.settings.config
        scores = self.scorer.score_data_unit(project_hash, data_hash)
        # The request names no stage: of several scoring stages, each takes its default pathway.
        stage = config.stages.scoring[0] if len(config.stages.scoring) == 1 and not config.shadow else None
        decision = decide(
            judge(scores.records, config),
            pass_pathway=stage.pass_pathway if stage else None,
            fail_pathway=stage.fail_pathway if stage else None,
        )
        message = NEUTRAL_MESSAGE if scores.kept else "Scored, but the score could not be recorded."
        return AgentAnswer(message=message, decision=decision.pathway)

    def editor_route(self, project_hash: str, _data_hash: str) -> AgentAnswer:
        """There is no task to route in the label editor."""
        self.projects.require_served(project_hash)
        return AgentAnswer(message=NEUTRAL_MESSAGE)

    def editor_score(self, project_hash: str, data_hash: str) -> AgentAnswer:
        """Answer somebody in the label editor, under the feedback policy."""
        return AgentAnswer(message=EditorFeedback(self.scorer).answer(project_hash, data_hash))

    def take_job(self, job: DrainJob) -> str:
        """Run a drain job now, or after the response."""
        if self.settings.dispatch == "background":
            self.jobs.require_served(job)
            self.background.submit(job)
            return "accepted"
        return _in_words(self.jobs.run(job))

    def take_event(self, project_hash: str, data_hashes: list[str]) -> str:
        """Score what was submitted or completed."""
        outcome = handle_event(self.scorer, project_hash, data_hashes)
        return f"{outcome.scored} scored, {outcome.refused} left alone"

    def check(self) -> list[Finding]:
        """Whether the deployment fits its projects."""
        return check_deployment(self.projects)

    def close(self) -> None:
        """Finish or hand back what runs."""
        if "background" in vars(self):
            self.background.close(SHUTDOWN_SECONDS)
        if "store" in vars(self):
            self.store.close()

    def _run_in_background(self, job: DrainJob) -> None:
        with unit_of_work(seconds=LONGEST_BACKGROUND_JOB):
            self.jobs.run(job)


def create_app(settings: Settings) -> FastAPI:
    """The HTTP application of one deployment."""
    service = Service(settings)
    # Before the first request rather than in it: a key that is no key must stop the start.
    _ = service.encord, service.store

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = CONCURRENT_REQUESTS
        yield
        await anyio.to_thread.run_sync(service.close)

    app = FastAPI(title="Encord benchmark agents", version=__version__, lifespan=lifespan)
    install_error_handlers(app)
    AllowedOrigins(settings.editor_origin_regex).install(app)
    app.include_router(health(service.check))
    app.include_router(custom_agents(settings, service))
    app.include_router(notifications(settings, service))
    app.include_router(events(settings, service))
    app.state.service = service
    return app


def _in_words(drained: Drained) -> str:
    rest = "" if drained.finished else "; the next notification goes on"
    stay = f"{len(drained.refused)} cannot be scored yet"
    return f"{drained.moved} tasks sent on, {drained.already_gone} had gone already, {stay}{rest}"
