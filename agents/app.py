"""Wiring: settings in, application out."""

from dataclasses import dataclass
from functools import cached_property

from fastapi import FastAPI

from agents import __version__
from agents.api.custom_agents import AgentAnswer, custom_agents
from agents.api.errors import install_error_handlers
from agents.api.health import health
from agents.config import Settings
from agents.platform import Encord
from agents.policy import NEUTRAL_MESSAGE, decide
from agents.store import SqlScoreStore
from agents.workflows.projects import ServedProjects
from agents.workflows.route_task import route_task
from agents.workflows.score_task import Scorer
from agents.workflows.truth import GroundTruth


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

    def route(self, project_hash: str, data_hash: str) -> AgentAnswer:
        """Decide where a task goes."""
        return AgentAnswer(decision=route_task(self.projects, project_hash, data_hash).pathway)

    def score(self, project_hash: str, data_hash: str) -> AgentAnswer:
        """Score a task's labels and say where it goes."""
        scores = self.scorer.score_data_unit(project_hash, data_hash)
        stages = self.settings.config.stages.scoring
        # The request names no stage: with several scoring stages, each has its own deployment or the default pathway.
        stage = stages[0] if len(stages) == 1 else None
        decision = decide(
            [record.score for record in scores.records],
            [record.passed for record in scores.records],
            threshold=self.settings.config.verdict.threshold,
            pass_pathway=stage.pass_pathway if stage else None,
            fail_pathway=stage.fail_pathway if stage else None,
        )
        message = NEUTRAL_MESSAGE if scores.kept else "Scored, but the score could not be recorded."
        return AgentAnswer(message=message, decision=decision.pathway)


def create_app(settings: Settings) -> FastAPI:
    """The HTTP application of one deployment."""
    app = FastAPI(title="Encord benchmark agents", version=__version__)
    service = Service(settings)
    # Before the first request rather than in it: a key that is no key must stop the start.
    _ = service.encord, service.store
    install_error_handlers(app)
    app.include_router(health())
    app.include_router(custom_agents(settings, service))
    app.state.service = service
    return app
