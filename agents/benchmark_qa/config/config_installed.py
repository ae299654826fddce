"""Which libraries the settings ask for: looked for at start-up, not imported, which would take longer than all else."""

from importlib.util import find_spec
from urllib.parse import urlsplit

DRIVERS = {"psycopg": "psycopg", "": "psycopg2", "psycopg2": "psycopg2"}
"""Of PostgreSQL, by what stands behind the plus sign, to the module"""


def require_database(url: str) -> None:
    """Refuse what is no address of a database, and one whose driver is not installed. The address is never quoted.

    Raises:
        ValueError: what is wrong.
    """
    kind, _, driver = url.partition("://")[0].partition("+")
    if kind not in ("sqlite", "postgresql") or "://" not in url:
        raise ValueError("neither sqlite:///FILE nor postgresql+psycopg://USER@HOST/NAME nor 'none'")
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise ValueError("host or port cannot be read") from None
    if kind == "sqlite":
        if driver not in ("", "pysqlite"):
            raise ValueError(f"SQLite's driver is 'pysqlite', not '{driver}'")
    elif driver not in DRIVERS:
        raise ValueError(f"PostgreSQL's driver is 'psycopg', not '{driver}': postgresql+psycopg://USER@HOST/NAME")
    elif not is_installed(DRIVERS[driver]):
        raise ValueError(f"{DRIVERS[driver]} is not installed: take postgresql+psycopg:// and the extra 'postgres'")


def require_queue(*, cloud_tasks: bool) -> None:
    """Refuse a queue whose library is not installed.

    Raises:
        ValueError: naming the extra.
    """
    needed, extra = ("google.cloud.tasks_v2", "cloud-tasks") if cloud_tasks else ("boto3", "sqs")
    if not is_installed(needed):
        raise ValueError(f"JOBS_QUEUE: {needed} is not installed: add the extra '{extra}'")


def is_installed(module: str) -> bool:
    """Whether the module could be imported; it is not, but the packages around it are."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
