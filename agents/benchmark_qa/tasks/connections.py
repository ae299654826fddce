"""What one deployment is connected to, made on first use: Encord, projects, store, ground truth, scorer, jobs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark_qa import __version__
from benchmark_qa.config.settings import Settings
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.lazy import loading, once
from benchmark_qa.tasks.projects import ServedProjects

if TYPE_CHECKING:
    from benchmark_qa.store.score_store import SqlScoreStore
    from benchmark_qa.tasks.job_runner import JobRunner
    from benchmark_qa.tasks.score import Scorer
    from benchmark_qa.tasks.write_back import WriteBack

CONCURRENT_REQUESTS = 64
"""Requests to Encord at one time; more wait their turn."""


@dataclass(frozen=True)
class Connections:
    """The parts that the service and the commands share, each made when it is first used.

    Routing needs `projects` alone. The store and scoring take as long to import as everything else together, so they
    are imported inside the properties that need them.
    """

    settings: Settings
    database_connections: int | None = None
    """Of this process, where it is not the setting's number"""

    @once
    def projects(self) -> ServedProjects:
        """The deployment's projects. Nothing is asked of Encord before one of them is needed.

        Raises:
            SettingsError: the file of the key cannot be read.
            UnusableKey
        """
        encord = Encord(
            ssh_private_key=self.settings.private_key(),
            domain=self.settings.domain,
            user_agent_suffix=f"encord-benchmark-agents/{__version__}",
            pool_size=CONCURRENT_REQUESTS,
        )
        return ServedProjects(encord, self.settings.config)

    @property
    def encord(self) -> Encord:
        """The connection to Encord."""
        return self.projects.encord

    @once
    def store(self) -> "SqlScoreStore":
        """The score records."""
        with loading():
            from benchmark_qa.store.score_store import SqlScoreStore  # noqa: PLC0415 - routing needs no database

        return SqlScoreStore(
            self.settings.scores_url,
            connections=self.settings.database_connections
            if self.database_connections is None
            else self.database_connections,
            prepared_statements=self.settings.database_prepared_statements,
        )

    @once
    def scorer(self) -> "Scorer":
        """Scoring, with its index of the ground truth."""
        with loading():
            from benchmark_qa.tasks.ground_truth import GroundTruth  # noqa: PLC0415 - routing needs no engine
            from benchmark_qa.tasks.score import Scorer  # noqa: PLC0415

        truth = GroundTruth(self.projects, ttl_seconds=self.settings.config.truth_ttl_seconds)
        return Scorer(self.projects, truth, self.store)

    @once
    def write_back(self) -> "WriteBack":
        """What scores change on Encord."""
        from benchmark_qa.tasks.write_back import WriteBack  # noqa: PLC0415 - routing needs no scores

        return WriteBack(self.scorer)

    @once
    def jobs(self) -> "JobRunner":
        """Drains, however they were asked for."""
        from benchmark_qa.tasks.job_runner import JobRunner  # noqa: PLC0415 - routing one task runs no job

        return JobRunner(self.scorer)

    def close(self) -> None:
        """Close the connections to the database, where there are any."""
        if "store" in vars(self):
            self.store.close()
