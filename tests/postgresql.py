"""A PostgreSQL server of the test's own: a cluster in a temporary directory, on a free port of the loopback."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pytest

T = TypeVar("T")


class NoServerError(Exception):
    """PostgreSQL's server is not installed here."""


@contextmanager
def or_skip(opened: AbstractContextManager[T]) -> Iterator[T]:
    """What is opened; where it cannot be had, the test is skipped with the reason."""
    with ExitStack() as stack:
        try:
            found = stack.enter_context(opened)
        except NoServerError as missing:
            pytest.skip(str(missing))
        yield found


class Cluster:
    """A PostgreSQL server that can be stopped and started; superuser `postgres`, no password."""

    def __init__(self, folder: Path, binaries: Path, as_whom: list[str], settings: Mapping[str, str | int]) -> None:
        self.port = _free_port()
        self._folder, self._as_whom, self._binaries = folder, as_whom, binaries
        self._control = [*as_whom, str(binaries / "pg_ctl"), "-D", str(folder / "cluster"), "-w", "-t", "240"]
        flags = {"listen_addresses": "127.0.0.1", "fsync": "off", "shared_buffers": "256MB", **settings}
        self._options = f"-p {self.port} -k {folder} " + " ".join(f"-c {name}={flag}" for name, flag in flags.items())
        options = ["-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        self._run([*as_whom, str(binaries / "initdb"), "-D", str(folder / "cluster"), *options])

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server, and wait until it takes connections."""
        self._run([*self._control, "-o", self._options, "-l", str(self._folder / "server.log"), "start"])

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server: `fast` rolls back what runs, `immediate` leaves it to recovery, as a crash does."""
        self._run([*self._control, "-m", mode, "stop"])

    def run(self, program: str, *arguments: str) -> None:
        """A program of PostgreSQL's, such as `pg_dump`, against this server; raises if it fails."""
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        found = shutil.which(program, path=f"{self._binaries}{os.pathsep}{os.environ['PATH']}")
        if found is None:
            raise NoServerError(f"{program} is not installed here")
        self._run([found, *where, *arguments])

    def _run(self, command: list[str]) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder)


@contextmanager
def postgresql_cluster(**settings: str | int) -> Iterator[Cluster]:
    """A running server with these settings. Raises NoServerError."""
    binaries = _binaries()
    as_whom, owner = _unprivileged()
    with TemporaryDirectory(prefix="postgresql-") as name:
        os.chown(name, owner, -1)
        cluster = Cluster(Path(name), binaries, as_whom, settings)
        cluster.start()
        try:
            yield cluster
        finally:
            with suppress(subprocess.CalledProcessError):  # a test has stopped it
                cluster.stop()


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Yields `host:port`; superuser `postgres`, no password. Raises NoServerError."""
    with postgresql_cluster() as cluster:
        yield cluster.address


@contextmanager
def pgbouncer(server: str, user: str) -> Iterator[str]:
    """PgBouncer in transaction mode, which is this user to the server; yields its `host:port`. Raises NoServerError."""
    program = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    if program is None:
        raise NoServerError("PgBouncer is not installed here")
    as_whom, owner = _unprivileged()
    host, port = server.split(":")
    listen = _free_port()
    with TemporaryDirectory(prefix="pgbouncer-") as name:
        os.chown(name, owner, -1)
        settings = Path(name) / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n* = host={host} port={port} user={user}\n[pgbouncer]\npool_mode = transaction\n"
            f"auth_type = any\nlisten_addr = 127.0.0.1\nlisten_port = {listen}\nunix_socket_dir =\n"
            "default_pool_size = 3\nserver_login_retry = 0.2\n"
        )
        process = subprocess.Popen([*as_whom, program, "-q", str(settings)], cwd=name, stderr=subprocess.DEVNULL)
        try:
            _wait_for(listen)
            yield f"127.0.0.1:{listen}"
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(port: int) -> None:
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise NoServerError(f"nothing listens on port {port}")


@contextmanager
def full_disk(owner: Path) -> Iterator[None]:
    """Leave no space in a folder that is a small file system of its own, until the block ends."""
    stuffing = owner / "stuffing"
    with stuffing.open("wb") as file, suppress(OSError):
        while True:
            file.write(b"\0" * 65536)
            file.flush()
    try:
        yield
    finally:
        stuffing.unlink()


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of this size that PostgreSQL may write to. Raises NoServerError where nothing can be mounted."""
    _, owner = _unprivileged()
    with TemporaryDirectory(prefix="small-disk-") as name:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,uid={owner},mode=700", "tmpfs", name]
        if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
            raise NoServerError("a small file system cannot be mounted here (it takes root): no disk can be full")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", name], check=True)


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
