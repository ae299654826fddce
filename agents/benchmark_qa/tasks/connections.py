"""Encord, projects, store, ground truth, scorer and jobs of one deployment, created on first use."""

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
"""Most requests to Encord at the same time; further requests wait."""


@dataclass(frozen=True)
class Connections:
    """The parts that the service and the commands share. Each is created on first use.

    Routing needs `projects` only. The store and scoring take as long to import as everything else together, so the
    properties that need them import them.
    """

    settings: Settings
    database_connections: int | None = None
    """Database connections of this process; None: the number in the settings."""

    @once
    def projects(self) -> ServedProjects:
        """The deployment's projects. The first use of a project makes the first request to Encord.

        Raises:
            SettingsError: the key file cannot be read.
            UnusableKey
        """
        encord = Encord(
            ssh_private_key=self.settings.private_key(),
            domain=self.settings.domain,
            user_agent_suffix=f"encord-benchmark-agents/{__version__}",
            pool_size=CONCURRENT_REQUESTS,
            largest_row=self.settings.config.largest_label_row_mb * 1024**2,
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
        """The scorer, with its index of the ground truth."""
        with loading():
            from benchmark_qa.tasks.ground_truth import GroundTruth  # noqa: PLC0415 - routing needs no engine
            from benchmark_qa.tasks.score import Scorer  # noqa: PLC0415

        truth = GroundTruth(self.projects, ttl_seconds=self.settings.config.truth_ttl_seconds)
        return Scorer(self.projects, truth, self.store)

    @once
    def write_back(self) -> "WriteBack":
        """Writes the results of scores to Encord."""
        from benchmark_qa.tasks.write_back import WriteBack  # noqa: PLC0415 - routing needs no scores

        return WriteBack(self.scorer)

    @once
    def jobs(self) -> "JobRunner":
        """Runs drain jobs, from a request or from a queue."""
        from benchmark_qa.tasks.job_runner import JobRunner  # noqa: PLC0415 - routing one task runs no job

        return JobRunner(self.scorer)

    def close(self) -> None:
        """Close the database connections if there are any."""
        if "store" in vars(self):
            self.store.close()
