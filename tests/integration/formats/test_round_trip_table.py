"""Every format and dialect in as truth, out in every format, in again, and judged against the project it came from.

`WRITE=1` in the environment writes the table of docs/export.md anew.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from encord import EncordUserClient
from typer.testing import CliRunner

from benchmark_qa.cli import app
from emulator.testing import running
from emulator.world import World
from tests.integration.formats.dialects import CLASSES, DIALECTS, HEIGHT, WIDTH, write
from tests.integration.service.sandbox import Key, uuid

pytestmark = pytest.mark.slow

ADMIN, KEY = "ops@example.com", Key.create()
ENCORD = "Encord JSON"
NAMES = (*DIALECTS, ENCORD)
EXPORTS = ("encord", "coco", "detect", "segment", "pose", "obb", "parquet")
HEADINGS = ("Encord JSON", "COCO", "YOLO detect", "YOLO segment", "YOLO pose", "YOLO obb", "Parquet")
HELD: Mapping[str, frozenset[str]] = {
    "encord": frozenset(CLASSES),
    "coco": frozenset(CLASSES),
    "detect": frozenset({"car"}),
    "segment": frozenset({"area", "cover", "tilted"}),
    "pose": frozenset({"person", "spot"}),
    "obb": frozenset({"car", "tilted"}),
    "parquet": frozenset(CLASSES) - {"person", "spot"},
}
"""Classes that come back exactly from an export; all others are lost, and named."""
PAGE = Path(__file__).parents[3] / "docs" / "export.md"
BEGIN, END = "<!-- round trips: WRITE=1 -->", "<!-- end of round trips -->"
JUDGED = ("encord", "coco", "parquet")
"""Exports that hold all areas, so they are perfect against the project"""
PIXELS = 0.01
"""By so much a coordinate may move."""


def ontology() -> dict[str, Any]:
    points = {
        str(at): {
            "x": 0.1 * at,
            "y": 0.1,
            "name": name,
            "color": "#000000",
            "value": name,
            "featureHash": f"{name}0000",
        }
        for at, name in enumerate(("head", "foot"))
    }
    objects = [
        {"id": str(at), "name": name, "color": "#D33115", "shape": shape, "featureNodeHash": f"{name}00000000"[:8]}
        for at, (name, shape) in enumerate(CLASSES.items(), start=1)
    ]
    template = {"name": "person", "width": 0.2, "height": 0.2, "skeleton": points, "skeletonEdges": {},
                "feature_node_hash": "person00", "shape": "skeleton"}  # fmt: skip
    return {"objects": objects, "classifications": [], "skeleton_templates": [{"template": template}]}


def project_of(name: str, turn: str) -> str:
    return uuid(f"round trip/{turn}/{name}")


def world() -> World:
    stages = [
        {"type": "annotation", "title": "Annotate", "next": "Complete"},
        {"type": "complete", "title": "Complete"},
    ]
    pictures = [{"title": f"{name}.jpg", "width": WIDTH, "height": HEIGHT} for name in ("a", "b", "empty")]
    return World.model_validate({
        "users": [{"email": ADMIN, "public_keys": [KEY.public]}],
        "ontologies": [{"title": "Everything", "editor": ontology()}],
        "datasets": [
            {"title": name, "data": [{"hash": uuid(f"{name}/{each['title']}"), **each} for each in pictures]}
            for name in NAMES
        ],
        "projects": [
            {"hash": project_of(name, turn), "title": f"{turn} {name}", "ontology": "Everything", "datasets": [name],
             "users": {ADMIN: "admin"}, "workflow": {"start": "Annotate", "stages": stages}}
            for name in NAMES for turn in ("first", "again")
        ],
    })  # fmt: skip


@dataclass(frozen=True)
class Site:
    url: str
    folder: Path

    def run(self, *arguments: Any) -> Result:
        environment = {"BENCHMARK_QA_CONFIG": "", "ENCORD_SSH_KEY": KEY.private, "ENCORD_DOMAIN": self.url,
                       "DATABASE_URL": ""}  # fmt: skip
        return CliRunner().invoke(app, [str(each) for each in arguments], env=environment)

    def objects(self, name: str, turn: str) -> dict[str, list[tuple[str, Any]]]:
        """Class and geometry in pixels of every object, by title, as the SDK reads them."""
        client = EncordUserClient.create_with_ssh_private_key(KEY.private, domain=self.url)
        found: dict[str, list[tuple[str, Any]]] = {}
        for row in client.get_project(project_of(name, turn)).list_label_rows_v2():
            row.initialise_labels()
            (unit,) = row.to_encord_dict()["data_units"].values()
            drawn = [(str(item["name"]), geometry(item)) for item in unit["labels"].get("objects", ())]
            found[row.data_title] = sorted(drawn, key=str)
        return found

    def source(self, name: str) -> tuple[Path, list[Any]]:
        """The file or folder of a dialect, and the options that it needs."""
        if name == ENCORD:
            return self.folder / "CVAT XML" / "encord" / "encord", []
        files, named, _ = DIALECTS[name]
        place = write(files(), self.folder / "sources" / name)
        more = ["--map-images", place / "judged.json"] if (place / "judged.json").exists() else []
        return place / named if named else place, more

    def imported(self, source: Path, name: str, turn: str, *options: Any) -> dict[str, Any]:
        done = self.run("truth", "import", source, "--project", project_of(name, turn), "--complete", "--replace",
                        "--unannotated", "empty", "--skip-unmatched", "--json", *options)  # fmt: skip
        assert done.exit_code == 0, done.output + done.stderr
        return dict(json.loads(done.stdout))

    def exported(self, name: str, kind: str) -> tuple[Path, dict[str, Any]]:
        """The folder of the format, and the manifest."""
        out = self.folder / name / kind
        chosen = [kind] if kind in ("encord", "coco", "parquet") else ["yolo", "--yolo-task", kind]
        done = self.run("export", "--project", project_of(name, "first"), "--out", out, "--format", *chosen, "--json")
        assert done.exit_code == 0, done.output + done.stderr
        place = out / chosen[0]
        return (place / "labels.parquet" if kind == "parquet" else place), json.loads(
            (out / "manifest.json").read_text()
        )

    def judged(self, name: str, predictions: Path, *options: Any) -> str:
        """Mean average precision of the file against the project that its labels are in; empty without any area."""
        done = self.run("evaluate-predictions", project_of(name, "first"), predictions, "--json", *options)
        if done.exit_code == 2 and ("neither boxes nor areas" in done.stderr or "no prediction of" in done.stderr):
            return ""
        assert done.exit_code == 0, done.output + done.stderr
        precision = json.loads(done.stdout)["summary"]["AP"]
        return "" if precision is None else f"{precision:.3f}"


def geometry(item: Mapping[str, Any]) -> Any:
    """The geometry as nested numbers in pixels; a mask as its runs."""
    size = (WIDTH, HEIGHT)
    if "bitmask" in item:
        return item["bitmask"]["rleString"]
    if item.get("polygons"):
        return [[[n * size[at % 2] for at, n in enumerate(ring)] for ring in part] for part in item["polygons"]]
    key = next(key for key in ("boundingBox", "rotatableBoundingBox", "ellipse", "skeleton", "point", "circle")
               if item.get(key))  # fmt: skip
    if key in ("skeleton", "point"):
        listed = sorted(item[key].values(), key=lambda point: str(point.get("name")))
        return [[p["x"] * WIDTH, p["y"] * HEIGHT, str(p.get("visibility") or "")] for p in listed]
    scale = {"x": WIDTH, "w": WIDTH, "rx": WIDTH, "r": WIDTH, "y": HEIGHT, "h": HEIGHT, "ry": HEIGHT}
    return [item[key][part] * scale.get(part, 1.0) for part in sorted(item[key]) if item[key][part] is not None]


def close(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(close, one, other))
    if isinstance(one, float | int) and isinstance(other, float | int):
        return abs(one - other) <= PIXELS
    return bool(one == other)


def lost(before: Mapping[str, Sequence[Any]], after: Mapping[str, Sequence[Any]]) -> dict[str, str]:
    """What became of every class that is not as it was."""
    found: dict[str, str] = {}
    for title, drawn in before.items():
        left = list(after.get(title, ()))
        for name, shape in drawn:
            same = next((one for one in left if one[0] == name and close(one[1], shape)), None)
            if same is not None:
                left.remove(same)
                continue
            changed = next((one for one in left if one[0] == name), None)
            found[name] = "is not there" if changed is None else "is changed"
            left = [one for one in left if one is not changed]
        assert not left, f"{title}: {left} came from nowhere"
    return found


@dataclass
class Trip:
    """What one dialect's labels went through."""

    first: dict[str, list[tuple[str, Any]]]
    said: dict[str, Any]
    precision: str
    lost: dict[str, dict[str, str]]
    """By format of export"""
    told: dict[str, str]
    """Everything that export and import say of losses, by format of export"""
    precisions: dict[str, str]
    refused: dict[str, list[Any]]
    """Annotations of an export that the import refuses, each with its reason"""


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Trip]]:
    with running(world()) as served:
        site = Site(served.url, tmp_path_factory.mktemp("round trips"))
        yield {name: travelled(site, name) for name in NAMES}


def travelled(site: Site, name: str) -> Trip:
    source, options = site.source(name)
    said = site.imported(source, name, "first", *options)
    first = site.objects(name, "first")
    trip = Trip(first, said, site.judged(name, source, *options), {}, {}, {}, {})
    for kind in EXPORTS:
        place, manifest = site.exported(name, kind)
        again = site.imported(place, name, "again")
        trip.lost[kind] = lost(first, site.objects(name, "again"))
        trip.told[kind] = json.dumps([manifest["formats"], again["faults"], again["left_out"]])
        trip.refused[kind] = again["faults"]
        if kind in JUDGED:
            trip.precisions[kind] = site.judged(name, place)
    return trip


@pytest.mark.parametrize("name", NAMES)
def test_a_dialect_is_imported_whole(trips: dict[str, Trip], name: str) -> None:
    """Every class of the file is there once (the box twice), and exactly where CVAT's file has it."""
    trip, reference = trips[name], trips["CVAT XML"].first
    classes = DIALECTS[name][2] if name in DIALECTS else tuple(CLASSES)
    counts = Counter(label for drawn in trip.first.values() for label, _ in drawn)
    assert counts == Counter(classes) + Counter(["car"] if "car" in classes else [])
    held = {title: [one for one in drawn if one[0] in classes] for title, drawn in reference.items()}
    assert lost(held, trip.first) == {}
    assert trip.said["faults"] == []


@pytest.mark.parametrize("kind", EXPORTS)
@pytest.mark.parametrize("name", NAMES)
def test_an_export_comes_back_the_same_or_its_loss_is_forced_and_named(
    trips: dict[str, Trip], name: str, kind: str
) -> None:
    trip = trips[name]
    classes = {label for drawn in trip.first.values() for label, _ in drawn}
    assert set(trip.lost[kind]) == classes - HELD[kind]
    for label in trip.lost[kind]:
        named = CLASSES[label] in trip.told[kind] or f"{label!r}" in trip.told[kind]
        assert named or trip.refused[kind], trip.told[kind]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_judged_against_its_own_labels_is_perfect(trips: dict[str, Trip], name: str) -> None:
    trip = trips[name]
    areas = {label for drawn in trip.first.values() for label, _ in drawn} - {"person", "spot"}
    assert trip.precision == ("1.000" if areas else "")
    for kind in JUDGED:
        assert trip.precisions[kind] == ("1.000" if areas else ""), kind


def row_of(name: str, trip: Trip) -> list[str]:
    cells = ["identical" if not trip.lost[kind] else "lost: " + ", ".join(sorted(CLASSES[one].replace("_", " ")
             for one in trip.lost[kind])) for kind in EXPORTS]  # fmt: skip
    classes = {label for drawn in trip.first.values() for label, _ in drawn}
    cells = ["nothing of it" if set(trip.lost[kind]) == classes else cell
             for cell, kind in zip(cells, EXPORTS, strict=True)]  # fmt: skip
    held = ", ".join(CLASSES[label].replace("_", " ") for label in CLASSES if label in classes)
    return [name, held, *cells, trip.precision or "n/a"]


def table_of(trips: Mapping[str, Trip]) -> str:
    head = ["in", "holds", *HEADINGS, "AP"]
    lines = [head, ["---"] * len(head), *(row_of(name, trip) for name, trip in trips.items())]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def test_the_table_of_the_page_is_what_was_measured(trips: dict[str, Trip]) -> None:
    before, rest = PAGE.read_text().split(BEGIN)
    written, after = rest.split(END)
    measured = table_of(trips)
    if os.environ.get("WRITE"):
        PAGE.write_text(f"{before}{BEGIN}\n{measured}\n{END}{after}")
        return
    assert written.strip() == measured
