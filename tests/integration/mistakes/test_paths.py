"""Every argument and option that takes a file or a folder, with everything that can be wrong with one."""

import json
import re
import shlex
from importlib.resources import files as files_of
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from benchmark_qa.cli import app
from benchmark_qa.commands.curate.index import Index, IndexedItem
from tests.commands import commands
from tests.integration.curation.pictures import scene
from tests.integration.service.sandbox import BENCHMARK, KEY, PRODUCTION
from tests.unit.commands.curate.entries import entry_of
from tests.unit.rows import box_row

IN, OUT = "{in}", "{out}"
OF_OTHERS = ("Traceback", "pydantic", "Extra inputs", "Input should", "Value error", "validation error")


class Line(NamedTuple):
    """A command line with one place for a path, and endings of the file's name that mean different readers."""

    command: str
    place: str
    """Name of the parameter"""
    endings: tuple[str, ...] = (".json",)
    takes_folder: bool = False
    takes_missing: bool = False
    """It may be missing: an index or a journal is made, a word is no file"""


TABLES = (".csv", ".jsonl", ".parquet", ".json")
LABELS = (".json", ".csv", ".jsonl", ".parquet", ".xml", ".zip", ".txt")
REGISTER = "--folder Pictures --integration Bucket"

READ = [
    Line("setup plan {in}", "file", (".toml",)),
    Line("setup apply {in} --yes", "file", (".toml",)),
    Line("register build {in} --storage s3 --out made", "source", TABLES, takes_folder=True),
    Line("register build rows.csv --storage s3 --out made --schema {in}", "schema"),
    Line("register check {in}", "files", takes_folder=True),
    Line("register check registration.json --schema {in}", "schema"),
    Line(f"register run {{in}} {REGISTER}", "files", takes_folder=True),
    Line("upload {in} --folder Pictures", "source", TABLES[:3], takes_folder=True),
    Line("upload rows.csv --folder Pictures --root {in}", "root", ("",), takes_folder=True),
    Line("upload rows.csv --folder Pictures --schema {in}", "schema"),
    Line("upload pictures --folder Pictures --journal {in}", "journal", takes_missing=True),
    Line("curate index --local {in} --index made.sqlite", "local", ("",), takes_folder=True),
    Line("curate index --local pictures --index {in}", "index", (".sqlite",), takes_missing=True),
    Line("curate index --local pictures --index made.sqlite --model {in}", "model", (".onnx",)),
    Line("curate index --local pictures --index made.sqlite --vectors {in}", "vectors", (".npz", ".parquet", ".csv")),
    Line("curate choose --out made.json --count 2 --index {in}", "index", (".sqlite",)),
    Line("curate choose --out made.json --count 2 --not-in {in}", "not_in"),
    Line("curate clusters --index {in}", "index", (".sqlite",)),
    Line("curate clusters --index pictures.index --failures {in}", "failures"),
    Line("curate collect {in} --name chosen", "selection"),
    Line("curate duplicates --index {in}", "index", (".sqlite",)),
    Line("curate map made.html --index {in}", "index", (".sqlite",)),
    Line("curate push --index {in}", "index", (".sqlite",)),
    Line("curate quality --index {in}", "index", (".sqlite",)),
    Line("curate search words --index pictures.index --model {in}", "model", ("",), takes_folder=True),
    Line("curate search words --model model --index {in}", "index", (".sqlite",)),
    Line("curate similar one.png --index {in}", "index", (".sqlite",)),
    Line("curate similar pictures/one.png --index pictures.index --model {in}", "model", (".onnx",)),
    Line("benchmark choose --folder Pictures --count 2 --out made.json --only {in}", "only"),
    Line("truth import {in}", "source", LABELS, takes_folder=True),
    Line("truth import coco.json --map-file {in}", "map_file", (".json", ".csv")),
    Line("truth import coco.json --map-images {in}", "map_images", (".json", ".csv", ".jsonl"), takes_folder=True),
    Line("prelabel write {in}", "predictions", LABELS, takes_folder=True),
    Line("prelabel write coco.json --map-images {in}", "map_images", (".json", ".csv", ".jsonl"), takes_folder=True),
    Line("assign --rule skill --classes {in}", "classes"),
    Line("score {in} labels.json", "truth", takes_folder=True),
    Line("score truth.json {in}", "labels", takes_folder=True),
    Line("score truth.json labels.json --ontology {in}", "ontology"),
    Line("score truth.json labels.json --config {in}", "config"),
    Line(
        "score truth.json labels.json --map-images {in}", "map_images", (".json", ".csv", ".jsonl"), takes_folder=True
    ),
    Line("export --format coco --out made --data-hashes {in}", "data_hashes"),
    Line("evaluate-predictions {in} coco.json", "truth", LABELS, takes_folder=True),
    Line("evaluate-predictions labels.json {in}", "predictions", LABELS, takes_folder=True),
    Line("evaluate-predictions labels.json results.csv --against {in}", "against", LABELS, takes_folder=True),
    Line("evaluate-predictions labels.json results.csv --metadata {in}", "metadata", (".csv", ".json", ".jsonl")),
    Line("evaluate-predictions labels.json results.csv --images {in}", "images", ("",), takes_folder=True),
    Line(
        "evaluate-predictions labels.json results.csv --map-images {in}",
        "map_images",
        (".json", ".csv", ".jsonl"),
        takes_folder=True,
    ),
    Line("find {in} results.json", "labels", LABELS, takes_folder=True),
    Line("find labels.json {in}", "predictions", LABELS, takes_folder=True),
    Line("find labels.json results.csv --metadata {in}", "metadata", (".csv", ".json", ".jsonl")),
    Line("find labels.json results.csv --images {in}", "images", ("",), takes_folder=True),
    Line(
        "find labels.json results.csv --map-images {in}", "map_images", (".json", ".csv", ".jsonl"), takes_folder=True
    ),
    Line("choose made.json --control-of {in}", "control_of"),
    Line("send-back {in}", "choice"),
]

WRITTEN = [
    Line("setup init {out}", "file", (".toml",)),
    Line("setup plan setup.toml --out {out}", "out"),
    Line("setup apply setup.toml --yes --out {out}", "out"),
    Line("setup apply setup.toml --yes --errors {out}", "errors", (".csv",)),
    Line("register build rows.csv --storage s3 --out {out}", "out", ("",), takes_folder=True),
    Line("register build rows.csv --storage s3 --out made --left-out {out}", "left_out", (".csv",)),
    Line(f"register run registration.json {REGISTER} --errors {{out}}", "errors", (".csv",)),
    Line("upload pictures --folder Pictures --errors {out}", "errors", (".csv",)),
    Line("upload pictures --folder Pictures --left-out {out}", "left_out", (".csv",)),
    Line("curate choose --count 2 --out {out}", "out"),
    Line("curate clusters --fields {out}", "fields"),
    Line("curate clusters --index pictures.index --page {out}", "page", (".html",)),
    Line("curate duplicates --index pictures.index --page {out}", "page", (".html",)),
    Line("curate quality --index pictures.index --page {out}", "page", (".html",)),
    Line("curate map {out} --flat pca", "out", (".html",)),
    Line("benchmark choose --folder Pictures --count 2 --out {out}", "out"),
    Line("benchmark choose --folder Pictures --count 2 --out made.json --hashes {out}", "hashes", (".jsonl",)),
    Line("report --format html --output {out}", "output", (".html",)),
    Line("report --format json --output {out}", "output"),
    Line("report --output {out}", "output", (".txt",)),
    Line("export --format coco --out {out}", "out", ("",), takes_folder=True),
    Line("evaluate-predictions labels.json results.csv --output {out}", "output", (".txt",)),
    Line("evaluate-predictions labels.json results.csv --format json --output {out}", "output"),
    Line("evaluate-predictions labels.json results.csv --format html --output {out}", "output", (".html",)),
    Line(f"find coco.json results.json --project {PRODUCTION} --output {{out}}", "output"),
    Line("choose {out}", "output"),
]

SETTINGS = {"production_project": PRODUCTION, "benchmark_projects": [BENCHMARK]}
# With a key that is none the first request to Encord ends with exit code 3: a fault of a file is said before it.
ENVIRONMENT = {
    "BENCHMARK_QA_CONFIG": json.dumps(SETTINGS),
    "ENCORD_SSH_KEY": KEY.public,
    "DATABASE_URL": "sqlite:///scores.sqlite",
    "COLUMNS": "200",
    "NO_COLOR": "1",
    "TERM": "dumb",
}

NO_FILE = ("missing", "folder", "below a file", "a link to itself", "a name too long", "unreadable")
"""A place that holds no file; said in one line with the name, exit code 2"""
NO_PLACE = ("folder", "no such folder", "below a file", "a link to itself", "a name too long", "unwritable")

CONTENTS: dict[str, bytes] = {
    "empty": b"",
    "line ends": b"\n\n\r\n",
    "binary": bytes(range(256)) * 4,
    "zeros": bytes(4096),
    "UTF-16": '[{"data_hash": "a"}]'.encode("utf-16"),
    "latin-1": b'{"name": "caf\xe9", "title": "\xfc"}',
    "a byte order mark": b"\xef\xbb\xbf",
    "a byte order mark before JSON": b'\xef\xbb\xbf{"a": 1}',
    "null": b"null",
    "a number": b"3",
    "a text": b'"text"',
    "an empty list": b"[]",
    "an empty object": b"{}",
    "a list of numbers": b"[1, 2]",
    "a list of lists": b"[[[]], []]",
    "a list of nulls": b"[null]",
    "a list of objects": b'[{"a": null}]',
    "NaN": b'[{"score": NaN, "image_id": NaN, "x": NaN}]',
    "infinite": b'{"iou_threshold": 1e999, "images": Infinity}',
    "a number too long": b"[" + b"9" * 5000 + b"]",
    "too deep": b"[" * 100_000,
    "half a surrogate": b'{"name": "\\ud800"}',
    "wrong types": b'{"images": 1, "annotations": {}, "categories": "x", "objects": 3, "items": [], "editor": []}',
    "wrong types below": b'{"images": [1], "annotations": [2], "categories": [null], "objects": [3], "items": [4]}',
    "rows of the wrong types": b'[{"data_hash": "a", "data_units": [], "object_answers": 1, "label_hash": {}}]',
    "a table": b"image,class,confidence\na.png,b,c\n",
    "a table with NaN": b"image,class,confidence,x,y,w,h\na.png,b,nan,nan,inf,-1,1e400\n",
    "a table of latin-1": b"image,class\ncaf\xe9,\xfc\n",
    "a heading alone": b"image,class,confidence\n",
    "an open quote": b'image,class\n"a,b\n',
    "XML that is not closed": b"<annotations><image>",
    "a zip that is none": b"PK\x03\x04" + bytes(60),
    "a Parquet that is none": b"PAR1" + bytes(60) + b"PAR1",
    "a SQLite that is none": b"SQLite format 3\x00" + bytes(100),
    "TOML of the wrong types": b"storage = 3\n[[production]]\nname = []\n",
}


def named(line: Line) -> str:
    return line.command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files that can be used, for the other places of a command line."""
    row = box_row("a", [[0, 0, 10, 10]])
    results = [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10], "score": 0.9}]
    coco = {
        "images": [{"id": 1, "file_name": "a", "width": 1000, "height": 1000}],
        "categories": [{"id": 1, "name": "pedestrian"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 0}],
    }
    files: dict[str, Any] = {"truth.json": [row], "labels.json": [row], "results.json": results, "coco.json": coco}
    files["registration.json"] = {"images": [{"objectUrl": "s3://bucket/a.png", "title": "a"}]}
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "results.csv").write_text("image,class,confidence,x,y,w,h\na,pedestrian,0.9,0,0,10,10\n")
    (tmp_path / "rows.csv").write_text("url\ns3://bucket/a.png\n")
    (tmp_path / "setup.toml").write_text(files_of("benchmark_qa.commands.setup").joinpath("example.toml").read_text())
    for folder in ("pictures", "model"):
        (tmp_path / folder).mkdir()
    scene(0).save(tmp_path / "pictures" / "one.png")
    with Index.open(tmp_path / "pictures.index", make=True) as index:
        for n in range(12):
            item = IndexedItem(f"item {n}", "1", f"{n}.png")
            index.write([entry_of(item, scene(n % 2), np.eye(12)[n])], "test")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def typed(command: str, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code, and what is said, of a command in the test's own process."""
    capfd.readouterr()
    with pytest.raises(SystemExit) as ended:
        app(shlex.split(command), prog_name="benchmark-qa")
    written = capfd.readouterr()
    return int(ended.value.code or 0), " ".join(re.sub("[│╭╮╰╯─]", " ", written.err + written.out).split())


def place_of(kind: str, ending: str, folder: Path) -> str:
    """A path, in a folder of its own, that is wrong in one way."""
    folder.mkdir(parents=True)
    path = folder / f"place{ending}"
    match kind:
        case "folder":
            path.mkdir()
        case "no such folder":
            path = folder / "none" / path.name
        case "below a file":
            (folder / "file").write_text("{}")
            path = folder / "file" / path.name
        case "a link to itself":
            path.symlink_to(path)
        case "a name too long":
            path = folder / ("n" * 300 + ending)
        case "unreadable":
            path.symlink_to("/proc/self/mem")  # also for root
        case "unwritable":
            path = Path(f"/proc/place{ending}")
    return str(path)


def says_nothing_of_others(said: str) -> None:
    assert [word for word in OF_OTHERS if word in said] == [], said
    assert "PRIVATE KEY" not in said


@pytest.mark.parametrize("line", READ, ids=named)
def test_a_place_without_a_file_is_named_before_encord_is_asked(
    line: Line, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = []
    for ending in line.endings:
        for kind in NO_FILE:
            if line.takes_missing or (line.takes_folder and kind == "folder"):
                continue
            path = place_of(kind, ending, folder / "places" / f"{kind} {ending}")
            code, said = typed(line.command.replace(IN, shlex.quote(path)), capfd)
            says_nothing_of_others(said)
            if code != 2 or (kind != "unreadable" and Path(path).name[:40] not in said):
                wrong.append((kind, ending, code, said))
    assert wrong == []


@pytest.mark.parametrize("line", READ, ids=named)
def test_no_content_of_a_file_ends_in_a_traceback(line: Line, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    wrong = []
    for ending in line.endings:
        for kind, content in CONTENTS.items():
            path = folder / f"place{ending}"
            path.write_bytes(content)
            try:
                code, said = typed(line.command.replace(IN, path.name), capfd)
            except Exception as error:
                wrong.append((ending, kind, repr(error)))
                continue
            says_nothing_of_others(said)
            if code not in (0, 2, 3, 4, 5):
                wrong.append((ending, kind, f"{code} {said}"))
    assert wrong == []


@pytest.mark.parametrize("line", WRITTEN, ids=named)
def test_a_place_where_nothing_can_be_written_is_named(
    line: Line, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = []
    for ending in line.endings:
        for kind in NO_PLACE:
            if line.takes_folder and kind in ("folder", "no such folder"):
                continue
            path = place_of(kind, ending, folder / "places" / kind)
            code, said = typed(line.command.replace(OUT, shlex.quote(path)), capfd)
            says_nothing_of_others(said)
            if code != 2 or (kind != "unreadable" and Path(path).name[:40] not in said):
                wrong.append((kind, ending, code, said))
    assert wrong == []


def test_every_place_for_a_path_is_tried() -> None:
    tried = {(line.command, line.place) for line in (*READ, *WRITTEN)}
    takes_path = {
        (name, parameter.name)
        for name, command in commands()
        for parameter in command.params
        if "pathlib" in repr(getattr(getattr(parameter, "type_descriptor", None), "annotation", ""))
    }
    assert len(takes_path) > 40
    missing = {
        (name, place)
        for name, place in takes_path
        if not any(command.startswith(f"{name} ") and tried_place == place for command, tried_place in tried)
    }
    assert missing == set()
