"""What a release would hand out: `make release-check`. Not in the default run: it fills an empty environment.

Wheel and sdist are built into `dist/`; the wheel is installed with the locked libraries alone, and tried there.
"""

import json
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from secrets import token_hex

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.infra.terraform import ROOT
from tests.integration.service.sandbox import free_port

pytestmark = pytest.mark.timeout(1200)
LIST_COMMANDS = """
import json
from importlib.metadata import entry_points
from typer.main import get_command

def walk(command, path):
    yield path
    for name, below in sorted(getattr(command, "commands", {}).items()):
        yield from walk(below, [*path, name])

(script,) = entry_points(group="console_scripts", name="benchmark-qa")
print(json.dumps(list(walk(get_command(script.load()), []))))
"""
CONFIG = {
    "production_project": "7a000000-0000-4000-8000-000000000001",
    "benchmark_projects": ["7a000000-0000-4000-8000-000000000002"],
}


def ran(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {
        name: os.environ[name] for name in ("PATH", "HOME", "PIP_INDEX_URL", "PIP_CONFIG_FILE") if name in os.environ
    }
    return subprocess.run(
        [str(part) for part in command], cwd=ROOT, env=plain | environment,
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def built() -> tuple[Path, Path]:
    """Wheel and sdist, in `dist/`."""
    for old in (*(ROOT / "dist").glob("*.whl"), *(ROOT / "dist").glob("*.tar.gz")):
        old.unlink()
    done = ran(sys.executable, "-m", "hatchling", "build")
    assert done.returncode == 0, done.stderr
    (wheel,), (sdist,) = (list((ROOT / "dist").glob(pattern)) for pattern in ("*.whl", "*.tar.gz"))
    return wheel, sdist


@pytest.fixture(scope="module")
def bin_folder(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel and its locked libraries, without the extras of the image."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    for command in (
        (sys.executable, "-m", "venv", folder),
        (folder / "bin/pip", "install", "--quiet", "--require-hashes", "-r", ROOT / "requirements" / "run.txt"),
        (folder / "bin/pip", "install", "--quiet", "--no-deps", built[0]),
    ):  # fmt: skip
        done = ran(*command)
        assert done.returncode == 0, done.stderr[-3000:]
    return folder / "bin"


def test_the_wheel_holds_the_service_and_nothing_else(built: tuple[Path, Path]) -> None:
    names = zipfile.ZipFile(built[0]).namelist()
    assert not [name for name in names if name.split("/")[0] in ("tests", "emulator", "demo", "benchmarks", "infra")]
    assert [name for name in names if name.endswith("licenses/LICENSE")]
    assert [name for name in names if name.endswith(".html") or ".html." in name], "the report's templates"


def test_the_sdist_builds_the_same_wheel(built: tuple[Path, Path], tmp_path: Path) -> None:
    with tarfile.open(built[1]) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=source,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (again,) = (source / "dist").glob("*.whl")
    assert zipfile.ZipFile(again).namelist() == zipfile.ZipFile(built[0]).namelist()


def test_every_command_helps(bin_folder: Path) -> None:
    listed = ran(bin_folder / "python", "-c", LIST_COMMANDS)
    assert listed.returncode == 0, listed.stderr
    paths = json.loads(listed.stdout)
    assert len(paths) > 20
    for path in paths:
        done = ran(bin_folder / "benchmark-qa", *path, "--help")
        assert done.returncode == 0, (path, done.stderr)
        assert "Usage" in done.stdout, path


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return {
        "BENCHMARK_QA_CONFIG": json.dumps(CONFIG), "ENCORD_SSH_KEY": key, "ROUTE_SECRET": token_hex(20),
        "SCORE_SECRET": token_hex(20), "DATABASE_URL": f"sqlite:///{tmp_path}/scores.sqlite",
    }  # fmt: skip


@pytest.fixture
def port() -> int:
    return free_port()


def test_serve_answers(bin_folder: Path, settings: dict[str, str], port: int, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [bin_folder / "benchmark-qa", "serve", "--port", str(port)],
            env=settings,
            stdout=log,
            stderr=log,
            cwd=tmp_path,
        )
        try:
            assert answers(f"http://127.0.0.1:{port}/healthz", process), (tmp_path / "log").read_text()
        finally:
            process.terminate()
            process.wait(20)


def answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return requests.get(url, timeout=3).ok
        except requests.ConnectionError:
            time.sleep(0.2)
    return False


@pytest.mark.parametrize(
    ("changed", "extra"),
    [
        ({"DATABASE_URL": "postgresql+psycopg://u@127.0.0.1/d"}, "postgres"),
        ({"DISPATCH": "queue", "JOBS_QUEUE": "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"}, "sqs"),
    ],
)
def test_a_missing_extra_is_named(
    bin_folder: Path, settings: dict[str, str], changed: dict[str, str], extra: str
) -> None:
    done = ran(bin_folder / "benchmark-qa", "serve", "--port", "0", **(settings | changed))
    assert done.returncode == 2
    assert f"extra '{extra}'" in done.stderr
    assert "Traceback" not in done.stderr
