"""A project with finished labels of real images in two classes, and a model's labels on a branch, on the emulator."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from benchmark_qa.cli import app
from emulator.testing import running
from emulator.world import World
from tests.integration.service.sandbox import KEY, SERVICE, uuid
from tests.unit.commands.findings.simulation import CLASSES, Case, case
from tests.unit.rows import image_row

PROJECT, DATASET = uuid("predictions project"), uuid("predictions dataset")
MODEL_BRANCH = "model-v1"
FEATURES = ("ShortXXX", "TallXXXX")
UNITS = 120
UNFINISHED = 3
TWINS = (4, 10)
WEATHER = ("sun", "rain", "fog")
EDITOR = {
    "objects": [
        {"id": str(n), "name": name, "color": "#D33115", "shape": "bounding_box", "featureNodeHash": feature}
        for n, (name, feature) in enumerate(zip((*CLASSES, "rider"), (*FEATURES, "RiderXXX"), strict=True), start=1)
    ],
    "classifications": [],
}


@dataclass(frozen=True)
class Site:
    """The running emulator, the operator's command line, and what the project's labels and predictions are."""

    url: str
    case: Case
    environment: dict[str, str] = field(repr=False)

    def run(self, *arguments: Any) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], env=self.environment)


def data_hash(image: int) -> str:
    return uuid(f"predictions/{image}")


def title(image: int) -> str:
    return f"street-{image:04d}.jpg"


def link(image: int) -> str:
    return f"s3://streets/{image:04d}/picture.jpg"


def weather(image: int) -> str:
    return WEATHER[image % 7 % 3]


def picture(image: int) -> str:
    """A scene of its own, every second one dark; TWINS share one."""
    random = np.random.default_rng(TWINS[0] if image in TWINS else image)
    scene = Image.fromarray(random.integers(0, 200, (6, 8, 3), dtype=np.uint8)).resize((64, 36))
    if image % 2:
        scene = scene.point(lambda value: value * 0.3)
    file = io.BytesIO()
    scene.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def boxes_row(image: int, items: list[dict[str, Any]]) -> dict[str, Any]:
    """The label row of one image, from COCO annotations or results."""
    objects = []
    for at, item in enumerate(items):
        x, y, width, height = (side / whole for side, whole in zip(item["bbox"], (1280, 720) * 2, strict=True))
        kind = item["category_id"] - 1
        objects.append(
            {
                "objectHash": item.get("object_hash", f"predicted{at:02d}"),
                "featureHash": FEATURES[kind],
                "name": CLASSES[kind],
                "shape": "bounding_box",
                "boundingBox": {"x": x, "y": y, "w": width, "h": height},
                "confidence": item.get("score", 1.0),
            }
        )
    return image_row(data_hash(image), objects=objects)


def of_image(items: Any, image: int) -> list[dict[str, Any]]:
    return [item for item in items if item["image_id"] == image + 1]


@pytest.fixture(scope="module")
def site(pedestrians: dict[str, Any]) -> Iterator[Site]:
    planted = case({**pedestrians, "images": pedestrians["images"][:UNITS]}, seed=1)
    detections = planted.detections.only(np.arange(UNITS) < UNITS)
    labels = []
    for image in range(UNITS):
        for branch, items in (("main", detections.truth["annotations"]), (MODEL_BRANCH, detections.predictions)):
            row = boxes_row(image, of_image(items, image))
            parts = ("data_units", "object_answers", "classification_answers", "object_actions")
            labels.append(
                {
                    "project": PROJECT,
                    "data_hash": data_hash(image),
                    "branch_name": branch,
                    "label_hash": uuid(f"predictions/{branch}/{image}"),
                    "created_by": SERVICE,
                    "labels": {name: row[name] for name in parts},
                }
            )
    world = World.model_validate(
        {
            "users": [{"email": SERVICE, "public_keys": [KEY.public]}],
            "ontologies": [{"hash": uuid("predictions ontology"), "title": "Streets", "editor": EDITOR}],
            "datasets": [
                {
                    "hash": DATASET,
                    "title": "Streets",
                    "users": {SERVICE: "admin"},
                    "data": [
                        {"hash": data_hash(n), "title": title(n), "width": 1280, "height": 720, "url": link(n)}
                        | {"content_base64": picture(n), "mime_type": "image/png"}
                        | {"client_metadata": {"weather": weather(n), "camera": {"lens": n % 2}, "tags": ["a"]}}
                        for n in range(UNITS)
                    ],
                }
            ],
            "projects": [
                {
                    "hash": PROJECT,
                    "title": "Streets",
                    "ontology": "Streets",
                    "datasets": ["Streets"],
                    "users": {SERVICE: "admin"},
                    "tasks": [
                        {"data_hash": data_hash(n), "stage": "Complete" if n < UNITS - UNFINISHED else "Annotate"}
                        for n in range(UNITS)
                    ],
                }
            ],
            "labels": labels,
        }
    )
    with running(world) as served:
        environment = {"ENCORD_SSH_KEY": KEY.private, "ENCORD_DOMAIN": served.url}
        yield Site(served.url, planted, environment)
