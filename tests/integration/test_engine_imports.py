"""What the engine loads: nothing heavy for boxes, nothing of the platform ever."""

import subprocess
import sys

PROGRAM = """
import sys
import numpy as np
from benchmark_qa import Ontology, read_label_row, score_task
from tests.unit.rows import PEDESTRIAN_EDITOR, box_row
ontology = Ontology.from_editor(PEDESTRIAN_EDITOR)
row = read_label_row(box_row("image", [[0, 0, 9, 9], [2, 2, 9, 9]]), ontology)
assert score_task(row, row, ontology).score == 1.0
print(*sorted({"shapely", "scipy", "rapidfuzz", "encord", "pandas", "sklearn"} & sys.modules.keys()))
"""


def test_scoring_boxes_loads_neither_shapely_nor_scipy_nor_the_sdk() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
