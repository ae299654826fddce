"""The image for real: `make image-test`. Not in the default run, because building it takes minutes.

No container engine and no registry are needed: debootstrap makes the bases, buildah builds with `--isolation chroot`,
and the image's root is run by chroot in a mount namespace of its own, mounted read-only, with the image's user. Needs
root, debootstrap and buildah (Debian: `apt-get install debootstrap buildah`).
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from emulator.testing import running
from tests.infra.terraform import ROOT
from tests.integration.service.sandbox import Sandbox, Unit, free_port, service_environment, world

pytestmark = pytest.mark.timeout(1800)
SUITE = "trixie"
BASES = ROOT / "build" / "image-bases"
LIMIT_MB = 350
ENVIRONMENT = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
NOT_IN_SLIM_IMAGES = (
    "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "var/lib/apt/lists", "var/cache/apt",
    "usr/share/i18n",
)  # fmt: skip


def run(*command: str, **options: Any) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, env=ENVIRONMENT, timeout=1200, check=False, **options
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done.stdout.strip()


@pytest.fixture(scope="module")
def bases() -> tuple[str, str]:
    """Names of two images: one to run in, and one to build in, which has pip and venv besides."""
    missing = [tool for tool in ("debootstrap", "buildah", "unshare", "chroot") if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"SKIPPED: the image needs root and {', '.join(missing) or 'nothing else'} to be built here")
    return committed("base-run", run_base()), committed("base-build", build_base())


def run_base() -> Path:
    """Debian with Python, as bare as the slim images."""
    folder = BASES / "base-run"
    if not folder.exists():
        making = BASES / f"making-{os.getpid()}"
        BASES.mkdir(parents=True, exist_ok=True)
        run("debootstrap", "--variant=minbase", "--include=python3,ca-certificates", SUITE, str(making))
        for path in NOT_IN_SLIM_IMAGES:
            shutil.rmtree(making / path, ignore_errors=True)
        making.rename(folder)
    return folder


def build_base() -> Path:
    """The same with pip and venv, and what this machine's pip and apt need to reach their indexes."""
    folder = BASES / "base-build"
    if not folder.exists():
        making = BASES / f"making-{os.getpid()}"
        run("cp", "--archive", str(run_base()), str(making))
        for file in ("etc/pip.conf", "etc/ssl/certs/ca-certificates.crt", "etc/resolv.conf"):
            if (Path("/") / file).is_file():
                shutil.copy(Path("/") / file, making / file)
        install = "apt-get update && apt-get install --yes --no-install-recommends python3-pip python3-venv"
        run("chroot", str(making), "sh", "-ec", f"mkdir -p /var/cache/apt/archives/partial && {install}")
        making.rename(folder)
    return folder


def committed(name: str, folder: Path) -> str:
    """The folder as an image."""
    container = run("buildah", "from", "scratch")
    run("buildah", "add", "--quiet", container, str(folder), "/")
    run("buildah", "commit", "--quiet", "--rm", container, name)
    return f"localhost/{name}"


@pytest.fixture(scope="module")
def image(bases: tuple[str, str]) -> str:
    run_base, build_base = bases
    run(
        "buildah", "build", "--network", "host", "--format", "docker", "--build-arg", f"BASE={run_base}",
        "--build-arg", f"BUILD_BASE={build_base}", "--tag", "benchmark-qa", ".", cwd=ROOT,
    )  # fmt: skip
    return "localhost/benchmark-qa"


@pytest.fixture(scope="module")
def root(image: str) -> Iterator[Path]:
    """The image's file system."""
    container = run("buildah", "from", image)
    yield Path(run("buildah", "mount", container))
    run("buildah", "umount", container)
    run("buildah", "rm", container)


@pytest.fixture(scope="module")
def config(image: str) -> Any:
    return json.loads(run("buildah", "inspect", "--type", "image", image))["Docker"]["config"]


def in_image(root: Path, config: Any, environment: dict[str, str], *command: str) -> list[str]:
    """The command that runs one in the image: read-only but for /tmp, as the image's user."""
    script = f"""
        mount --make-rprivate /
        mount --bind {root} {root} && mount -o remount,bind,ro {root}
        mount -t tmpfs tmpfs {root}/tmp && mount -t proc proc {root}/proc
        cd {root} && exec chroot --userspec={config["User"]} {root} /usr/bin/env -i "$@"
    """
    settings = [*config["Env"], *(f"{name}={value}" for name, value in environment.items())]
    return ["unshare", "--mount", "sh", "-ec", script, "sh", *settings, *(command or config["Entrypoint"])]


def test_the_image_is_small_and_says_what_is_in_it(image: str, root: Path, config: Any) -> None:
    size = sum(path.lstat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6
    ours = sum(path.lstat().st_size for path in (root / "opt").rglob("*") if path.is_file()) / 1e6
    print(f"\nimage: {size:.0f} MB, of which the service and its libraries {ours:.0f} MB")  # noqa: T201 - asked for
    assert size < LIMIT_MB
    assert config["Labels"]["org.opencontainers.image.title"] == "Benchmark QA for Encord"
    names = {each["name"] for each in json.loads((root / "opt/benchmark-qa/sbom.cdx.json").read_text())["components"]}
    assert {"encord", "encord-agents", "fastapi", "numpy", "boto3", "google-cloud-tasks"} <= names
    assert shutil.which("gcc", path=str(root / "usr/bin")) is None
    assert not list((root / "opt/benchmark-qa").rglob("site-packages/pip"))


def test_the_image_runs_as_nobody_on_a_file_system_that_it_cannot_write(root: Path, config: Any) -> None:
    assert config["User"] == "65532:65532"
    said = run(*in_image(root, config, {}, "python3", "-c", """
import os, pathlib
print(os.getuid())
for place in ("/opt/benchmark-qa/x", "/x", "/etc/x"):
    try:
        pathlib.Path(place).touch()
        print("wrote", place)
    except OSError as error:
        print(error.strerror)
"""))  # fmt: skip
    uid, *outcomes = said.splitlines()
    assert uid == "65532"
    assert set(outcomes) == {"Read-only file system"}


def test_a_missing_setting_is_named(root: Path, config: Any) -> None:
    done = subprocess.run(in_image(root, config, {}), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "BENCHMARK_QA_CONFIG" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_image_serves_a_signed_request_and_is_healthy(
    root: Path, config: Any, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    unit, port = Unit(pedestrians["images"][0]), free_port()
    url = f"http://127.0.0.1:{port}"
    with running(world([unit], url)) as platform:
        wanted = ("BENCHMARK_QA_CONFIG", "ENCORD_SSH_KEY", "ENCORD_DOMAIN", "ROUTE_SECRET", "SCORE_SECRET")
        settings = service_environment(platform.url, tmp_path, {})
        environment = {name: settings[name] for name in wanted}
        environment |= {"PORT": str(port), "DATABASE_URL": "none", "K_SERVICE": "benchmark-qa"}
        started = time.monotonic()
        process = subprocess.Popen(in_image(root, config, environment))
        try:
            wait_until_healthy(url, process)
            print(f"\nstarted in {time.monotonic() - started:.1f} s")  # noqa: T201 - asked for
            run(*in_image(root, config, {"PORT": str(port)}, *config["Healthcheck"]["Test"][1:]))
            sandbox = Sandbox(platform.url, url, environment, tmp_path)
            assert sandbox.route(unit.data_hash).json() == {"decision": "Yes"}
            assert sandbox.route(unit.data_hash, at=0).status_code == 401
        finally:
            process.terminate()
            assert process.wait(15) in (0, -15)


def wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        assert process.poll() is None, "the container ended"
        try:
            if requests.get(f"{url}/healthz", timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("the container does not answer")
