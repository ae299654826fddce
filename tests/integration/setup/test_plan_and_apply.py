"""`setup plan` and `setup apply` on an emulator that has people and workflow templates, and nothing else."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from encord.exceptions import AuthorisationError
from encord.objects import OntologyStructure, Shape
from encord.objects.attributes import ChecklistAttribute, RadioAttribute, TextAttribute

from benchmark_qa.config.deployment import Deployment
from tests.integration.setup.conftest import (
    ANNOTATORS,
    EXPERT,
    HALF,
    INTEGRATION,
    LAME_TEMPLATE,
    OPERATOR,
    REVIEWER,
    Site,
)
from tests.integration.setup.setup_files import (
    BENCHMARK,
    BENCHMARK_DATASET,
    PRODUCTION,
    PRODUCTION_DATASET,
    photo,
    write_setup,
)


def apply(site: Site, file: Path, *options: str) -> None:
    done = site.run("setup", "apply", file, "--yes", *options)
    assert done.exit_code == 0, done.output


def titles(site: Site) -> dict[str, list[str]]:
    """Everything that there is, by title."""
    client = site.client()
    return {
        "folders": sorted(folder.name for folder in client.find_storage_folders()),
        "items": sorted(item.name for f in client.find_storage_folders() for item in f.list_items()),
        "ontologies": sorted(found["ontology"].title for found in client.get_ontologies()),
        "datasets": sorted(found["dataset"].title for found in client.get_datasets()),
        "projects": sorted(project.title for project in client.list_projects()),
    }


EVERYTHING = {
    "folders": ["Benchmark", "Pedestrians", "Production"],
    "items": ["a-0.png", "a-1.png", "a-2.png", "production-0.png", "production-1.png"],
    "ontologies": ["Pedestrians"],
    "datasets": [BENCHMARK_DATASET, PRODUCTION_DATASET],
    "projects": [PRODUCTION, BENCHMARK],
}


def test_a_plan_names_everything_and_changes_nothing(site: Site, tmp_path: Path) -> None:
    file = write_setup(tmp_path)
    shown = site.run("setup", "plan", file)
    assert shown.exit_code == 5
    for line in (
        "+ metadata key 'weather': one of rain, sunny",
        "+ folder 'Pedestrians/Benchmark': make it",
        "~ folder 'Pedestrians/Benchmark': upload 3 items",
        "+ ontology 'Pedestrians': make it",
        f"+ dataset '{BENCHMARK_DATASET}': make it",
        f"~ production project '{PRODUCTION}': add as reviewer: {REVIEWER}",
        "11 to create, 7 to change",
    ):
        assert line in shown.stdout
    assert site.writes() == []
    assert not (tmp_path / "benchmark-qa.json").exists()


def test_what_is_applied_is_as_the_file_says(site: Site, tmp_path: Path) -> None:
    file = write_setup(tmp_path)
    apply(site, file)
    assert titles(site) == EVERYTHING
    truth, production = site.project(BENCHMARK), site.project(PRODUCTION)
    assert {d.title for d in truth.list_datasets()} == {BENCHMARK_DATASET}
    assert {d.title for d in production.list_datasets()} == {BENCHMARK_DATASET, PRODUCTION_DATASET}
    assert truth.ontology_hash == production.ontology_hash
    assert [(o.name, o.shape.value) for o in truth.ontology_structure.objects] == [("pedestrian", "bounding_box")]
    assert [stage.title for stage in production.workflow.stages][:2] == ["Route", "Consensus"]
    assert {u.user_email for u in production.list_users()} == {OPERATOR, *ANNOTATORS, REVIEWER}
    assert site.client(EXPERT).get_project(truth.project_hash).user_role.name == "ANNOTATOR_REVIEWER"
    with pytest.raises(AuthorisationError):
        site.client(EXPERT).get_project(production.project_hash)
    assert {row.data_title for row in truth.list_label_rows_v2()} == set(EVERYTHING["items"][:3])
    assert {row.data_title for row in production.list_label_rows_v2()} == set(EVERYTHING["items"])
    schema = site.client().metadata_schema()
    assert (schema.get_key_type("camera"), set(schema.get_enum_options("weather"))) == ("varchar", {"rain", "sunny"})


def test_the_document_is_what_the_service_reads(site: Site, tmp_path: Path) -> None:
    apply(site, write_setup(tmp_path))
    document = Deployment.model_validate_json((tmp_path / "benchmark-qa.json").read_bytes())
    assert str(document.production_project) == site.project(PRODUCTION).project_hash
    assert [str(project) for project in document.benchmark_projects] == [site.project(BENCHMARK).project_hash]
    (dataset,) = [d for d in site.project(PRODUCTION).list_datasets() if d.title == PRODUCTION_DATASET]
    assert document.production_datasets == (dataset.dataset_hash,)
    assert document.verdict.minimum_tasks == 1
    assert document.stages.routing is not None
    checked = site.run(
        "doctor", BENCHMARK_QA_CONFIG=str(tmp_path / "benchmark-qa.json"),
        ROUTE_SECRET="route-secret-of-the-test", SCORE_SECRET="score-secret-of-the-test",
        DATABASE_URL=f"sqlite:///{tmp_path}/scores.sqlite",
    )  # fmt: skip
    assert checked.exit_code == 0, checked.output


def test_a_second_apply_writes_nothing(site: Site, tmp_path: Path) -> None:
    file = write_setup(tmp_path)
    apply(site, file)
    assert "POST datasets" in site.writes()
    site.forget_requests()
    apply(site, file)
    assert site.writes() == []
    assert site.run("setup", "plan", file).exit_code == 0
    assert site.plan(file) == {}


def test_nothing_is_done_without_consent(site: Site, tmp_path: Path) -> None:
    file = write_setup(tmp_path)
    assert site.run("setup", "apply", file).exit_code == 1  # nobody is there to answer
    assert site.writes() == []


def test_the_urls_to_paste_come_with_their_place_and_their_secret(site: Site, tmp_path: Path) -> None:
    file = write_setup(tmp_path)
    done = site.run("setup", "apply", file, "--yes", "--host", "https://qa.example.com/", "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    needed = {e["url"]: e for e in answer["endpoints"] if e["needed"]}
    assert {url: endpoint["secret"] for url, endpoint in needed.items()} == {
        "https://qa.example.com/agents/route": "ROUTE_SECRET",
        "https://qa.example.com/agents/score": "SCORE_SECRET",
    }
    assert "decisions: Yes, No" in needed["https://qa.example.com/agents/route"]["where"]
    assert (
        f"project '{PRODUCTION}' > Workflow > stage 'Score'" in needed["https://qa.example.com/agents/score"]["where"]
    )
    assert answer["left"] == []
    assert answer["document"] == str(tmp_path / "benchmark-qa.json")


def test_what_is_added_to_the_file_or_to_a_folder_is_added_in_encord(site: Site, tmp_path: Path) -> None:
    file = write_setup(tmp_path)
    apply(site, file)
    photo(tmp_path / "production photos" / "production-9.png", 9)
    text = file.read_text().replace('["rain", "sunny"]', '["rain", "sunny", "snow"]')
    file.write_text(text.replace("[production.users]", '[production.users]\n"zoe@example.com" = "annotator"'))
    assert {(c["subject"], c["message"]) for c in site.plan(file)["change"]} == {
        ("metadata key 'weather'", "add the options snow"),
        ("folder 'Pedestrians/Production'", "upload 1 items"),
        (f"dataset '{PRODUCTION_DATASET}'", "link the items of Pedestrians/Production"),
        (f"production project '{PRODUCTION}'", "add as annotator: zoe@example.com"),
    }
    apply(site, file)
    assert site.plan(file) == {}
    assert "production-9.png" in {row.data_title for row in site.project(PRODUCTION).list_label_rows_v2()}
    assert titles(site)["items"] == [*EVERYTHING["items"], "production-9.png"]


def test_a_machine_without_notes_finds_the_items_by_their_titles(site: Site, tmp_path: Path) -> None:
    file = write_setup(tmp_path)
    apply(site, file)
    photo(tmp_path / "production photos" / "production-9.png", 9)
    for notes in tmp_path.glob("*.progress"):
        notes.unlink()
    apply(site, file)
    assert titles(site)["items"] == [*EVERYTHING["items"], "production-9.png"]


def test_registration_files_go_into_their_folder_once(site: Site, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    rows = [f"s3://bucket/{n}.png,,{'pair' if n < 2 else ''}" for n in range(4)]
    rows += [f"s3://bucket/walk/{n}.png,walk," for n in range(3)]
    manifest.write_text("url,group,data_group\n" + "\n".join(rows))
    built = site.run("register", "build", manifest, "--out", tmp_path / "registration", "--storage", "s3")
    assert built.exit_code == 0, built.output
    file = write_setup(tmp_path)
    sourced = f'registration = ["registration"]\nintegration = "{INTEGRATION}"'
    text = file.read_text().replace('upload = "production photos"', sourced)
    titled = f'title = "{PRODUCTION_DATASET}"'
    file.write_text(text.replace(titled, f'{titled}\nkinds = ["image"]'))
    done = site.run("setup", "apply", file, "--yes", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["left"] == []
    assert titles(site)["items"] == ["0.png", "1.png", "2.png", "3.png", *EVERYTHING["items"][:3], "pair", "walk"]
    production = site.project(PRODUCTION).list_label_rows_v2()
    assert {row.data_title for row in production} == {"0.png", "1.png", "2.png", "3.png", *EVERYTHING["items"][:3]}
    for notes in (tmp_path / "registration").glob("*.progress"):
        notes.unlink()
    site.forget_requests()
    apply(site, file)
    assert site.writes() == []


def test_items_that_cannot_be_registered_are_named_and_tried_again(site: Site, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("url\ns3://bucket/0.png\ns3://bucket/gone.png\n")
    assert site.run("register", "build", manifest, "--out", tmp_path / "registration").exit_code == 2  # no --storage
    built = site.run("register", "build", manifest, "--out", tmp_path / "registration", "--storage", "s3")
    assert built.exit_code == 0, built.output
    file = write_setup(tmp_path)
    sourced = f'registration = ["registration"]\nintegration = "{HALF}"'
    file.write_text(file.read_text().replace('upload = "production photos"', sourced))
    done = site.run("setup", "apply", file, "--yes", "--errors", tmp_path / "errors.csv")
    assert done.exit_code == 4
    assert "gone.png" in done.stderr
    assert len((tmp_path / "errors.csv").read_text().splitlines()) == 2
    assert "0.png" in titles(site)["items"]
    assert [change["message"] for change in site.plan(file)["change"]][:1] == ["register 1 items"]


@pytest.mark.parametrize("way", ["hash", "file"])
def test_an_ontology_that_exists_is_used_as_it_is(site: Site, tmp_path: Path, way: str) -> None:
    structure = OntologyStructure()
    thing = structure.add_object("pedestrian", Shape.BOUNDING_BOX)
    occluded = thing.add_attribute(RadioAttribute, "occluded", dynamic=True)
    occluded.add_option("by a car").add_nested_attribute(TextAttribute, "which car")
    question = structure.add_classification()
    question.add_attribute(ChecklistAttribute, "weather", required=True).add_option("rain")
    there = site.client().create_ontology("Pedestrians", structure=structure)
    (tmp_path / "ontology.json").write_text(json.dumps(there.structure.to_dict()))
    named = {"hash": f'hash = "{there.ontology_hash}"', "file": 'title = "Pedestrians"\nfile = "ontology.json"'}
    file = declared_by(write_setup(tmp_path), named[way])
    apply(site, file)
    assert site.plan(file) == {}
    assert {site.project(title).ontology_hash for title in (BENCHMARK, PRODUCTION)} == {there.ontology_hash}
    assert len(site.client().get_ontologies()) == 1

    (there.structure.objects[0].attributes[0]).add_option("by a tree")
    there.save()
    drift = site.plan(file).get("drift", [])
    told = "has also answer 'by a tree' to 'occluded' of 'pedestrian'"
    assert [change["message"] for change in drift] == ([told] if way == "file" else [])


def test_an_ontology_file_makes_an_ontology_with_the_hashes_that_it_has(site: Site, tmp_path: Path) -> None:
    structure = OntologyStructure()
    thing = structure.add_object("pedestrian", Shape.POLYGON)
    (tmp_path / "ontology.json").write_text(json.dumps(structure.to_dict()))
    apply(site, declared_by(write_setup(tmp_path), 'title = "Pedestrians"\nfile = "ontology.json"'))
    (made,) = site.project(PRODUCTION).ontology_structure.objects
    assert (made.name, made.shape, made.feature_node_hash) == ("pedestrian", Shape.POLYGON, thing.feature_node_hash)


def declared_by(file: Path, ontology: str) -> Path:
    """The set-up with another way to say which ontology."""
    text = file.read_text()
    start, end = text.index("[ontology]"), text.index("[benchmark]")
    file.write_text(f"{text[:start]}[ontology]\n{ontology}\n\n{text[end:]}")
    return file


def test_a_lost_answer_makes_no_twin(site: Site, tmp_path: Path) -> None:
    file = write_setup(tmp_path)
    for operation in ("POST storage/folders", "POST ontologies", "POST datasets", "legacy project.POST"):
        fault = {"operation": operation, "kind": "drop", "after_effect": True, "times": 1, "caller": OPERATOR}
        site.control("POST", "faults", json=fault)
    apply(site, file)
    assert site.control("GET", "faults")["faults"] == []
    assert titles(site) == EVERYTHING


def test_killed_again_and_again_everything_is_there_once(site: Site, tmp_path: Path) -> None:
    file = write_setup(tmp_path, benchmark_photos=30, production_photos=30)
    site.control("POST", "faults", json={"operation": "*", "kind": "latency", "seconds": 0.05, "times": 100_000})
    seen = []
    for _ in range(5):
        process = site.start("setup", "apply", file, "--yes")
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            operations = len(site.writes())
            if operations > len(seen):
                break
            time.sleep(0.02)
        process.kill()
        process.communicate(timeout=30)
        seen = site.writes()
    assert len(seen) >= 5  # every kill came one kind of writing later
    site.control("DELETE", "faults")
    apply(site, file)
    names = [f"a-{n}.png" for n in range(30)] + [f"production-{n}.png" for n in range(30)]
    assert titles(site) == EVERYTHING | {"items": sorted(names)}
    assert len(site.project(PRODUCTION).list_label_rows_v2()) == 60


def test_a_document_that_differs_is_not_replaced_unasked(site: Site, tmp_path: Path) -> None:
    file = write_setup(tmp_path)
    document = tmp_path / "benchmark-qa.json"
    document.write_text('{"verdict": {"threshold": 0.9}}')
    done = site.run("setup", "apply", file, "--yes")
    assert done.exit_code == 4
    assert "stays as it is" in done.stderr
    assert json.loads(document.read_text()) == {"verdict": {"threshold": 0.9}}
    (change,) = site.plan(file)["change"]
    differing = "benchmark_projects, production_datasets, production_project, stages, verdict"
    assert change["message"] == f"replace it; different: {differing}"
    apply(site, file, "--replace")
    assert site.plan(file) == {}


def test_a_workflow_that_does_not_fit_is_explained_and_no_document_is_written(site: Site, tmp_path: Path) -> None:
    file = write_setup(tmp_path, template=LAME_TEMPLATE)
    done = site.run("setup", "apply", file, "--yes", "--json")
    assert done.exit_code == 4
    faults = [change for change in json.loads(done.stdout)["left"] if change["kind"] == "fault"]
    assert [fault["message"] for fault in faults] == [
        "the workflow has no Consensus block",
        "scoring stage 'Score' is missing; agent stages: 'Route'",
    ]
    assert all(fault["remedy"] for fault in faults)
    assert not (tmp_path / "benchmark-qa.json").exists()
    shown = site.run("setup", "plan", file)
    assert shown.exit_code == 4
    assert "benchmark-qa.json': is not written while something does not fit" in shown.stdout


def test_a_template_that_encord_does_not_know_is_named(site: Site, tmp_path: Path) -> None:
    unknown = "10000000-0000-4000-8000-0000000000ff"
    file = write_setup(tmp_path, template=unknown)
    done = site.run("setup", "apply", file, "--yes")
    assert done.exit_code == 3
    assert f"production project '{PRODUCTION}', make it from template {unknown}" in done.stderr


@pytest.mark.parametrize(
    ("titled", "kind"),
    [
        ('title = "Pedestrians"\n[[ontology.structure', "ontology 'Pedestrians'"),
        (f'title = "{BENCHMARK_DATASET}"', f"dataset '{BENCHMARK_DATASET}'"),
        (f'title = "{BENCHMARK}"', f"benchmark project '{BENCHMARK}'"),
    ],
)
def test_a_hash_of_nothing_is_named(site: Site, tmp_path: Path, titled: str, kind: str) -> None:
    unknown = "10000000-0000-4000-8000-0000000000ff"
    file = write_setup(tmp_path)
    title, _, rest = titled.partition("\n")
    file.write_text(file.read_text().replace(titled, f'{title}\nhash = "{unknown}"\n{rest}'))
    shown = site.run("setup", "plan", file)
    assert shown.exit_code == 3
    assert f"{kind} ({unknown}): " in shown.stderr


def test_what_is_chosen_as_benchmark_is_not_production_as_well(site: Site, tmp_path: Path) -> None:
    client = site.client()
    photos = [photo(tmp_path / "photos" / f"{n}.png", n) for n in range(4)]
    site.run("upload", tmp_path / "photos", "--folder", "Photos", "--create-folder")
    picked = tmp_path / "chosen.json"
    choose = ("benchmark", "choose", "--folder", "Photos", "--count", 1, "--keep-near-duplicates", "--out", picked)
    assert site.run(*choose, "--dataset", BENCHMARK_DATASET, "--apply").exit_code == 0
    (made,) = client.get_datasets(title_eq=BENCHMARK_DATASET)
    (chosen,) = client.get_dataset(made["dataset"].dataset_hash).data_rows
    file = write_setup(tmp_path)
    text = file.read_text().replace('folders = ["Pedestrians/Benchmark"]', "").replace("production photos", "photos")
    file.write_text(text.replace("Pedestrians/Production", "Photos"))
    apply(site, file)
    assert site.plan(file) == {}
    truth, production = site.project(BENCHMARK).list_label_rows_v2(), site.project(PRODUCTION).list_label_rows_v2()
    assert [row.data_title for row in truth] == [chosen.title]
    assert sorted(row.data_title for row in production) == [path.name for path in photos]

    (listed,) = client.get_datasets(title_eq=PRODUCTION_DATASET)
    client.get_dataset(listed["dataset"].dataset_hash).link_items([chosen.backing_item_uuid])
    (fault, _) = site.plan(file)["fault"]
    assert fault["message"] == "holds 1 items of the benchmark dataset"
