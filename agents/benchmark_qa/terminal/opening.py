"""Open settings and scores without the Encord SDK, which doubles the start time of a command."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from benchmark_qa.config.deployment import Deployment
from benchmark_qa.config.settings import Settings, load_settings
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.store.truth_rulings import TruthRulings

if TYPE_CHECKING:
    from benchmark_qa.encord_api.client import Encord
    from benchmark_qa.encord_api.uploads import Storage


@dataclass(frozen=True)
class Scores:
    """The deployment's score store."""

    settings: Settings

    @property
    def config(self) -> Deployment:
        """The configuration of the deployment."""
        return self.settings.config

    @property
    def project(self) -> str:
        """The hash of the production project."""
        return str(self.config.production_project)

    @cached_property
    def store(self) -> SqlScoreStore:
        """The store of the score records."""
        return SqlScoreStore(
            self.settings.scores_url,
            connections=self.settings.database_connections,
            prepared_statements=self.settings.database_prepared_statements,
        )

    @property
    def rulings(self) -> TruthRulings:
        """The truth decisions about benchmark items."""
        return TruthRulings(self.store.database)


def open_scores() -> Scores:
    """Open the score store of the deployment that the environment describes.

    Raises:
        SettingsError
    """
    return Scores(load_settings(endpoints=False))


def open_storage() -> "Storage":
    """Open the storage of the account that the environment names."""
    from benchmark_qa.encord_api.uploads import Storage

    return Storage(open_encord())


def open_encord() -> "Encord":
    """Open a connection to Encord with the account that the environment names."""
    from benchmark_qa import __version__
    from benchmark_qa.config.account import load_account
    from benchmark_qa.encord_api.client import Encord

    account = load_account()
    return Encord(
        ssh_private_key=account.private_key(),
        domain=account.domain,
        user_agent_suffix=f"encord-benchmark-agents/{__version__}",
    )
