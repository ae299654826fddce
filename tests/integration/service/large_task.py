"""A task of 100,000 boxes: a video whose frames are crowded with the boxes of many real images each."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from tests.integration.service.sandbox import BENCHMARK, BENCHMARK_DATASET, PRODUCTION, SERVICE, uuid
from tests.unit.rows import PEDESTRIAN

FRAMES, BOXES_PER_FRAME = 5_000, 20
VIDEO = uuid("the large video")
VIDEO_BRANCH = "encord-patient"
PATIENT_ANNOTATOR = "patient-annotator@example.com"
TRUTH_LABEL, BRANCH_LABEL = uuid("the large truth"), uuid("the large branch")
WIDTH, HEIGHT = 1280, 720

Image = Mapping[str, Any]
Boxes = Sequence[Sequence[float]]


def with_large_task(
    document: Mapping[str, Any], images: Sequence[Image], frames: int = FRAMES, stage: str = "Score"
) -> dict[str, Any]:
    """The same world with one more benchmark item: a video of `frames` x 20 boxes that waits at the stage.

    Args:
        document: a world file's content (`tests.integration.service.sandbox.world(...).model_dump(...)`).
        images: of `pedestrians.json`, with boxes.
        frames: of the video.
        stage: of the production project, by title.
    """
    world: dict[str, Any] = {**document}
    world["users"] = [*world["users"], {"email": PATIENT_ANNOTATOR}]
    video = {
        "hash": VIDEO, "title": "crowd.mp4", "type": "video",
        "width": WIDTH, "height": HEIGHT, "frames": frames, "fps": 25, "duration": frames / 25,
    }  # fmt: skip
    world["datasets"] = [
        {**dataset, "data": [*dataset["data"], video]} if dataset["hash"] == BENCHMARK_DATASET else dataset
        for dataset in world["datasets"]
    ]
    subtask = {
        "branch_name": VIDEO_BRANCH, "status": "COMPLETED",
        "assignee": PATIENT_ANNOTATOR, "last_actioned_by": PATIENT_ANNOTATOR,
    }  # fmt: skip
    tasks = {
        BENCHMARK: {"data_hash": VIDEO, "stage": "Complete"},
        PRODUCTION: {"data_hash": VIDEO, "stage": stage, "subtasks": [subtask]},
    }
    world["projects"] = [
        {
            **project,
            "users": {**project["users"], PATIENT_ANNOTATOR: "annotator"},
            "tasks": [*project["tasks"], tasks[project["hash"]]],
        }
        for project in world["projects"]
    ]
    world["labels"] = [
        *world["labels"],
        {
            "project": BENCHMARK, "data_hash": VIDEO, "label_hash": TRUTH_LABEL, "created_by": SERVICE,
            "labels": _video(images, frames, lambda image: image["ground_truth"]),
        },
        {
            "project": PRODUCTION, "data_hash": VIDEO, "label_hash": BRANCH_LABEL, "branch_name": VIDEO_BRANCH,
            "created_by": PATIENT_ANNOTATOR,
            "labels": _video(images, frames, lambda image: next(iter(image["annotations"].values()))),
        },
    ]  # fmt: skip
    return world


def _video(images: Sequence[Image], frames: int, boxes_of: Callable[[Image], Boxes]) -> dict[str, Any]:
    """The parts of a label row that hold labels."""
    pool = [box for image in images for box in boxes_of(image)]

    def crowd(frame: int) -> Boxes:
        start = frame * 7 % len(pool)
        return list(islice(pool + pool, start, start + BOXES_PER_FRAME))

    labels = {str(frame): {"objects": [_box(n, box) for n, box in enumerate(crowd(frame))]} for frame in range(frames)}
    hashes = [f"object{n:02d}" for n in range(BOXES_PER_FRAME)]
    return {
        "data_units": {
            VIDEO: {
                "data_hash": VIDEO, "data_title": "crowd.mp4", "data_type": "video/mp4", "data_link": "link",
                "data_sequence": 0, "width": WIDTH, "height": HEIGHT, "data_fps": 25,
                "data_duration": frames / 25, "labels": labels,
            }
        },
        "object_answers": {each: {"objectHash": each, "classifications": []} for each in hashes},
        "classification_answers": {},
        "object_actions": {},
    }  # fmt: skip


def _box(number: int, box: Sequence[float]) -> dict[str, Any]:
    x, y, w, h = box
    return {
        "objectHash": f"object{number:02d}", "featureHash": PEDESTRIAN, "name": "pedestrian", "value": "pedestrian",
        "color": "#D33115", "shape": "bounding_box", "confidence": 1.0, "manualAnnotation": True,
        "createdAt": "Sun, 22 Nov 2026 08:00:00 UTC", "createdBy": PATIENT_ANNOTATOR,
        "lastEditedAt": "Sun, 22 Nov 2026 08:00:00 UTC", "lastEditedBy": PATIENT_ANNOTATOR,
        "boundingBox": {"x": x / WIDTH, "y": y / HEIGHT, "w": w / WIDTH, "h": h / HEIGHT},
    }  # fmt: skip
