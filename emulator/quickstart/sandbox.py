"""The files of a sandbox: a world with people, keys and templates; pictures; what the service makes of them."""

import json
import shlex
from dataclasses import asdict, dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

from emulator.keys import KeyPair
from emulator.quickstart.pictures import HEIGHT, WIDTH, Box, draw, scene

OPERATOR, REVIEWER = "ops", "rita"
ANNOTATORS = ("anna", "ben", "cleo")
PRODUCTION_TITLE = "Parking"
BENCHMARK_PICTURES, PRODUCTION_PICTURES = 8, 4

_TRUTH_TEMPLATE = "10000000-0000-4000-8000-000000000001"
PRODUCTION_TEMPLATE = "10000000-0000-4000-8000-000000000002"
_FEATURE = "car"
_NOTE = "sandbox.json"

_REVIEWED: list[dict[str, Any]] = [
    {"type": "annotation", "title": "Annotate", "next": "Review"},
    {"type": "review", "title": "Review", "next": "Complete", "reject": "Annotate"},
    {"type": "complete", "title": "Complete"},
]
_PRODUCTION: list[dict[str, Any]] = [
    {
        "type": "agent",
        "title": "Route",
        "pathways": [{"name": "Yes", "to": "Consensus"}, {"name": "No", "to": "Annotate"}],
    },
    {"type": "consensus_annotation", "title": "Consensus", "annotators": len(ANNOTATORS), "next": "Review & Refine"},
    {"type": "consensus_review", "title": "Review & Refine", "next": "Score", "reject": "Consensus"},
    {"type": "agent", "title": "Score", "pathways": [{"name": "Complete", "to": "Complete"}]},
    *_REVIEWED,
]


@dataclass(frozen=True, slots=True)
class Places:
    """Where the emulator and the service listen; and the secrets of the service's two agents."""

    emulator: str
    service: str
    route_secret: str = field(default_factory=lambda: token_hex(16))
    score_secret: str = field(default_factory=lambda: token_hex(16))

    @classmethod
    def of_sandbox(cls, folder: Path) -> "Places":
        """Those that `init` has noted in a sandbox.

        Raises:
            ValueError: when the folder is no sandbox.
        """
        try:
            return cls(**json.loads((folder / _NOTE).read_text(encoding="utf-8")))
        except (OSError, TypeError, ValueError):
            raise ValueError(f"{folder} is no sandbox: 'python -m emulator init FOLDER' makes one") from None


def email(person: str) -> str:
    """The address of somebody of the sandbox."""
    return f"{person}@example.com"


def scenes() -> dict[str, list[Box]]:
    """The cars of every picture by its path in the sandbox; those of the benchmark first."""
    numbers = range(1, BENCHMARK_PICTURES + PRODUCTION_PICTURES + 1)
    kinds = {n: "benchmark" if n <= BENCHMARK_PICTURES else "production" for n in numbers}
    return {f"{kinds[n]}/parking-{n:02}.jpg": scene(f"parking-{n:02}") for n in numbers}


def write_sandbox(folder: Path, places: Places) -> None:
    """Writes a whole sandbox.

    Raises:
        FileExistsError: when the folder is there already and has something in it.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(folder)
    for part in ("keys", "benchmark", "production"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    keys = {person: KeyPair.generate() for person in (OPERATOR, REVIEWER, *ANNOTATORS)}
    for person, pair in keys.items():
        path = folder / "keys" / person
        path.touch(mode=0o600)
        path.write_text(pair.private, encoding="ascii")
    found = scenes()
    for name, cars in found.items():
        draw(cars, folder / name)
    _write_json(folder / "world.json", _world(keys))
    _write_json(folder / "truth.json", _truth(found))
    _write_json(folder / _NOTE, asdict(places))
    (folder / "setup.toml").write_text(_SETUP, encoding="utf-8")
    (folder / "environment").write_text(_environment(folder.absolute(), places), encoding="utf-8")


def commands(folder: Path, places: Places) -> list[tuple[str, str]]:
    """What is typed next, and what it does: the emulator first, in a terminal of its own."""
    at = shlex.quote(str(folder))
    emulator_port, service_port = (url.rpartition(":")[2] for url in (places.emulator, places.service))
    return [
        (
            f"python -m emulator serve --world {at}/world.json --port {emulator_port}",
            "Encord: in a terminal of its own",
        ),
        (f". {at}/environment", "the settings of the service, in every other terminal"),
        (f"benchmark-qa setup apply {at}/setup.toml --yes --host {places.service}", "folders, datasets, two projects"),
        (f"benchmark-qa truth import {at}/truth.json --complete", "the answers of the benchmark"),
        (f"benchmark-qa serve --port {service_port}", "the agents that Encord calls, in their own terminal"),
        (f"python -m emulator play {at}", "three people label, one reviews"),
        ("benchmark-qa report", "how good everybody is"),
    ]


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _world(keys: dict[str, KeyPair]) -> dict[str, Any]:
    return {
        "users": [
            {"email": email(person), "public_keys": [pair.public.strip()], "organisation_admin": person == OPERATOR}
            for person, pair in keys.items()
        ],
        "integrations": [{"title": "The bucket"}],
        "workflow_templates": [
            {"uuid": _TRUTH_TEMPLATE, "title": "Ground truth", "stages": _REVIEWED},
            {"uuid": PRODUCTION_TEMPLATE, "title": "Benchmark QA", "stages": _PRODUCTION},
        ],
    }


def _truth(found: dict[str, list[Box]]) -> dict[str, Any]:
    """The cars of the benchmark's pictures, as a COCO file."""
    names = [name for name in found if name.startswith("benchmark/")]
    boxes = [(number, box) for number, name in enumerate(names, start=1) for box in found[name]]
    return {
        "images": [
            {"id": number, "file_name": name.partition("/")[2], "width": WIDTH, "height": HEIGHT}
            for number, name in enumerate(names, start=1)
        ],
        "categories": [{"id": 1, "name": _FEATURE}],
        "annotations": [
            {"id": n, "image_id": image, "category_id": 1, "bbox": list(box), "area": box.w * box.h, "iscrowd": 0}
            for n, (image, box) in enumerate(boxes, start=1)
        ],
    }


def _environment(folder: Path, places: Places) -> str:
    settings = {
        "ENCORD_DOMAIN": places.emulator,
        "ENCORD_SSH_KEY_FILE": str(folder / "keys" / OPERATOR),
        "BENCHMARK_QA_CONFIG": str(folder / "benchmark-qa.json"),
        "DATABASE_URL": f"sqlite:///{folder}/scores.sqlite",
        "ROUTE_SECRET": places.route_secret,
        "SCORE_SECRET": places.score_secret,
    }
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in settings.items())


_SETUP = f"""# What 'benchmark-qa setup apply' makes of this sandbox; paths are relative to this file.
name = "parking"

[[folders]]
path = "Parking/Benchmark"
upload = "benchmark"

[[folders]]
path = "Parking/Production"
upload = "production"

[ontology]
title = "Cars"
[[ontology.structure.objects]]
name = "{_FEATURE}"
shape = "bounding_box"

[benchmark]
title = "{PRODUCTION_TITLE}: truth"
workflow_template = "{_TRUTH_TEMPLATE}"
[benchmark.dataset]
title = "Parking, part 1"
folders = ["Parking/Benchmark"]
[benchmark.users]
"{email(OPERATOR)}" = "admin"

[production]
title = "{PRODUCTION_TITLE}"
workflow_template = "{PRODUCTION_TEMPLATE}"
[[production.datasets]]
title = "Parking, part 2"
folders = ["Parking/Production"]
[production.users]
"{email(OPERATOR)}" = "admin"
"{email(REVIEWER)}" = "reviewer"
{chr(10).join(f'"{email(person)}" = "annotator"' for person in ANNOTATORS)}

[service.stages.routing]
name = "Route"
[[service.stages.scoring]]
name = "Score"
pass_pathway = "Complete"
[service.verdict]
minimum_tasks = 5
"""
