"""A PostgreSQL server of the test's own: a cluster in a temporary directory, on a free port of the loopback."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


class NoServerError(Exception):
    """PostgreSQL's server is not installed here."""


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Yields `host:port`; superuser `postgres`, no password. Raises NoServerError."""
    binaries = _binaries()
    as_whom, owner = _unprivileged()
    with TemporaryDirectory(prefix="postgresql-") as name:
        folder = Path(name)
        os.chown(folder, owner, -1)
        with _running(binaries, as_whom, folder) as port:
            yield f"127.0.0.1:{port}"


@contextmanager
def _running(binaries: Path, as_whom: list[str], folder: Path) -> Iterator[int]:
    data = folder / "cluster"
    run = [*as_whom, str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "-E", "UTF8"]
    subprocess.run([*run, "--locale=C.UTF-8", "--no-sync"], check=True, capture_output=True, cwd=folder)
    port = _free_port()
    settings = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off -c shared_buffers=256MB"
    control = [*as_whom, str(binaries / "pg_ctl"), "-D", str(data), "-w", "-t", "60"]
    log = folder / "server.log"
    subprocess.run([*control, "-o", settings, "-l", str(log), "start"], check=True, capture_output=True, cwd=folder)
    try:
        yield port
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd=folder)


def create_database(server: str, name: str) -> str:
    """The SQLAlchemy URL of a new, empty database."""
    import psycopg

    with psycopg.connect(f"postgresql://postgres@{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"postgresql+psycopg://postgres@{server}/{name}"


def _binaries() -> Path:
    on_path = shutil.which("pg_ctl")
    if on_path:
        return Path(on_path).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: float(path.parts[-3]))
    if not versions:
        raise NoServerError("PostgreSQL's server is not installed here")
    return versions[-1].parent


def _unprivileged() -> tuple[list[str], int]:
    """PostgreSQL refuses to run as root: then it runs as the user that its package has made."""
    if os.geteuid() != 0:
        return [], os.geteuid()
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        raise NoServerError("PostgreSQL does not run as root, and there is no user 'postgres'") from None
    return ["runuser", "-u", "postgres", "--"], user.pw_uid


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
