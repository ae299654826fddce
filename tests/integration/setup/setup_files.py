"""A set-up with local photos, written as a person writes it."""

from pathlib import Path

import cv2
import numpy as np

from tests.integration.setup.conftest import ANNOTATORS, EXPERT, PRODUCTION_TEMPLATE, REVIEWER, TRUTH_TEMPLATE

BENCHMARK, PRODUCTION = "Pedestrians: truth", "Pedestrians"
BENCHMARK_DATASET, PRODUCTION_DATASET = "Pedestrians 1", "Pedestrians 2"


def photo(path: Path, shade: int) -> Path:
    """A small real photo; the boxes that people draw in tests need nothing in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((72, 128, 3), shade % 256, dtype=np.uint8)
    assert cv2.imwrite(str(path), pixels)
    return path


def write_setup(
    directory: Path, *, benchmark_photos: int = 3, production_photos: int = 2, template: str = PRODUCTION_TEMPLATE
) -> Path:
    """The set-up file with its photos."""
    for n in range(benchmark_photos):
        photo(directory / "benchmark photos" / f"a-{n}.png", n)
    for n in range(production_photos):
        photo(directory / "production photos" / f"production-{n}.png", 100 + n)
    file = directory / "setup.toml"
    annotators = "\n".join(f'"{email}" = "annotator"' for email in ANNOTATORS)
    file.write_text(
        f"""
name = "pedestrians"

[metadata]
camera = "varchar"
weather = ["rain", "sunny"]

[[folders]]
path = "Pedestrians/Benchmark"
upload = "benchmark photos"

[[folders]]
path = "Pedestrians/Production"
upload = "production photos"

[ontology]
title = "Pedestrians"
[[ontology.structure.objects]]
name = "pedestrian"
shape = "bounding_box"

[benchmark]
title = "{BENCHMARK}"
workflow_template = "{TRUTH_TEMPLATE}"
[benchmark.dataset]
title = "{BENCHMARK_DATASET}"
folders = ["Pedestrians/Benchmark"]
[benchmark.users]
"{EXPERT}" = "annotator_reviewer"

[production]
title = "{PRODUCTION}"
workflow_template = "{template}"
[[production.datasets]]
title = "{PRODUCTION_DATASET}"
folders = ["Pedestrians/Production"]
[production.users]
{annotators}
"{REVIEWER}" = "reviewer"

[service.stages.routing]
name = "Route"
benchmark_pathway = "Yes"
production_pathway = "No"
[[service.stages.scoring]]
name = "Score"
pass_pathway = "Complete"
[service.verdict]
minimum_tasks = 1
""",
        encoding="utf-8",
    )
    return file
