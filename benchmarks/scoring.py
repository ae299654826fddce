"""From two parsed label rows to the full score: 5,000 frames x 20 boxes, against bare libraries and against the SDK.

Baselines, all in this run, one process, best of several:
- bare: `pycocotools.mask.iou` and `scipy.optimize.linear_sum_assignment`, frame by frame, on arrays that are ready.
- SDK: `LabelRowV2.from_labels_dict` of the same two rows, and nothing else.
- shapely: `shapely.intersection` of the candidate pairs of polygons, on geometries that are ready.
"""

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import shapely
from encord.objects import LabelRowV2, OntologyStructure
from encord.orm.label_row import AnnotationTaskStatus, LabelRowMetadata, LabelStatus
from pycocotools import mask as coco_mask
from scipy.optimize import linear_sum_assignment

from benchmark_qa.engine.config import ScoringConfig
from benchmark_qa.engine.result import TaskScore
from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.annotations import Annotations
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row

WIDTH, HEIGHT = 1920, 1080
CLASS = "PedestrX"
QUIET = ScoringConfig(identity=False)
Row = dict[str, Any]


def editor(shape: str) -> Row:
    item = {"id": "1", "name": "pedestrian", "color": "#D33115", "shape": shape, "featureNodeHash": CLASS}
    return {"objects": [item], "classifications": []}


def boxes(frames: int, objects: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Truth and labels (frames, objects, 4): tracks that drift, labels that shake; 5 % of the labels lie elsewhere."""
    rng = np.random.default_rng(seed)
    size = rng.uniform(0.02, 0.08, (1, objects, 2)) * np.sqrt(20 / max(objects, 20))
    drift = np.cumsum(rng.normal(0, 0.002, (frames, objects, 2)), axis=0)
    corner = (rng.random((1, objects, 2)) * 0.9 + drift) % 0.9
    truth = np.concatenate((corner, np.broadcast_to(size, corner.shape)), axis=2)
    labels = truth + rng.normal(0, 0.03, truth.shape) * np.tile(size, 2)
    lost = rng.random((frames, objects)) < 0.05
    labels[lost, :2] = rng.random((int(lost.sum()), 2)) * 0.9
    return truth, np.maximum(labels, 1e-4)


def row(drawn: Callable[[int, int], Row], frames: int, objects: int, shape: str) -> Row:
    """A video's label row, as the API returns it."""
    labels = {
        str(frame): {
            "objects": [
                {
                    "name": "pedestrian",
                    "color": "#D33115",
                    "shape": shape,
                    "value": "pedestrian",
                    "createdAt": "Sun, 22 Nov 2026 08:00:00 UTC",
                    "createdBy": "annotator@example.com",
                    "confidence": 1.0,
                    "objectHash": f"object{index:02d}",
                    "featureHash": CLASS,
                    "manualAnnotation": True,
                    "lastEditedAt": "Sun, 22 Nov 2026 08:00:00 UTC",
                    **drawn(frame, index),
                }
                for index in range(objects)
            ],
            "classifications": [],
        }
        for frame in range(frames)
    }
    unit = {
        "data_hash": "data",
        "data_title": "video",
        "data_type": "video/mp4",
        "data_sequence": 0,
        "data_link": "link",
        "width": WIDTH,
        "height": HEIGHT,
        "data_fps": 25,
        "data_duration": frames / 25,
        "labels": labels,
    }
    answers = {f"object{i:02d}": {"objectHash": f"object{i:02d}", "classifications": []} for i in range(objects)}
    return {
        "label_hash": "label",
        "branch_name": "main",
        "data_hash": "data",
        "dataset_hash": "dataset",
        "dataset_title": "dataset",
        "data_title": "video",
        "data_type": "video",
        "created_at": None,
        "last_edited_at": None,
        "label_status": "LABELLED",
        "annotation_task_status": "QUEUED",
        "is_shadow_data": False,
        "data_units": {"data": unit},
        "object_answers": answers,
        "classification_answers": {},
        "object_actions": {},
        "spaces": {},
    }


def box_row(table: np.ndarray) -> Row:
    listed = table.tolist()

    def drawn(frame: int, index: int) -> Row:
        x, y, w, h = listed[frame][index]
        return {"boundingBox": {"h": h, "w": w, "x": x, "y": y}}

    return row(drawn, len(listed), len(listed[0]), "bounding_box")


def seconds(*works: Callable[[], object], rounds: int = 5) -> list[float]:
    """The best time of each, measured in turns, so that whatever else the machine does hits all of them alike."""
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for index, work in enumerate(works):
            gc.collect()
            start = time.perf_counter()
            work()
            best[index] = min(best[index], time.perf_counter() - start)
    return best


def bare(truth: np.ndarray, labels: np.ndarray) -> int:
    """Matches, frame by frame, with the bare libraries on ready arrays (pixels, C order)."""
    matches = 0
    for one, other in zip(truth, labels, strict=True):
        iou = coco_mask.iou(other, one, np.zeros(len(one), np.uint8))
        rows, columns = linear_sum_assignment(-np.where(iou >= 0.5, 1 + iou, 0))
        matches += int((iou[rows, columns] >= 0.5).sum())
    return matches


def ours(truth: Row, labels: Row, ontology: Ontology, config: ScoringConfig = QUIET) -> TaskScore:
    return score_task(read_label_row(truth, ontology), read_label_row(labels, ontology), ontology, config)


def sdk_rows(truth: Row, labels: Row) -> Callable[[], None]:
    """What reads both rows with the SDK."""

    class Holder:
        structure = OntologyStructure.from_dict(editor("bounding_box"))

    now = datetime.now(UTC)
    frames = len(truth["data_units"]["data"]["labels"])

    def read() -> None:
        for content in (truth, labels):
            metadata = LabelRowMetadata(
                label_hash="label",
                branch_name="main",
                created_at=now,
                last_edited_at=now,
                data_hash="data",
                dataset_hash="dataset",
                dataset_title="dataset",
                data_title="video",
                data_type="VIDEO",
                data_link="link",
                label_status=LabelStatus.LABELLED,
                annotation_task_status=AnnotationTaskStatus.QUEUED,
                workflow_graph_node=None,
                is_shadow_data=False,
                frames_per_second=25,
                number_of_frames=frames,
                duration=frames / 25,
                height=HEIGHT,
                width=WIDTH,
                audio_codec=None,
                audio_sample_rate=None,
                audio_bit_depth=None,
                audio_num_channels=None,
                spaces={},
            )
            LabelRowV2(metadata, None, Holder()).from_labels_dict(content)  # type: ignore[arg-type]

    return read


def boxes_table() -> None:
    truth, labels = boxes(5000, 20)
    truth_row, label_row = box_row(truth), box_row(labels)
    ontology = Ontology.from_editor(editor("bounding_box"))
    pixels = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])
    ready = np.ascontiguousarray(truth * pixels), np.ascontiguousarray(labels * pixels)
    assert ours(truth_row, label_row, ontology).objects.true_positives == bare(*ready)

    base, full, tracked, read = seconds(
        lambda: bare(*ready),
        lambda: ours(truth_row, label_row, ontology),
        lambda: ours(truth_row, label_row, ontology, ScoringConfig()),
        lambda: (read_label_row(truth_row, ontology), read_label_row(label_row, ontology)),
    )
    (sdk,) = seconds(sdk_rows(truth_row, label_row), rounds=2)
    print(f"5,000 frames x 20 boxes; bare pycocotools IoU + linear_sum_assignment: {base:.3f} s")
    line("two label rows to the full score", full / base, "<=", 6)
    line("... of which reading them", read / base, "", 0)
    line("... with IDF1, HOTA and switches", tracked / base, "<=", 10)
    line("SDK's from_labels_dict alone / the full score", sdk / full, ">=", 10)


def memory_line() -> None:
    """Peak of the arrays against the parsed dictionaries, both as tracemalloc counts them."""
    truth, labels = boxes(5000, 20)
    ontology = Ontology.from_editor(editor("bounding_box"))
    tracemalloc.start()
    rows = box_row(truth), box_row(labels)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    ours(*rows, ontology, ScoringConfig())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    line("peak memory / the parsed dictionaries (which are counted in)", peak / held, "<=", 2)


SIZES = ((1250, 20), (2500, 20), (5000, 20), (250, 100), (83, 300), (25, 1000))


def growth_table() -> None:
    ontology = Ontology.from_editor(editor("bounding_box"))
    rows = [tuple(map(box_row, boxes(*size))) for size in SIZES]
    works = [lambda pair=pair: ours(*pair, ontology) for pair in rows]  # type: ignore[misc]
    spent = seconds(*works, rounds=4)
    each = [time_ / (frames * objects) for time_, (frames, objects) in zip(spent, SIZES, strict=True)]
    print("growth of the full score: time per box, relative to the first line")
    for (frames, objects), ratio in zip(SIZES, each, strict=True):
        line(f"{frames:,} frames x {objects:,} boxes", ratio / each[0], "", 0)


def polygon_row(table: np.ndarray, seed: int) -> Row:
    """Star-shaped polygons of 50 corners in the boxes of `table`."""
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    radius = rng.uniform(0.7, 1.0, (*table.shape[:2], 50))
    around = np.stack((np.cos(angle), np.sin(angle)), axis=-1) * radius[..., None]
    points = table[..., None, :2] + (around + 1) / 2 * table[..., None, 2:]
    flat = points.reshape(*table.shape[:2], 100).tolist()
    return row(lambda frame, index: {"polygons": [[flat[frame][index]]]}, len(flat), len(flat[0]), "polygon")


def polygons_table() -> None:
    truth, labels = boxes(500, 20)
    rows = polygon_row(truth, 1), polygon_row(labels, 1)
    ontology = Ontology.from_editor(editor("polygon"))
    annotations: list[Annotations] = [read_label_row(item, ontology) for item in rows]
    first, second = (_geometries(item) for item in annotations)
    frames = np.repeat(np.arange(500), 20)
    tree = shapely.STRtree(second)
    left, right = tree.query(first)
    same = frames[left] == frames[right]
    left, right = left[same], right[same]
    base, full = seconds(
        lambda: shapely.intersection(first[left], second[right]), lambda: ours(*rows, ontology), rounds=3
    )
    print(f"500 frames x 20 polygons of 50 corners; {len(left):,} bare shapely intersections: {base:.3f} s")
    line("two label rows to the full score", full / base, "<=", 1.5)


def _geometries(annotations: Annotations) -> np.ndarray:
    rings = next(iter(annotations.drawings.values())).geometry
    points = rings.points * np.array([WIDTH, HEIGHT])
    kind = shapely.GeometryType.MULTIPOLYGON
    return np.asarray(
        shapely.from_ragged_array(kind, points, (rings.ring_offsets, rings.polygon_offsets, rings.offsets))
    )


def line(what: str, ratio: float, sign: str, target: float) -> None:
    verdict = ""
    if sign:
        met = ratio <= target if sign == "<=" else ratio >= target
        verdict = f"   {sign} {target:g}: {'met' if met else 'MISSED'}"
    print(f"  {what:<62} {ratio:7.2f}{verdict}")


def main() -> None:
    boxes_table()
    memory_line()
    polygons_table()
    growth_table()


if __name__ == "__main__":
    sys.exit(main())
