"""Pictures in `find`, with real image files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.unit.commands.findings.simulation import Case, case_of, exported_rows
from tests.unit.commands.findings.test_find_command import IMAGES, run, table


@pytest.fixture(scope="module")
def planted(pedestrians: dict[str, Any]) -> Case:
    return case_of(pedestrians, IMAGES)


@pytest.fixture
def labels(planted: Case, tmp_path: Path) -> Path:
    return exported_rows(planted, IMAGES, tmp_path / "labels.json")


def test_pictures_show_near_duplicates_with_contradicting_labels_and_become_fields(
    labels: Path, planted: Case, tmp_path: Path
) -> None:
    """Each picture is a scene of its own, but two are the same one, brighter; their labels differ."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    counts = [
        len([item for item in planted.detections.truth["annotations"] if item["image_id"] == image + 1])
        for image in range(IMAGES)
    ]
    twin, other = counts.index(1), counts.index(2)
    for image in range(IMAGES):
        random = np.random.default_rng(twin if image == other else image)
        picture = Image.fromarray(random.integers(0, 200, (6, 8, 3), dtype=np.uint8)).resize((160, 90))
        if image == other:
            picture = picture.point(lambda value: value * 1.2)
        if image % 2:
            picture = picture.point(lambda value: value * 0.3)
        picture.save(folder / f"{image:04d}.png")
    result = run(labels, table(planted, tmp_path / "p.csv"), "--images", folder, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    (pair,) = found["contradictions"]
    assert sorted(pair["worst"]) == sorted([twin, other])
    fields = {one["conditions"][0]["field"] for one in found["slices"]}
    assert {"brightness", "sharpness"} <= fields
    assert "near-duplicates labelled differently: 1 groups" in run(labels, "--images", folder).stdout
