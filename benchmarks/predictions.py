"""`evaluate-predictions` on many images: memory at its peak and time, the files made here.

IMAGES (100000), PREDICTIONS (100 an image), CLASSES (10) and AREAS=1 (polygons instead of boxes) in the environment.
Every image has five objects; four of five are found, the other predictions lie anywhere.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from benchmarks._limits import limit

SIDE, OBJECTS = 640, 5


def write(folder: Path, images: int, each: int, classes: int) -> None:
    """The truth as a COCO data set, the predictions as a list of COCO results, image by image."""
    random = np.random.default_rng(17)
    kinds = [{"id": number, "name": f"class {number}"} for number in range(1, classes + 1)]
    listed = [{"id": at, "file_name": f"{at:07}.jpg", "width": SIDE, "height": SIDE} for at in range(images)]
    annotations = []
    with (folder / "results.json").open("wb") as out:
        out.write(b"[")
        for at in range(images):
            boxes = np.column_stack((random.integers(0, 500, (each, 2)), random.integers(8, 130, (each, 2))))
            kind, score = random.integers(1, classes + 1, each), random.integers(1, 1000, each) / 1000
            for number, (box, own) in enumerate(zip(boxes[:OBJECTS].tolist(), kind[:OBJECTS].tolist(), strict=True)):
                annotations.append({"id": len(annotations), "image_id": at, "category_id": own, "bbox": box,
                                    "area": box[2] * box[3], "iscrowd": 0})  # fmt: skip
                if number:
                    boxes[number] += random.integers(-4, 5, 4)
            boxes = np.maximum(boxes, 1)
            rows = [{"image_id": at, "category_id": own, "bbox": box, "score": sure}
                    for box, own, sure in zip(boxes.tolist(), kind.tolist(), score.tolist(), strict=True)]  # fmt: skip
            out.write((b"," if at else b"") + orjson.dumps(rows)[1:-1])
        out.write(b"]")
    truth = {"images": listed, "categories": kinds, "annotations": annotations}
    (folder / "truth.json").write_bytes(orjson.dumps(truth))


def measured(folder: Path) -> tuple[float, float, float]:
    """Seconds of one processor, peak memory in GB, and AP of the command in a process of its own."""
    command = [sys.executable, "-m", "benchmark_qa", "evaluate-predictions", "truth.json", "results.json", "--json"]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(done.stderr.decode()[-2000:])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return seconds, peak, json.loads(done.stdout)["summary"]["AP"]


def main() -> None:
    images, each, classes = (
        int(os.environ.get(name, given)) for name, given in (("IMAGES", 100_000), ("PREDICTIONS", 100), ("CLASSES", 10))
    )
    most = limit("predictions.memory")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(folder, images, each, classes)
        size = (folder / "results.json").stat().st_size / 2**20
        seconds, peak, precision = measured(folder)
    table = Table("images", "predictions", "classes", "file MB", "peak GB", "at most GB", "minutes", "AP")
    table.add_row(f"{images:,}", f"{images * each:,}", str(classes), f"{size:,.0f}", f"{peak:.2f}", f"{most:g}",
                  f"{seconds / 60:.1f}", f"{precision:.4f}")  # fmt: skip
    Console().print(table)
    if peak > most:
        sys.exit(f"{peak:.2f} GB at the peak, {most:g} are the limit")
