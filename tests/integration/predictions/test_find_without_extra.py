"""`find` without its extra says what to install."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.commands.findings.simulation import CLASSES, Case, case
from tests.unit.commands.findings.test_find_command import IMAGES, table
from tests.unit.rows import box_row


@pytest.fixture(scope="module")
def planted(pedestrians: dict[str, Any]) -> Case:
    return case({**pedestrians, "images": pedestrians["images"][:IMAGES]}, seed=2)


@pytest.fixture
def labels(planted: Case, tmp_path: Path) -> Path:
    """Label rows as Encord exports them."""
    rows = []
    for image in range(IMAGES):
        items = [item for item in planted.detections.truth["annotations"] if item["image_id"] == image + 1]
        row = box_row(f"unit{image:04d}", [item["bbox"] for item in items])
        row["data_title"] = f"{image:04d}.png"
        for drawn, item in zip(row["data_units"][f"unit{image:04d}"]["labels"]["objects"], items, strict=True):
            name = CLASSES[item["category_id"] - 1]
            drawn |= {"featureHash": f"Feature-{name}", "name": name, "objectHash": item["object_hash"]}
        rows.append(row)
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(rows))
    return path


def test_without_the_extra_the_command_says_what_to_install(planted: Case, labels: Path, tmp_path: Path) -> None:
    # A real process in which the library cannot be imported, as where the extra is not installed.
    program = (
        "import sys; sys.modules['cleanlab'] = None; sys.argv[0] = 'benchmark-qa'; "
        "from benchmark_qa.cli import app; app()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "find", str(labels), str(table(planted, tmp_path / "p.csv"))],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.strip().endswith("pip install '.[findings]' in a checkout")
