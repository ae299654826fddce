"""The set-up file: what is refused, with the key of it; the example; the published schema."""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from benchmark_qa.cli import app
from benchmark_qa.commands.setup.declaration import Declaration, DeclarationError, read_declaration
from benchmark_qa.commands.setup.structure import complete

EXAMPLE = files("benchmark_qa.commands.setup").joinpath("example.toml").read_text(encoding="utf-8")
SCHEMA = Path(__file__).parents[4] / "docs" / "schemas" / "setup.schema.json"


def test_the_example_is_a_set_up() -> None:
    declared = read_declaration(EXAMPLE)
    assert [folder.path for folder in declared.all_folders()] == [
        "Pedestrians",
        "Pedestrians/Benchmark",
        "Pedestrians/Production",
    ]
    assert [dataset.title for dataset in declared.datasets_of("production")] == [
        "Pedestrians, part 1",
        "Pedestrians, part 2",
    ]
    assert [dataset.title for dataset in declared.datasets_of("benchmark")] == ["Pedestrians, part 1"]


def test_folders_come_after_those_that_they_lie_in() -> None:
    text = EXAMPLE.replace('path = "Pedestrians/Benchmark"', 'path = "Pedestrians/Benchmark/2026/March"')
    text = text.replace('folders = ["Pedestrians/Benchmark"]', "folders = []")
    paths = [folder.path for folder in read_declaration(text).all_folders()]
    assert paths == [
        "Pedestrians",
        "Pedestrians/Benchmark",
        "Pedestrians/Benchmark/2026",
        "Pedestrians/Benchmark/2026/March",
        "Pedestrians/Production",
    ]


PRODUCTION_FOLDERS = 'folders = ["Pedestrians/Production"]'
PRODUCTION_PATH = 'path = "Pedestrians/Production"'
DAY = 'type = "radio", options = ["day"'
TEMPLATE = 'workflow_template = "00000000-0000-4000-8000-000000000001"'
SCORING = '[[service.stages.scoring]]\nname = "Score"\npass_pathway = "Complete"'
FAULTS = [
    ('name = "pedestrians"', "", "name: missing: set it"),
    ('name = "pedestrians"', 'nam = "pedestrians"', "nam: unknown key; did you mean 'name'?"),
    ('name = "pedestrians"', "name = pedestrians", "is not TOML: Invalid value (at line 4, column 8)"),
    ('camera = "varchar"', 'camera = "string"', "metadata.camera"),
    (PRODUCTION_PATH, 'path = "Pedestrians//Production"', "folders.1.path"),
    (PRODUCTION_PATH, 'path = "Pedestrians/Benchmark"', "'Pedestrians/Benchmark' stands there twice"),
    ('integration = "Our bucket"', "", "folders.0: 'registration' and 'integration' belong together"),
    ('# upload = "photos"', 'upload = "photos" #', "folders.1: give either 'registration' or"),
    ('shape = "bounding_box"', 'shape = "box"', "ontology.structure.objects.0.shape"),
    (DAY, DAY.replace("radio", "choice"), "ontology.structure.classifications.0.attributes.0.type"),
    ('title = "Pedestrians"\n# hash', "# hash", "ontology: an ontology that is to be made needs a 'title'"),
    (TEMPLATE, "", "benchmark.workflow_template: missing: set it"),
    ('= "annotator_reviewer"', '= "expert"', "benchmark.users.expert@example.com"),
    ('"rita@example.com"', '"rita"', "production.users.rita"),
    (PRODUCTION_FOLDERS, 'folders = ["Photos"]', "takes items of 'Photos', which 'folders' does not name"),
    (PRODUCTION_FOLDERS, PRODUCTION_FOLDERS.replace("Production", "Benchmark"), "is a folder of the benchmark dataset"),
    ('title = "Pedestrians, part 2"', 'title = "Pedestrians, part 1"', "two datasets have the title"),
    ('title = "Pedestrians: truth"', 'title = "Pedestrians"', "both projects have the title 'Pedestrians'"),
    ("threshold = 0.7", "threshold = 70", "service.verdict.threshold: must be at most 1"),
    ("[service.verdict]", "[service.verdct]", "service.verdct: unknown key; did you mean 'verdict'?"),
    (SCORING, "", "service: 'stages.scoring' is missing"),
    (
        "[service.verdict]",
        '[service]\nproduction_project = "x"\n[service.verdict]',
        "'production_project' is filled in",
    ),
]


@pytest.mark.parametrize(("before", "after", "fault"), FAULTS)
def test_a_faulty_file_is_refused_and_the_key_named(before: str, after: str, fault: str) -> None:
    assert before in EXAMPLE
    with pytest.raises(DeclarationError) as refused:
        read_declaration(EXAMPLE.replace(before, after, 1))
    assert fault in str(refused.value)


def test_the_published_schema_is_the_one_that_files_follow() -> None:
    schema = json.loads(SCHEMA.read_text())
    assert schema == json.loads(json.dumps(Declaration.model_json_schema()))
    example = tomllib.loads(EXAMPLE)
    jsonschema.validate(example, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**example, "name": 1}, schema)
    assert json.loads(CliRunner().invoke(app, ["setup", "schema"]).stdout) == schema


def test_init_writes_the_example_and_never_over_another_file(tmp_path: Path) -> None:
    file = tmp_path / "setup.toml"
    assert CliRunner().invoke(app, ["setup", "init", str(file)]).exit_code == 0
    assert read_declaration(file.read_text()) == read_declaration(EXAMPLE)
    again = CliRunner().invoke(app, ["setup", "init", str(file)])
    assert again.exit_code == 2
    assert "exists already" in again.stderr


def test_marks_differ_by_thing_and_say_neither_what_it_is_nor_what_made_it() -> None:
    declared = read_declaration(EXAMPLE)
    things = [
        ("folder", "A"),
        ("folder", "B"),
        ("dataset", "A"),
        ("benchmark project", "A"),
        ("production project", "A"),
    ]
    marks = {declared.mark(kind, title) for kind, title in things}
    assert len(marks) == len(things)
    assert all(mark.startswith("pedestrians ") and "bench" not in mark and "data" not in mark for mark in marks)
    assert declared.mark("folder", "A") == read_declaration(EXAMPLE).mark("folder", "A")


def test_what_a_structure_leaves_out_is_made_the_same_every_time() -> None:
    structure = read_declaration(EXAMPLE).ontology.structure
    assert structure is not None
    made = complete(structure, "Pedestrians")
    assert made == complete(structure, "Pedestrians")
    (thing,), (question,) = made["objects"], made["classifications"]
    occluded = thing["attributes"][0]
    assert [option["id"] for option in occluded["options"]] == ["1.1.1", "1.1.2", "1.1.3"]
    assert [option["value"] for option in occluded["options"]] == ["no", "partly", "mostly"]
    features = [thing, occluded, *occluded["options"], question, *question["attributes"]]
    assert len({feature["featureNodeHash"] for feature in features}) == len(features)


def test_what_a_structure_says_is_kept() -> None:
    text = EXAMPLE.replace(
        'shape = "bounding_box"', 'shape = "bounding_box"\nfeatureNodeHash = "abc"\ncolor = "#123456"'
    )
    structure = read_declaration(text).ontology.structure
    assert structure is not None
    (thing,) = complete(structure, "Pedestrians")["objects"]
    assert (thing["featureNodeHash"], thing["color"]) == ("abc", "#123456")
