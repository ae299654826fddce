"""Label rows that are far too large, among four innocent tasks, in each way that a task can be scored."""

import gc
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from math import cos, pi, sin
from pathlib import Path
from random import Random
from typing import Any

from emulator.labels.models import MAIN_BRANCH, Content
from emulator.platform import Platform
from tests.integration.service.sandbox import (
    BENCHMARK,
    BENCHMARK_DATASET,
    PRODUCTION,
    SCORING_STAGE,
    SERVICE,
    SUBMITTED_SECRET,
    Sandbox,
    Unit,
    platform,
    uuid,
)
from tests.unit.rows import PEDESTRIAN, PEDESTRIAN_EDITOR, image_row

Row = dict[str, Any]
WAYS = ("drain", "event", "call", "evaluate")
BAD, BRANCH, ANNOTATOR = uuid("the bad data unit"), "encord-bad", "bad-annotator@example.com"
SIDE, CORNERS, BOXES, ANSWERS = 30_000, 5_001, 100_000, 1_000_000
"""Corners: an odd number, so that each edge crosses the middle and all the others."""
POLYGON, MASK, REMARK, REMARK_TEXT = "PolygonX", "MaskXXXX", "RemarkXX", "RemarkTT"
EDITOR: Row = {
    "objects": [
        *PEDESTRIAN_EDITOR["objects"],
        {"id": "2", "name": "area", "color": "#D33116", "shape": "polygon", "featureNodeHash": POLYGON},
        {"id": "3", "name": "mask", "color": "#D33117", "shape": "bitmask", "featureNodeHash": MASK},
    ],
    "classifications": [
        {
            "id": "4",
            "featureNodeHash": REMARK,
            "attributes": [
                {"id": "4.1", "name": "remark", "type": "text", "required": False, "featureNodeHash": REMARK_TEXT}
            ],
        }
    ],
}
BOX = {"boundingBox": {"x": 0.1, "y": 0.1, "w": 0.2, "h": 0.2}}


def drawn(feature: str, shape: str, geometry: Mapping[str, Any], number: int = 0) -> Row:
    """An object as the API returns it."""
    return {
        "objectHash": f"o{number:07}", "featureHash": feature, "name": shape, "value": shape, "color": "#D33115",
        "shape": shape, "confidence": 1.0, "manualAnnotation": True, "createdBy": ANNOTATOR,
        "createdAt": "Sun, 22 Nov 2026 08:00:00 UTC", **geometry,
    }  # fmt: skip


def boxes(number: int) -> Row:
    return row(objects=[drawn(PEDESTRIAN, "bounding_box", BOX, n) for n in range(number)])


def polygon(points: Sequence[tuple[float, float]]) -> Row:
    corners = {str(n): {"x": x, "y": y} for n, (x, y) in enumerate(points)}
    return row(objects=[drawn(POLYGON, "polygon", {"polygon": corners})])


def square() -> Row:
    return polygon([(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)])


def star() -> Row:
    step = CORNERS // 2 * 2 * pi / CORNERS
    return polygon([(0.5 + 0.4 * cos(n * step), 0.5 + 0.4 * sin(n * step)) for n in range(CORNERS)])


def mask(counts: Sequence[int]) -> Row:
    run_lengths = {"height": SIDE, "width": SIDE, "top": 0, "left": 0, "rleString": encoded(counts)}
    return row(objects=[drawn(MASK, "bitmask", {"bitmask": run_lengths})])


def whole_mask() -> Row:
    return mask([0, SIDE * SIDE])


def torn_mask() -> Row:
    """A mask of two million runs."""
    dice = Random(1)
    return mask([dice.randrange(1, 400) for _ in range(4_000_000)])


def encoded(counts: Sequence[int]) -> str:
    """Run lengths as COCO writes them."""
    letters: list[str] = []
    for index, length in enumerate(counts):
        rest, more = length - (counts[index - 2] if index > 2 else 0), True
        while more:
            bits, rest = rest & 31, rest >> 5
            more = rest != -1 if bits & 16 else rest != 0
            letters.append(chr((bits | 32 if more else bits) + 48))
    return "".join(letters)


def remarks(number: int) -> Row:
    """So many classifications with an answer each."""
    return row(classification_answers={f"c{n:07}": remark(f"c{n:07}", [[n, n]]) for n in range(number)})


def remark_on(frames: int) -> Row:
    """One answer with so many ranges."""
    return row(classification_answers={"c0000000": remark("c0000000", [[2 * n, 2 * n] for n in range(frames)])})


def answered_often(number: int) -> Row:
    """One classification with so many answers, in fewer bytes than a label row may have."""
    entry = {"featureHash": REMARK_TEXT, "answers": ""}
    return row(classification_answers={"c": remark("c", [[0, 0]]) | {"classifications": [entry] * number}})


def empty(number: int) -> Row:
    """Three bytes for each object of 72 bytes."""
    return row(classification_answers={"c": remark("c", [[0, 0]]) | {"classifications": [{}] * number}})


def remark(name: str, ranges: list[list[int]]) -> Row:
    answers = [{"name": "remark", "featureHash": REMARK_TEXT, "answers": "seen"}]
    return {"classificationHash": name, "featureHash": REMARK, "classifications": answers, "range": ranges}


def row(**parts: Any) -> Row:
    return image_row(BAD, width=SIDE, height=SIDE, **parts)


ROWS: Mapping[str, tuple[Callable[[], Row], Callable[[], Row]]] = {
    "100,000 equal boxes, truth of 1": (lambda: boxes(1), lambda: boxes(BOXES)),
    "100,000 equal boxes, truth of 30": (lambda: boxes(30), lambda: boxes(BOXES)),
    "100,000 equal boxes, truth of 100,000": (lambda: boxes(BOXES), lambda: boxes(BOXES)),
    "star polygon of 5,001 corners": (square, star),
    "mask of 30,000 x 30,000, one run": (whole_mask, whole_mask),
    "mask of 30,000 x 30,000, 2,000,000 runs": (whole_mask, torn_mask),
    "1,000,000 answers": (lambda: remarks(1), lambda: remarks(ANSWERS)),
    "1,000,000 answers of one classification": (lambda: remarks(1), lambda: answered_often(ANSWERS)),
    "1,000,000 ranges of one answer": (lambda: remark_on(1), lambda: remark_on(ANSWERS)),
    "10,000,000 empty objects": (lambda: remarks(1), lambda: empty(10_000_000)),
}
"""Ground truth and labels of the bad data unit."""


@contextmanager
def platform_with(kind: str, units: Sequence[Unit]) -> Iterator[Sandbox]:
    """The emulator with these units and a bad row of this kind."""
    gc.disable()  # millions of values are made, and none of them in a circle
    try:
        with platform(
            units, production_images=0, change_world=with_one_more_unit, change_platform=partial(spoil, kind=kind)
        ) as both:
            yield both
    finally:
        gc.enable()


def spoil(running: Platform, kind: str) -> None:
    """Put the bad row where a small one was."""
    for project, branch, make in zip((BENCHMARK, PRODUCTION), (MAIN_BRANCH, BRANCH), ROWS[kind], strict=True):
        row = running.projects[project].rows.find(BAD, branch)
        assert row is not None
        row.content = Content.of_label_row(make())


def with_one_more_unit(document: Row) -> Row:
    """The same world with a wider ontology and one more benchmark item."""
    small = boxes(1)
    world = {**document, "users": [*document["users"], {"email": ANNOTATOR}]}
    world["ontologies"] = [{**each, "editor": EDITOR} for each in document["ontologies"]]
    image = {"hash": BAD, "title": "bad.jpg", "width": SIDE, "height": SIDE}
    world["datasets"] = [
        {**each, "data": [*each["data"], image]} if each["hash"] == BENCHMARK_DATASET else each
        for each in document["datasets"]
    ]
    subtask = {"branch_name": BRANCH, "status": "COMPLETED", "assignee": ANNOTATOR, "last_actioned_by": ANNOTATOR}
    tasks = {
        BENCHMARK: {"data_hash": BAD, "stage": "Complete"},
        PRODUCTION: {"data_hash": BAD, "stage": "Score", "subtasks": [subtask]},
    }
    world["projects"] = [
        {
            **each,
            "users": {**each["users"], ANNOTATOR: "annotator"},
            "tasks": [tasks[each["hash"]], *each["tasks"]],
        }
        for each in document["projects"]
    ]
    parts = ("data_units", "object_answers", "classification_answers", "object_actions")
    world["labels"] = [
        {
            "project": BENCHMARK, "data_hash": BAD, "label_hash": uuid("bad truth"), "created_by": SERVICE,
            "last_edited_at": "2026-01-05T08:00:00Z", "labels": {part: small[part] for part in parts},
        },
        {
            "project": PRODUCTION, "data_hash": BAD, "label_hash": uuid("bad labels"), "branch_name": BRANCH,
            "created_by": ANNOTATOR, "labels": {part: small[part] for part in parts},
        },
        *document["labels"],
    ]  # fmt: skip
    return world


@dataclass(frozen=True)
class Cell:
    """What became of one bad row in one way, and of its neighbours."""

    seconds: float
    processor_seconds: float
    megabytes: float
    """Most memory of the service with its workers above what it had before; of `evaluate`, all of it."""
    outcome: str = "refused"
    """Or "scored"."""
    innocent_done: int = 0


def tree(pid: int) -> Iterator[int]:
    """The process and its children."""
    yield pid
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            yield from tree(int(child))


def usage(pid: int) -> tuple[float, float]:
    """Resident megabytes and processor seconds of a process with its children."""
    megabytes = seconds = 0.0
    try:
        for each in tree(pid):
            megabytes += int(Path(f"/proc/{each}/statm").read_text().split()[1]) * 4096 / 2**20
            times = Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
            seconds += sum(map(int, times[11:15])) / 100
    except (FileNotFoundError, ProcessLookupError):
        pass  # it has ended
    return megabytes, seconds


@contextmanager
def watched(pid: int) -> Iterator[list[float]]:
    """Most megabytes and processor seconds of the process with its children while the block runs."""
    seen, done = [0.0, 0.0], threading.Event()

    def look() -> None:
        while not done.wait(0.02):
            now = usage(pid)
            seen[:] = max(seen[0], now[0]), max(seen[1], now[1])

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        done.set()
        looking.join()


def measure(both: Sandbox, service: int, way: str, innocent: Sequence[Unit]) -> Cell:
    """Score the bad row and four innocent tasks in one way. `service`: the process of the running service."""
    if way == "evaluate":
        return _by_command(both, innocent)
    idle, before = usage(service)
    with watched(service) as seen:
        began = time.monotonic()
        if way == "drain":
            answer = both.notify(SCORING_STAGE)
            assert answer.status_code == 200, answer.text
        elif way == "event":
            hashes = [BAD, *(unit.data_hash for unit in innocent)]
            assert both.event("task-submitted", SUBMITTED_SECRET, "task_submitted_event", hashes).status_code == 200
        else:
            with ThreadPoolExecutor(8) as callers:
                answers = list(callers.map(both.score, [BAD, *(unit.data_hash for unit in innocent)]))
            assert [answer.status_code for answer in answers[1:]] == [200] * len(innocent)
            assert answers[0].status_code in (200, 422), answers[0].text
        seconds = time.monotonic() - began
    return _cell(both, way, innocent, Cell(seconds, seen[1] - before, seen[0] - idle))


def _by_command(both: Sandbox, innocent: Sequence[Unit]) -> Cell:
    """`benchmark-qa evaluate`: all the memory of its process counts, because it has no idle state."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmark_qa", "evaluate"],
            env=dict(both.environment), stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        with watched(process.pid) as seen:
            code = process.wait(170)
        seconds = time.monotonic() - began
        output.seek(0)
        assert code in (0, 4), output.read().decode()
    return _cell(both, "evaluate", innocent, Cell(seconds, seen[1], seen[0]))


def _cell(both: Sandbox, way: str, innocent: Sequence[Unit], cell: Cell) -> Cell:
    """The cell with what became of the row and of its neighbours."""
    scored = {data_hash for data_hash, _ in both.recorded()}
    done = len(scored & {unit.data_hash for unit in innocent})
    if way in ("drain", "evaluate"):
        done = min(done, both.stages()["Complete"] - (BAD in scored))
    return replace(cell, outcome="scored" if BAD in scored else "refused", innocent_done=done)
