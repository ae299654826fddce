"""The zip for real: `make zip-test`. Built, unpacked, and run under Lambda's runtime emulator with nothing else.

Not in the default run, because building it takes a minute. The interpreter sees the standard library, the unpacked zip,
and what Lambda's own runtime brings (boto3 and the runtime interface client), but not the project's environment.
"""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from demo.lambda_events import function_url_event
from demo.lambda_runtime import HTTP_HANDLER, Instance, RuntimeEmulatorMissing, emulator_program, wait_until_up
from emulator.testing import running
from tests.infra.terraform import ROOT
from tests.integration.service.sandbox import (
    PRODUCTION,
    ROUTE_SECRET,
    SCORE_SECRET,
    Unit,
    service_environment,
    signed,
    world,
)

pytestmark = pytest.mark.timeout(900)
OF_THE_RUNTIME = ("awslambdaric", "boto3", "botocore", "jmespath", "s3transfer", "simplejson", "snapshot-restore-py")
LIMIT_MB = 220


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zip")
    package = folder / "function.zip"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    built = subprocess.run(
        [sys.executable, "infra/packaging/lambda_zip.py", "--python", version, "--output", str(package)],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr[-3000:]
    print("\n" + built.stdout)  # noqa: T201 - asked for
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder / "task")
    return folder / "task"


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Lambda's runtime has installed by itself."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in OF_THE_RUNTIME:
        distribution = importlib.metadata.distribution(name)
        for file in distribution.files or []:
            if ".." not in file.parts and not str(file).endswith(".pyc"):
                target = folder / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(distribution.locate_file(file), target)
    return folder


def test_the_zip_fits_lambda_with_room_to_spare(unpacked: Path) -> None:
    size = sum(path.stat().st_size for path in unpacked.rglob("*") if path.is_file()) / 1e6
    assert size < LIMIT_MB
    assert not (unpacked / "boto3").exists()


@pytest.mark.parametrize(("architecture", "machine"), [("x86_64", 62), ("arm64", 183)])
def test_the_zip_holds_code_of_its_processor_alone(architecture: str, machine: int, tmp_path: Path) -> None:
    package = tmp_path / "function.zip"
    command = [
        sys.executable,
        "infra/packaging/lambda_zip.py",
        "--architecture",
        architecture,
        "--output",
        str(package),
    ]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert built.returncode == 0, built.stderr[-3000:]
    machines = {}
    with zipfile.ZipFile(package) as archive:
        assert "certificates/README.md" in archive.namelist()
        for name in archive.namelist():
            start = archive.open(name).read(20)
            if start.startswith(b"\x7fELF"):
                machines[name] = int.from_bytes(start[18:20], "little")
    assert len(machines) > 10
    assert {name: found for name, found in machines.items() if found != machine} == {}


@pytest.mark.parametrize("platform", ["x86_64", "aarch64"])
def test_every_library_of_the_image_is_there_for_both_processors(platform: str, tmp_path: Path) -> None:
    platforms = [word for age in ("2014", "_2_17", "_2_28") for word in ("--platform", f"manylinux{age}_{platform}")]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:",
         "--python-version", "3.13", "--implementation", "cp", *platforms, "--dest", str(tmp_path),
         "--requirement", "requirements/image.txt"],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(list(tmp_path.glob("*.whl"))) > 50


def test_the_function_in_the_zip_routes_and_scores(
    unpacked: Path, runtime: Path, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    try:
        emulator_program()
    except RuntimeEmulatorMissing as error:
        pytest.skip(str(error))
    units = [Unit(pedestrians["images"][0]), Unit(pedestrians["images"][1], stage="Score")]
    with running(world(units, "http://127.0.0.1:9")) as platform, (tmp_path / "log").open("wb") as log:
        environment = {
            **service_environment(platform.url, tmp_path, {}),
            "PYTHONPATH": os.pathsep.join([str(unpacked), str(runtime)]),
            "DATABASE_URL": "none",
        }
        environment.pop("VIRTUAL_ENV", None)
        command = [os.path.realpath(sys.executable), "-S", "-m", "awslambdaric", HTTP_HANDLER]
        instance = Instance(environment, command, log)
        try:
            wait_until_up([instance])
            for path, unit, secret, decision in (
                ("/agents/route", units[0], ROUTE_SECRET, "Yes"),
                ("/agents/score", units[1], SCORE_SECRET, "Done"),
            ):
                body = json.dumps({"projectHash": PRODUCTION, "dataHash": unit.data_hash, "frame": 0}).encode()
                answer = instance.invoke(function_url_event("POST", path, signed(body, secret), body))
                assert answer.get("statusCode") == 200, (answer, (tmp_path / "log").read_text()[-3000:])
                assert json.loads(answer["body"])["decision"] == decision
        finally:
            instance.stop()
