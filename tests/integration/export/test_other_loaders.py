"""What is exported as other libraries read it: Datumaro and supervision, on plain files.

They are in no lock: Datumaro wants an older Pillow. Name the Python of an environment that has them in EXPORT_ORACLES:

    python -m venv oracles && oracles/bin/pip install datumaro supervision
    EXPORT_ORACLES=oracles/bin/python make test ARGS="tests/integration/export/test_other_loaders.py -rs"
"""

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.unit.sdk_rows import HEIGHT, WIDTH

from .gallery import Gallery

ORACLES = os.environ.get("EXPORT_ORACLES", "")
pytestmark = pytest.mark.skipif(not ORACLES, reason="EXPORT_ORACLES names no Python with datumaro and supervision")

READ = {
    "datumaro coco": """
import datumaro, json, sys
from datumaro.components.annotation import AnnotationType as T
data = datumaro.Dataset.import_from(sys.argv[1], "coco_instances")
names = [each.name for each in data.categories()[T.label]]
for item in data:  # of an object with an outline there are two annotations, one of them its box
    for one in {one.id: one for one in item.annotations}.values():
        if one.type in (T.bbox, T.polygon, T.mask):
            print(json.dumps([item.id.rpartition("/")[2], names[one.label], [float(n) for n in one.get_bbox()]]))
""",
    "datumaro yolo": """
import datumaro, json, sys
from datumaro.components.annotation import AnnotationType as T
data = datumaro.Dataset.import_from(sys.argv[1], "yolo")
names = [each.name for each in data.categories()[T.label]]
for item in data:
    for one in item.annotations:
        print(json.dumps([item.id.rpartition("/")[2], names[one.label], [float(n) for n in one.get_bbox()]]))
""",
    "supervision coco": """
import json, supervision, sys
from pathlib import Path
root = Path(sys.argv[1])
data = supervision.DetectionDataset.from_coco(
    images_directory_path=str(root / "images" / "train"),
    annotations_path=str(root / "annotations" / "instances_train.json"))
for path, _, found in data:
    for box, label in zip(found.xyxy.tolist(), found.class_id.tolist()):
        x, y, right, bottom = box
        print(json.dumps([Path(path).stem, data.classes[label], [x, y, right - x, bottom - y]]))
""",
    "supervision yolo": """
import json, supervision, sys
from pathlib import Path
root = Path(sys.argv[1])
data = supervision.DetectionDataset.from_yolo(
    images_directory_path=str(root / "images" / "train"), annotations_directory_path=str(root / "labels" / "train"),
    data_yaml_path=str(root / "data.yaml"))
for path, _, found in data:
    for box, label in zip(found.xyxy.tolist(), found.class_id.tolist()):
        x, y, right, bottom = box
        print(json.dumps([Path(path).stem, data.classes[label], [x, y, right - x, bottom - y]]))
""",
}


@pytest.fixture(scope="module")
def exported(site: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both formats, with pictures under the names that the files say."""
    out = tmp_path_factory.mktemp("loaders") / "out"
    site.export(out, "--format", "coco", "--format", "yolo", "--title", "*.png", "--title", "*.jpg")
    for kind in ("coco", "yolo"):
        for line in (out / kind / "images.jsonl").read_text().splitlines():
            place = out / kind / json.loads(line)["file"]
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (WIDTH, HEIGHT)).save(place)
    return out


def ours(exported: Path) -> Counter[tuple[str, str, tuple[int, ...]]]:
    """Picture, class and box of every object of the COCO file, to a pixel."""
    document = json.loads((exported / "coco" / "annotations" / "instances_train.json").read_text())
    names = {each["id"]: each["file_name"].rpartition(".")[0] for each in document["images"]}
    classes = {each["id"]: each["name"] for each in document["categories"]}
    return Counter(
        (names[each["image_id"]], classes[each["category_id"]], whole(each["bbox"])) for each in document["annotations"]
    )


def whole(box: list[float]) -> tuple[int, ...]:
    """Corners cut off at the edges, in steps of two pixels: the loaders round masks each in their way."""
    x, y, w, h = box
    corners = max(x, 0), max(y, 0), min(x + w, WIDTH), min(y + h, HEIGHT)
    return tuple(round(number / 2) for number in corners)


@pytest.mark.parametrize("loader", READ)
def test_another_library_reads_the_same_objects(exported: Path, tmp_path: Path, loader: str) -> None:
    script = tmp_path / "read.py"
    script.write_text(READ[loader])
    folder = exported / loader.split()[1]
    done = subprocess.run([ORACLES, script, folder], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    read: list[Any] = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    found = Counter((name, label) for name, label, _ in read)
    expected = Counter((name, label) for name, label, _ in ours(exported).elements())
    assert expected
    assert found == expected
    near = Counter((name, label, whole(box)) for name, label, box in read) & ours(exported)
    assert near.total() >= 0.8 * expected.total()
