"""What identity over time costs: IDF1, HOTA and switches beside the bare frame-wise matching.

The baseline is what nobody can do without: `pycocotools` IoU of ready arrays and SciPy's
`linear_sum_assignment`, frame by frame. `trackeval` starts from ready similarity matrices, as our side starts
from ready pairs; its own time is shown for comparison.
"""

import time
from collections.abc import Callable

import numpy as np
import trackeval
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from rich.console import Console
from rich.table import Table
from scipy.optimize import linear_sum_assignment
from trackeval.metrics import CLEAR, HOTA, Identity

from benchmark_qa.engine.tracks.hota import hota_score
from benchmark_qa.engine.tracks.identity import identity_score, identity_switches
from benchmark_qa.engine.tracks.pairs import TrackPairs

Boxes = NDArray[np.float64]
REPEATS = 3


def main() -> None:
    trackeval._timing.DO_TIMING = False
    table = Table(title="identity over time, ratios to IoU + assignment of the same boxes")
    for heading in ("frames x objects", "baseline", "ours", "ratio", "trackeval", "ratio"):
        table.add_column(heading, justify="right")
    for frames, objects, room in [(1250, 20, 1500), (5000, 20, 1500), (5000, 20, 300), (100, 1000, 10000)]:
        truth, labels = _video(frames, objects, room)
        similarities = [_iou(*pair) for pair in zip(truth, labels, strict=True)]
        pairs = _arrays(similarities)
        baseline = _seconds(lambda truth=truth, labels=labels: _match_frames(truth, labels))
        ours = _seconds(lambda pairs=pairs: _score(TrackPairs.of(**pairs)))
        theirs = _seconds(lambda similarities=similarities: _reference(similarities), repeats=1)
        table.add_row(
            f"{frames} x {objects}, {room} px wide",
            f"{baseline:.3f} s",
            f"{ours:.3f} s",
            f"{ours / baseline:.2f}",
            f"{theirs:.3f} s",
            f"{theirs / baseline:.2f}",
        )
    Console(width=120).print(table)


def _video(frames: int, objects: int, room: float) -> tuple[list[Boxes], list[Boxes]]:
    """Moving boxes and noisy labels of them; the smaller the room, the more rivals there are."""
    random = np.random.default_rng(7)
    size = random.uniform(30, 90, (objects, 2))
    place = random.uniform(0, room, (objects, 2))
    speed = random.normal(0, 3, (objects, 2))
    truth, labels = [], []
    for _ in range(frames):
        place = place + speed
        speed = np.where((place < 0) | (place > room), -speed, speed)
        boxes = np.hstack([place, size])
        truth.append(boxes)
        labels.append(boxes + random.normal(0, 3, boxes.shape))
    return truth, labels


def _iou(truth: Boxes, labels: Boxes) -> Boxes:
    return np.asarray(coco_mask.iou(truth, labels, [0] * len(labels)))


def _match_frames(truth: list[Boxes], labels: list[Boxes]) -> None:
    for frame_truth, frame_labels in zip(truth, labels, strict=True):
        linear_sum_assignment(_iou(frame_truth, frame_labels), maximize=True)


def _arrays(similarities: list[Boxes]) -> dict[str, NDArray[np.generic]]:
    stack = np.stack(similarities)
    frames, objects = stack.shape[:2]
    at, truth, label = np.nonzero(stack)
    entry_frame, entry_track = np.repeat(np.arange(frames), objects), np.tile(np.arange(objects), frames)
    return {
        "truth_frame": entry_frame,
        "truth_track": entry_track,
        "label_frame": entry_frame,
        "label_track": entry_track,
        "pair_frame": at,
        "pair_truth": truth,
        "pair_label": label,
        "similarity": stack[at, truth, label],
    }


def _score(tracks: TrackPairs) -> None:
    identity_score(tracks)
    hota_score(tracks)
    identity_switches(tracks)


def _reference(similarities: list[Boxes]) -> None:
    frames, objects = len(similarities), similarities[0].shape[0]
    data = {
        "num_timesteps": frames,
        "num_gt_ids": objects,
        "num_tracker_ids": objects,
        "num_gt_dets": frames * objects,
        "num_tracker_dets": frames * objects,
        "gt_ids": [np.arange(objects)] * frames,
        "tracker_ids": [np.arange(objects)] * frames,
        "similarity_scores": similarities,
    }
    for metric in (Identity, HOTA, CLEAR):
        metric({"PRINT_CONFIG": False}).eval_sequence(data)


def _seconds(work: Callable[[], object], *, repeats: int = REPEATS) -> float:
    """The fastest of a few runs: the least disturbed one."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
