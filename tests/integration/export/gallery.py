"""A production project with labels of every shape, drawn and submitted through the real SDK, and the command line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from click.testing import Result
from encord import EncordUserClient, Project
from encord.objects import Classification, LabelRowV2, Object
from encord.objects.coordinates import AudioCoordinates, BoundingBoxCoordinates, Coordinates
from encord.objects.frames import Range
from encord.workflow.stages.annotation import AnnotationStage
from encord.workflow.stages.review import ReviewStage
from typer.testing import CliRunner

from benchmark_qa.cli import app
from emulator.testing import running
from emulator.world import World
from tests.integration.service.sandbox import Key, uuid
from tests.unit.sdk_rows import HEIGHT, WIDTH, coordinates, editor

PRODUCTION, BENCHMARK = uuid("export production"), uuid("export benchmark")
ADMIN, ANNOTATORS, REVIEWER = "ops@example.com", ("ann@example.com", "bob@example.com"), "rev@example.com"
KEYS = {email: Key.create() for email in (ADMIN, *ANNOTATORS, REVIEWER)}

EVERY_SHAPE, SAME_ONE, SAME_TWO, SAME_STEM = "Straße 雪 #1.png", "same.png", "Same.png", "same.jpg"
EMPTY, UNOPENED, NO_SIZE, OVER_EDGE, WAITING = "empty.png", "unopened.png", "no size.png", "over.png", "waiting.png"
VIDEO, GROUP, SOUND, TRUTH = "walk.mp4", "three views", "voice.mp3", "truth.png"
LIGHT = {EMPTY: "night", SAME_TWO: "night"}
BOX = BoundingBoxCoordinates(height=0.3, width=0.25, top_left_x=0.1, top_left_y=0.2)
ON_SOUND = AudioCoordinates(range=[Range(start=100, end=900)])


def data_hash(title: str) -> str:
    return uuid(f"export/{title}")


@dataclass(frozen=True)
class Gallery:
    """The running emulator, its people, and the operator's command line."""

    url: str
    directory: Path

    @property
    def environment(self) -> dict[str, str]:
        config = {"production_project": PRODUCTION, "benchmark_projects": [BENCHMARK]}
        return {
            "BENCHMARK_QA_CONFIG": json.dumps(config),
            "ENCORD_SSH_KEY": KEYS[ADMIN].private,
            "ENCORD_DOMAIN": self.url,
            "DATABASE_URL": f"sqlite:///{self.directory / 'scores.sqlite'}",
        }

    def run(self, *arguments: Any) -> Result:
        """`benchmark-qa ARGUMENTS` in this process."""
        return CliRunner().invoke(app, [str(argument) for argument in arguments], env=self.environment)

    def export(self, out: Path, *arguments: Any) -> dict[str, Any]:
        """`benchmark-qa export`, and what it prints with --json."""
        done = self.run("export", "--out", out, "--json", *arguments)
        assert done.exit_code == 0, done.output + str(done.exception)
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    def start(self, *arguments: Any) -> subprocess.Popen[str]:
        """A process of its own, to be killed."""
        command = [sys.executable, "-m", "benchmark_qa", *map(str, arguments)]
        environment = {**os.environ, **self.environment}
        return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def project(self, email: str = ADMIN) -> Project:
        client = EncordUserClient.create_with_ssh_private_key(KEYS[email].private, domain=self.url)
        return client.get_project(PRODUCTION)

    def control(self, method: str, path: str, **arguments: Any) -> Any:
        answer = requests.request(method, f"{self.url}/_emulator/{path}", timeout=60, **arguments)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def requests_made(self) -> dict[str, int]:
        """Requests of the operator since they were last forgotten, by operation."""
        counts = self.control("GET", "requests")["counts"]
        return {each["operation"]: each["count"] for each in counts if each["caller"] == ADMIN}

    def row(self, title: str, email: str = ADMIN, **filters: Any) -> LabelRowV2:
        (row,) = self.project(email).list_label_rows_v2(data_hashes=[data_hash(title)], **filters)
        row.initialise_labels()
        return row


@contextmanager
def gallery(directory: Path, change: Callable[[dict[str, Any]], None] = lambda world: None) -> Iterator[Gallery]:
    """Serves the gallery, everything in it labelled and completed but for one image that waits for its annotator."""
    directory.mkdir(exist_ok=True)
    document = _world()
    change(document)
    with running(World.model_validate(document)) as served:
        site = Gallery(served.url, directory)
        _label(site)
        _complete(site)
        yield site


def add(row: LabelRowV2, name: str, where: Mapping[int, Coordinates] | Coordinates) -> Any:
    """Draw an object of a class on its frames."""
    made = row.ontology_structure.get_child_by_title(name, type_=Object).create_instance()
    frames = where if isinstance(where, Mapping) else {0: where}
    for frame, drawn in frames.items():
        made.set_for_frames(drawn, frames=frame)
    row.add_object_instance(made)
    return made


def classify(row: LabelRowV2, title: str, answer: Any, frames: Any = 0) -> None:
    item = row.ontology_structure.get_child_by_title(title, type_=Classification)
    made = item.create_instance()
    made.set_answer(item.attributes[0].options[answer] if isinstance(answer, int) else answer)
    made.set_for_frames(frames)
    row.add_classification_instance(made)


def _label(site: Gallery) -> None:
    ann, bob = ANNOTATORS
    row = site.row(EVERY_SHAPE, ann)
    for name, drawn in coordinates().items():
        made = add(row, name, drawn)
        if name == "box":
            made.set_answer("tall", made.ontology_item.attributes[1])
    classify(row, "weather", 1)
    classify(row, "remark", "fog, «dense»")
    row.save()
    for title, names in ((SAME_ONE, ["box"]), (SAME_TWO, ["box", "mask"]), (SAME_STEM, ["polygon"])):
        row = site.row(title, bob)
        for name in names:
            add(row, name, coordinates()[name])
        row.save()
    site.row(EMPTY, ann).save()
    row = site.row(NO_SIZE, ann)
    add(row, "box", BOX)
    row.save()
    row = site.row(OVER_EDGE, ann)
    add(row, "box", BoundingBoxCoordinates(height=0.5, width=0.5, top_left_x=0.8, top_left_y=-0.1))
    row.save()
    row = site.row(VIDEO, ann)
    add(row, "box", {2: BOX, 3: BOX, 7: BOX})
    add(row, "mask", {3: coordinates()["mask"]})
    row.save()
    row = site.row(GROUP, ann)
    add(row, "skeleton", {1: coordinates()["skeleton"]})
    row.save()
    row = site.row(SOUND, ann)
    add(row, "sound", ON_SOUND)
    row.save()
    row = site.row(WAITING, ann)
    add(row, "box", BOX)
    row.save()
    row = site.row(TRUTH, ann)
    add(row, "box", BOX)
    row.save()


def _complete(site: Gallery) -> None:
    workflow = site.project().workflow
    annotate = workflow.get_stage(name="Annotate", type_=AnnotationStage)
    for task in list(annotate.get_tasks()):
        if task.data_title != WAITING:
            task.submit()
    for review in list(workflow.get_stage(name="Review", type_=ReviewStage).get_tasks()):
        review.approve()


def _unit(title: str, **facts: Any) -> dict[str, Any]:
    return {"hash": data_hash(title), "title": title, "width": WIDTH, "height": HEIGHT, **facts}


def _world() -> dict[str, Any]:
    images = [EVERY_SHAPE, SAME_ONE, SAME_TWO, SAME_STEM, EMPTY, UNOPENED, OVER_EDGE, WAITING]
    frames = [{"name": f"view {n}.png", "width": WIDTH, "height": HEIGHT} for n in range(3)]
    people = {ADMIN: "admin", REVIEWER: "reviewer", **dict.fromkeys(ANNOTATORS, "annotator")}
    standard = [
        {"type": "annotation", "title": "Annotate", "next": "Review"},
        {"type": "review", "title": "Review", "next": "Complete", "reject": "Annotate"},
        {"type": "complete", "title": "Complete"},
        {"type": "complete", "title": "Archive"},
    ]
    return {
        "users": [{"email": email, "public_keys": [key.public]} for email, key in KEYS.items()],
        "ontologies": [{"title": "Everything", "editor": editor()}],
        "datasets": [
            {
                "title": "Production",
                "data": [
                    *(_unit(title, client_metadata={"light": LIGHT.get(title, "day")}) for title in images),
                    _unit(NO_SIZE, width=None, height=None),
                    _unit(VIDEO, type="video", frames=10, fps=5.0, duration=2.0, mime_type="video/mp4"),
                    _unit(GROUP, type="img_group", children=frames),
                    _unit(SOUND, type="audio", duration=3.0, width=None, height=None),
                ],
            },
            {"title": "Benchmark", "data": [_unit(TRUTH)]},
        ],
        "projects": [
            {
                "hash": PRODUCTION,
                "title": "Production",
                "ontology": "Everything",
                "datasets": ["Production", "Benchmark"],
                "users": people,
                "workflow": {"start": "Annotate", "stages": standard},
            },
            {
                "hash": BENCHMARK,
                "title": "Benchmark",
                "ontology": "Everything",
                "datasets": ["Benchmark"],
                "users": {ADMIN: "admin"},
                "workflow": {"start": "Annotate", "stages": standard},
            },
        ],
    }
