"""What commands print: JSON as the published schemas say, and tables that fit every terminal."""

import io
import json
import re
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from importlib.resources import files as files_of
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from benchmark_qa.cli import app
from benchmark_qa.commands.curate.index import Index, IndexedItem
from tests.commands import commands
from tests.integration.curation.pictures import busy, scene
from tests.integration.service.sandbox import Sandbox, Unit, platform
from tests.unit.commands.curate.entries import entry_of
from tests.unit.rows import box_row

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "docs" / "schemas" / "output.schema.json"
PRINT_THEIR_SCHEMA = {"setup schema", "register schema"}
SHAPES = {"figure", "annotator"}
SERVE = {"serve", "container", "healthy"}
"""Commands that run until they are stopped, or answer by their exit code alone"""
ELSEWHERE = {
    "setup apply",
    "curate collect",
    "curate push",
    "curate search",
    "register run",
    "register sync",
    "prelabel effect",
    "prelabel write",
}
"""Their world is not made here; their answers have a schema all the same"""


OPERATOR = "ops@example.com"
"""Stands in the audit trail, so there is something to forget, and no figure changes by it"""


class Printed(NamedTuple):
    """The answer of a command line."""

    code: int
    out: str
    err: str


class Terminal(io.TextIOWrapper):
    """A terminal as Python sees one; its width is in COLUMNS."""

    def isatty(self) -> bool:
        return True


def typed(words: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        app(words, prog_name="benchmark-qa")
    return int(ended.value.code or 0)


def run(words: list[str], *, encoding: str = "utf-8", columns: int | None = None) -> Printed:
    """The command in the test's own process, with its output in a pipe, or on a terminal of so many columns."""
    raw, err = io.BytesIO(), io.StringIO()
    out = (io.TextIOWrapper if columns is None else Terminal)(raw, encoding=encoding)
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("COLUMNS", str(columns or 80))
        changed.setenv("NO_COLOR", "1")
        changed.setenv("TERM", "xterm")
        changed.setattr(sys, "stdout", out)
        changed.setattr(sys, "stderr", err)
        code = typed(words)
        out.flush()
    return Printed(code, raw.getvalue().decode(encoding), err.getvalue())


def lines(units: list[Unit]) -> dict[str, list[str]]:
    """Every command that prints JSON, in an order in which each has something to say."""
    hash_, action = units[0].data_hash, "LAST-ACTION"
    branch = units[0].branch(next(iter(units[0].annotations)))
    return {
        "db upgrade": ["db", "upgrade"],
        "doctor": ["doctor"],
        "status": ["status"],
        "evaluate": ["evaluate"],
        "route": ["route"],
        "rescore": ["rescore"],
        "report": ["report"],
        "alerts": ["alerts", "--dry-run"],
        "act": ["act"],
        "truth status": ["truth", "status"],
        "truth list": ["truth", "list"],
        "truth accept-also": ["truth", "accept-also", hash_, "--branch", branch, "--reason", "as good"],
        "truth exclude": ["truth", "exclude", hash_, "--reason", "wrong"],
        "truth restore": ["truth", "restore", hash_, "--reason", "right"],
        "truth import": ["truth", "import", "coco.json", "--dry-run", "--skip-unmatched"],
        "actions list": ["actions", "list"],
        "actions undo": ["actions", "undo", action, "--reason", "by mistake"],
        "pace status": ["pace", "status"],
        "pace schedule": ["pace", "schedule", "--constant", "0.1", "--dry-run"],
        "assign": ["assign", "--dry-run"],
        "choose": ["choose", "chosen.json", "--undecided"],
        "send-back": ["send-back", "chosen.json", "--dry-run"],
        "export": ["export", "--format", "coco", "--out", "exported", "--with-benchmark"],
        "score": ["score", "truth.json", "labels.json"],
        "evaluate-predictions": ["evaluate-predictions", "labels.json", "results.csv", "--against", "results.csv"],
        "find": ["find", "labels.json", "results.csv"],
        "register build": ["register", "build", "rows.csv", "--storage", "s3", "--out", "registration"],
        "register check": ["register", "check", "registration"],
        "setup init": ["setup", "init", "made.toml"],
        "setup plan": ["setup", "plan", "setup.toml"],
        "upload": ["upload", "pictures", "--folder", "Pictures", "--create-folder"],
        "benchmark choose": ["benchmark", "choose", "--folder", "Pictures", "--count", "2", "--out", "items.json"],
        "curate index": ["curate", "index", "--local", "pictures", "--index", "made.index", "--no-vectors"],
        "curate quality": ["curate", "quality", "--index", "pictures.index"],
        "curate duplicates": ["curate", "duplicates", "--index", "pictures.index"],
        "curate similar": ["curate", "similar", "0.png", "--index", "pictures.index"],
        "curate clusters": ["curate", "clusters", "--index", "pictures.index", "--failures", "failures.csv"],
        "curate choose": ["curate", "choose", "--index", "pictures.index", "--count", "2", "--out", "selection.json"],
        "curate map": ["curate", "map", "map.html", "--index", "pictures.index", "--flat", "pca"],
        "db rebuild": ["db", "rebuild"],
        "db purge": ["db", "purge", "--before", "2020-01-01", "--yes"],
        "db forget": ["db", "forget", OPERATOR, "--yes"],
    }  # fmt: skip


def write_files(folder: Path, units: list[Unit]) -> None:
    """What the command lines name."""
    image = units[0].image
    width, height = image["width"], image["height"]
    rows = [
        box_row(u.data_hash, u.image["ground_truth"], width=u.image["width"], height=u.image["height"]) for u in units
    ]
    coco = {
        "images": [{"id": 1, "file_name": f"{image['id']}.jpg", "width": width, "height": height}],
        "categories": [{"id": 1, "name": "pedestrian"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 0}],
    }
    for name, content in (("truth", rows), ("labels", rows), ("coco", coco)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    found = [
        f"{unit.data_hash},pedestrian,0.{9 - n % 5},{','.join(map(str, box))}"
        for unit in units
        for n, box in enumerate(unit.image["ground_truth"])
    ]
    (folder / "results.csv").write_text("\n".join(["image,class,confidence,x,y,w,h", *found]) + "\n")
    (folder / "rows.csv").write_text("url\ns3://bucket/a.png\n")
    (folder / "failures.csv").write_text("item,failed\n" + "".join(f"{n}.png,{n % 2}\n" for n in range(12)))
    example = files_of("benchmark_qa.commands.setup").joinpath("example.toml").read_text()
    local = re.sub(r"registration = .*\nintegration = .*", 'upload = "pictures"', example)
    (folder / "setup.toml").write_text(local)
    (folder / "pictures").mkdir()
    for n in range(4):
        busy(n).save(folder / "pictures" / f"{n}.png")
    with Index.open(folder / "pictures.index", make=True) as index:
        for n in range(12):
            near = np.eye(2)[n % 2] + np.random.default_rng(n).normal(0, 0.01, 2)
            index.write([entry_of(IndexedItem(f"item {n}", "1", f"{n}.png"), scene(n % 3), near)], "test")


class Answers(NamedTuple):
    """All answers as JSON, and the sandbox that gave them."""

    of: Mapping[str, Printed]
    units: list[Unit]
    encord: Sandbox
    folder: Path


@pytest.fixture(scope="module")
def answers(pedestrians: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    images = pedestrians["images"]
    units = [Unit(images[n], stage="Score") for n in range(3)] + [Unit(images[3], stage="Consensus", submitted=False)]
    folder = tmp_path_factory.mktemp("output")
    with platform(units) as encord, pytest.MonkeyPatch.context() as changed:
        for name, value in encord.environment.items():
            changed.setenv(name, value)
        changed.setenv("DATABASE_URL", f"sqlite:///{folder}/scores.sqlite")
        changed.setenv("BENCHMARK_QA_OPERATOR", OPERATOR)
        changed.chdir(folder)
        write_files(folder, units)
        answered: dict[str, Printed] = {}
        for name, words in lines(units).items():
            known = json.loads(answered["truth accept-also"].out)["action"] if name == "actions undo" else ""
            answered[name] = run([word.replace("LAST-ACTION", known) for word in words] + ["--json"])
        yield Answers(answered, units, encord, folder)


def published() -> dict[str, Any]:
    schemas: dict[str, Any] = json.loads(SCHEMA.read_text("utf-8"))["$defs"]
    return schemas


@pytest.mark.parametrize("name", [name for name in published() if name not in SHAPES])
def test_every_answer_is_as_its_schema_says(answers: Answers, name: str) -> None:
    if name in ELSEWHERE:
        pytest.skip("its world is not made here")
    schemas = published()
    printed = answers.of[name]
    assert printed.out, printed.err
    Draft202012Validator({"$defs": schemas, **schemas[name]}).validate(json.loads(printed.out))


def test_every_command_prints_json_and_its_schema_is_published() -> None:
    with_json = {
        name for name, command in commands() if any("--json" in parameter.opts for parameter in command.params)
    }
    every = {name for name, _ in commands()}
    assert every - with_json == SERVE | PRINT_THEIR_SCHEMA
    assert set(published()) - SHAPES == with_json


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


def test_one_thing_has_one_shape_in_every_answer(answers: Answers) -> None:
    """A figure with an interval is an object with estimate, low and high; a person is an annotator, by e-mail."""
    figures = Draft202012Validator({"$defs": published(), "$ref": "#/$defs/figure"})
    counted = 0
    for name, printed in answers.of.items():
        for found in objects(json.loads(printed.out)):
            assert not {"email", "person", "user", "gap_low", "f1_low"} & found.keys(), name
            if {"low", "high"} <= found.keys() and "predictions" not in found:  # not a bin of confidences
                figures.validate(found)
                counted += 1
            for people in (found.get("annotators"), found.get("shares")):
                if isinstance(people, list):
                    assert all(isinstance(each["annotator"], str) for each in people), name
    assert counted > 50


TABLES = ("report", "status", "truth status", "pace status", "score", "evaluate-predictions", "find")
"""Commands that print tables of columns"""


def test_these_are_all_commands_with_tables() -> None:
    printers = re.compile(r"\bprint_(?:columns|titled)\b")
    rooms = [path for path in (ROOT / "agents").rglob("*.py") if printers.search(path.read_text("utf-8"))]
    assert {path.relative_to(ROOT / "agents" / "benchmark_qa").as_posix() for path in rooms} == {
        "terminal/printing.py",
        "report/tables.py",
        "commands/operations/status.py",
        "commands/truth/command.py",
        "commands/pace/command.py",
        "commands/score_exports/command.py",
        "commands/predictions/page.py",
        "commands/findings/findings.py",
    }
    others = [path for path in (ROOT / "agents").rglob("*.py") if "rich.table" in path.read_text("utf-8")]
    assert others == []


def needed(answers: Answers, name: str) -> set[str]:
    """Names and hashes that a table of this command must show whole."""
    found = {
        each.get("annotator") or each.get("title")
        for each in objects(json.loads(answers.of[name].out))
        if name in ("report", "score", "pace status", "status") and "image" not in each
    }
    return {word for word in found if isinstance(word, str) and not word.endswith(".jpg")}


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
@pytest.mark.parametrize("name", TABLES)
def test_a_table_fits_its_terminal_and_cuts_no_name(answers: Answers, name: str, columns: int) -> None:
    printed = run([*lines(answers.units)[name], *(["--all"] if name == "truth status" else [])], columns=columns)
    assert printed.code in (0, 4), printed.err
    assert "\N{HORIZONTAL ELLIPSIS}" not in printed.out
    assert [word for word in needed(answers, name) if word not in printed.out] == []
    rows = [line for line in printed.out.splitlines() if re.search(r"\S {2,}\S", line)]
    assert rows
    assert [row for row in rows if len(row) > columns] == []


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
@pytest.mark.parametrize("name", TABLES)
def test_a_pipe_gets_every_column_in_every_encoding(answers: Answers, name: str, encoding: str) -> None:
    printed = run(lines(answers.units)[name], encoding=encoding)
    assert printed.code in (0, 4), printed.err
    assert "not shown for lack of room" not in printed.out
    assert [word for word in needed(answers, name) if word not in printed.out] == []


LAST_LINES = {
    "rescore": r"[\d,]+ made \([\d,]+ with another score\), [\d,]+ unchanged",
    "evaluate": r"[\d,]+ tasks sent on, [\d,]+ had gone already",
    "route": r"[\d,]+ tasks sent on, [\d,]+ had gone already",
    "doctor": r"[\d,]+ checks, [\d,]+ to fix",
    "status": r" +\S.*",
    "alerts": r"'alerts' in the configuration has no rule|[\d,]+ states, nothing was sent",
    "act": r"nothing to do|nothing was done: run it with --enforce",
    "truth status": r"[\d,]+ items, .*",
    "truth list": r"[\d,]+ items, [\d,]+ excluded",
    "choose": r"[\d,]+ data units in chosen.json",
    "send-back": r"[\d,]+ steps would be done, [\d,]+ data units refused",
    "register build": r"1 image: 1 URLs in 1 files in again",
    "register check": r"1 files are valid",
    "curate choose": r"2 of [\d,]+ candidates chosen: selection.json",
    "curate map": r"12 pictures, [\d.]+ MB: map.html",
    "db upgrade": r"at revision \w+",
    "db rebuild": r"the sums are rebuilt",
    "db purge": r"0 scores deleted",
    "db forget": r"0 scores deleted",
}


def test_what_a_command_did_stands_in_its_last_line(answers: Answers) -> None:
    words = lines(answers.units) | {
        "register build": ["register", "build", "rows.csv", "--storage", "s3", "--out", "again"]
    }
    for name in ("truth exclude", "truth restore"):  # The operator was forgotten; now the trail names them again.
        run(words[name])
    shown = {name: run(words[name]) for name in LAST_LINES}
    assert {name: printed.err for name, printed in shown.items() if not printed.out.strip()} == {}
    last = {name: printed.out.strip().splitlines()[-1] for name, printed in shown.items()}
    assert [f"{name}: {line}" for name, line in last.items() if not re.fullmatch(LAST_LINES[name], line)] == []


def test_the_doctor_fixes_what_is_ours_and_records_it(
    answers: Answers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    document = json.loads(answers.encord.environment["BENCHMARK_QA_CONFIG"])
    right = {"benchmark_pathway": "Yes", "production_pathway": "No"}
    document["stages"]["routing"] |= {"benchmark_pathway": "No", "production_pathway": "Yes"}
    file, database = tmp_path / "qa.json", answers.folder / "scores.sqlite"
    file.write_text(json.dumps(document))
    monkeypatch.setenv("BENCHMARK_QA_CONFIG", str(file))
    with sqlite3.connect(database) as connection:
        connection.execute(
            "INSERT INTO stages_at_work VALUES (?, ?, 3, '2026-01-01 12:00:00.000000')",
            (document["production_project"], "5e0b3a44-0000-4000-8000-000000000000"),
        )
    before = file.read_text()
    looked = run(["doctor", "--fix"])
    assert looked.code == 4
    assert "would fix: exchange the pathways" in looked.out
    assert "would fix: give stage 5e0b3a44" in looked.out
    assert file.read_text() == before
    done = run(["doctor", "--fix", "--yes"])
    assert done.code == 0, done.out
    assert json.loads(file.read_text())["stages"]["routing"].items() >= right.items()
    assert (tmp_path / "qa.json.before").read_text() == before
    trail = json.loads(run(["actions", "list", "--json"]).out)
    assert [entry["operator"] for entry in trail if entry["kind"] == "doctor-fix"] == [OPERATOR] * 2
    assert run(["doctor", "--fix"]).out.splitlines()[-2] == "nothing here can be fixed by --fix"
