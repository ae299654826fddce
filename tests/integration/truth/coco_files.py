"""The pedestrians' expert boxes as a COCO file."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def coco_of(images: Iterable[Mapping[str, Any]], category: str = "pedestrian") -> dict[str, Any]:
    """COCO detection: one image for each, one annotation for each box."""
    images = list(images)
    boxes = [(number, box) for number, image in enumerate(images, start=1) for box in image["ground_truth"]]
    return {
        "info": {"description": "expert boxes"},
        "images": [
            {
                "id": number,
                "file_name": f"pedestrians/{image['id']}.jpg",
                "width": image["width"],
                "height": image["height"],
            }
            for number, image in enumerate(images, start=1)
        ],
        "annotations": [
            {"id": own, "image_id": image, "category_id": 7, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            for own, (image, box) in enumerate(boxes, start=1)
        ],
        "categories": [{"id": 7, "name": category}],
    }


def written(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path
