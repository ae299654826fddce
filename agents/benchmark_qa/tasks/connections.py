"""The connection of one deployment to Encord."""

from benchmark_qa import __version__
from benchmark_qa.config.settings import Settings
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.tasks.projects import ServedProjects

CONCURRENT_REQUESTS = 64
"""Requests that talk to Encord at one time; more wait their turn"""


def connect(settings: Settings) -> ServedProjects:
    """The deployment's projects. Nothing is asked of Encord before one of them is needed.

    Raises:
        SettingsError: the file of the key cannot be read.
        UnusableKey
    """
    encord = Encord(
        ssh_private_key=settings.private_key(),
        domain=settings.domain,
        user_agent_suffix=f"encord-benchmark-agents/{__version__}",
        pool_size=CONCURRENT_REQUESTS,
    )
    return ServedProjects(encord, settings.config)
