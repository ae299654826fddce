"""Label rows in Encord's JSON, built from real labels."""

from collections.abc import Iterable, Sequence
from typing import Any

PEDESTRIAN = "PedestrX"
INDIGO = "IndigoQX"
INDIGO_ROOT = "IndigoRR"
YES, NO = "OptionYY", "OptionNN"

PEDESTRIAN_EDITOR: dict[str, Any] = {
    "objects": [
        {"id": "1", "name": "pedestrian", "color": "#D33115", "shape": "bounding_box", "featureNodeHash": PEDESTRIAN}
    ],
    "classifications": [],
}

BLUEBIRD_EDITOR: dict[str, Any] = {
    "objects": [],
    "classifications": [
        {
            "id": "1",
            "featureNodeHash": INDIGO,
            "attributes": [
                {
                    "id": "1.1",
                    "name": "Indigo Bunting",
                    "type": "radio",
                    "required": True,
                    "featureNodeHash": INDIGO_ROOT,
                    "options": [
                        {"id": "1.1.1", "label": "yes", "value": "yes", "featureNodeHash": YES},
                        {"id": "1.1.2", "label": "no", "value": "no", "featureNodeHash": NO},
                    ],
                }
            ],
        }
    ],
}


def image_row(data_hash: str, *, width: int = 1280, height: int = 720, **parts: Any) -> dict[str, Any]:
    """The label row of one image."""
    return {
        "label_hash": f"label-{data_hash}",
        "branch_name": parts.get("branch_name", "main"),
        "data_hash": data_hash,
        "dataset_hash": "dataset",
        "dataset_title": "dataset",
        "data_title": data_hash,
        "data_type": "image",
        "created_at": None,
        "last_edited_at": None,
        "label_status": "LABELLED",
        "data_units": {
            data_hash: {
                "data_hash": data_hash,
                "data_title": data_hash,
                "data_type": "image/jpeg",
                "data_link": "link",
                "data_sequence": 0,
                "width": width,
                "height": height,
                "labels": {"objects": parts.get("objects", []), "classifications": []},
            }
        },
        "object_answers": parts.get("object_answers", {}),
        "classification_answers": parts.get("classification_answers", {}),
        "object_actions": {},
        "spaces": {},
    }


def box_row(
    data_hash: str, boxes: Iterable[Sequence[float]], *, width: int = 1280, height: int = 720, **parts: Any
) -> dict[str, Any]:
    """The label row of one image with boxes [left, top, width, height] in pixels."""
    objects = [
        {
            "objectHash": f"object{index:02d}",
            "featureHash": PEDESTRIAN,
            "name": "pedestrian",
            "shape": "bounding_box",
            "boundingBox": {"x": x / width, "y": y / height, "w": w / width, "h": h / height},
        }
        for index, (x, y, w, h) in enumerate(boxes)
    ]
    return image_row(data_hash, width=width, height=height, objects=objects, **parts)


def answer_row(data_hash: str, answer: bool, **parts: Any) -> dict[str, Any]:
    """The label row of one image with the yes/no classification answered."""
    option = {"name": "yes" if answer else "no", "featureHash": YES if answer else NO}
    entry = {
        "classificationHash": "classif0",
        "featureHash": INDIGO,
        "classifications": [{"name": "Indigo Bunting", "featureHash": INDIGO_ROOT, "answers": [option]}],
        "range": [[0, 0]],
    }
    return image_row(data_hash, classification_answers={"classif0": entry}, **parts)
