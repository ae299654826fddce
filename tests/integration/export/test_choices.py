"""Which data units are exported, whose work counts for what, what it costs, and how refusals sound."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from encord.orm.collection import ProjectDataCollectionItemRequest

from benchmark_qa.store.score_store import SqlScoreStore
from tests.records import record

from .gallery import (
    ANNOTATORS,
    BENCHMARK,
    EMPTY,
    EVERY_SHAPE,
    PRODUCTION,
    SAME_ONE,
    SAME_STEM,
    SAME_TWO,
    TRUTH,
    UNOPENED,
    VIDEO,
    WAITING,
    Gallery,
    add,
    coordinates,
    data_hash,
    gallery,
)
from .reading import content

ANN, BOB = ANNOTATORS
BOBS = {SAME_ONE, SAME_TWO, SAME_STEM}


def titles(out: Path) -> set[str]:
    files = sorted((out / "encord" / "label_rows").glob("*.json"))
    return {row["data_title"] for file in files for row in json.loads(file.read_text(encoding="utf-8"))}


def chosen(site: Gallery, out: Path, *arguments: str) -> set[str]:
    site.export(out, "--format", "encord", *arguments)
    return titles(out)


def test_titles_metadata_lists_datasets_and_stages_choose(site: Gallery, tmp_path: Path) -> None:
    out = tmp_path / "out"
    listed = tmp_path / "listed.json"
    listed.write_text(json.dumps([data_hash(EMPTY), data_hash(SAME_ONE)]))
    assert chosen(site, out, "--title", "Straße*", "--title", "empty.*") == {EVERY_SHAPE, EMPTY}
    assert chosen(site, out, "--metadata", "light=night") == {EMPTY, SAME_TWO}
    assert chosen(site, out, "--data-hashes", str(listed)) == {EMPTY, SAME_ONE}
    assert chosen(site, out, "--data-hashes", str(listed), "--title", "same*") == {SAME_ONE}
    assert chosen(site, out, "--stage", "Annotate") == {WAITING}
    assert chosen(site, out, "--dataset", "Benchmark", "--with-benchmark") == {TRUTH}


def test_a_file_of_chosen_items_is_a_list_too(site: Gallery, tmp_path: Path) -> None:
    items = tmp_path / "chosen.json"
    items.write_text(json.dumps({"items": [{"data_hash": data_hash(EMPTY), "title": EMPTY}]}))
    assert chosen(site, tmp_path / "out", "--data-hashes", str(items)) == {EMPTY}


def test_a_collection_of_the_project_chooses_its_data_units(own: Gallery, tmp_path: Path) -> None:
    collection = own.project().create_collection("round 2", "to be trained on")
    frames = [(data_hash(SAME_ONE), 0), (data_hash(VIDEO), 3)]
    collection.add_items([ProjectDataCollectionItemRequest(data_uuid=UUID(unit), frame=n) for unit, n in frames])
    assert chosen(own, tmp_path / "out", "--collection", "round 2") == {SAME_ONE, VIDEO}
    done = own.run("export", "--out", tmp_path / "out", "--format", "coco", "--collection", "round 3")
    assert done.exit_code == 2
    assert "no frame collection 'round 3'" in done.stderr


def test_benchmark_items_are_left_out_unless_asked_for(site: Gallery, tmp_path: Path) -> None:
    said = site.export(tmp_path / "out", "--format", "encord")
    assert TRUTH not in titles(tmp_path / "out")
    assert said["not_chosen"] == {"at another stage": 1, "benchmark item": 1}
    assert TRUTH in chosen(site, tmp_path / "out", "--with-benchmark")


def test_a_benchmark_project_is_exported_for_its_truth(own: Gallery, tmp_path: Path) -> None:
    said = own.export(tmp_path / "out", "--format", "encord", "--project", BENCHMARK, "--stage", "Annotate")
    assert said["not_chosen"] == {"never opened": 1}


def test_times_are_by_utc_and_the_end_is_not_included(site: Gallery, tmp_path: Path) -> None:
    (row,) = site.project().list_label_rows_v2(data_hashes=[data_hash(EMPTY)])
    moment = row.last_edited_at.astimezone(UTC).replace(tzinfo=None).isoformat()  # no zone: UTC is meant
    assert EMPTY in chosen(site, tmp_path / "out", "--edited-since", moment)
    assert EMPTY not in chosen(site, tmp_path / "out", "--edited-until", moment)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Gallery]:
    """A gallery that the test may change."""
    with gallery(tmp_path / "gallery") as site:
        yield site


def score(site: Gallery, annotator: str, *, right: bool, tasks: range) -> None:
    hits = (3, 0, 0) if right else (0, 3, 3)
    now = datetime.now(UTC)
    SqlScoreStore(f"sqlite:///{site.directory / 'scores.sqlite'}").save(
        [
            record(
                n,
                annotator=annotator,
                production_project=PRODUCTION,
                true_positives=hits[0],
                false_positives=hits[1],
                false_negatives=hits[2],
                scored=now,
                edited=now - timedelta(seconds=n),
            )
            for n in tasks
        ]
    )


def test_work_of_annotators_below_the_bar_is_left_out(own: Gallery, tmp_path: Path) -> None:
    everything = chosen(own, tmp_path / "all")
    score(own, BOB, right=False, tasks=range(40))
    score(own, ANN, right=True, tasks=range(100, 140))
    said = own.export(tmp_path / "good", "--format", "encord", "--leave-out-below-bar")
    assert titles(tmp_path / "good") == everything - BOBS
    assert said["left_out"]["annotator_below_the_bar"] == 3


def test_weights_follow_the_scores_and_are_those_of_the_snapshots_day(own: Gallery, tmp_path: Path) -> None:
    score(own, BOB, right=False, tasks=range(40))
    score(own, ANN, right=True, tasks=range(100, 140))
    frozen = ("--format", "coco", "--format", "parquet", "--weigh", "--snapshot", "v1")
    own.export(tmp_path / "first", *frozen)
    data = json.loads((tmp_path / "first" / "coco" / "annotations" / "instances_train.json").read_text())
    title = {image["id"]: image["data_title"] for image in data["images"]}
    weights = {title[a["image_id"]]: a["weight"] for a in data["annotations"]}
    assert weights[SAME_ONE] < 0.1
    assert weights[EVERY_SHAPE] > 0.9
    score(own, BOB, right=True, tasks=range(200, 400))
    own.export(tmp_path / "second", *frozen)
    assert content(tmp_path / "first") == content(tmp_path / "second")
    own.export(tmp_path / "live", "--format", "coco", "--weigh")
    live = json.loads((tmp_path / "live" / "coco" / "annotations" / "instances_train.json").read_text())
    assert min(a["weight"] for a in live["annotations"]) > 0.5


OPENING = {
    "GET projects/{project}": 2,
    "GET ontologies/{ontology}": 2,
    "GET projects/{project}/datasets": 2,
}
"""The production project and one benchmark project"""


def test_an_export_costs_one_request_for_all_metadata_and_one_a_bundle(own: Gallery, tmp_path: Path) -> None:
    own.control("DELETE", "requests")
    own.export(tmp_path / "out", "--format", "encord")
    assert own.requests_made() == OPENING | {"legacy labelrowmetadata.GET": 1, "legacy labelrow.GET": 1}


def test_a_snapshot_costs_a_few_requests_more_the_first_time_and_three_later(own: Gallery, tmp_path: Path) -> None:
    own.control("DELETE", "requests")
    own.export(tmp_path / "out", "--format", "encord", "--snapshot", "v1")
    copied = own.requests_made()
    assert copied["POST projects/{project}/labels/copy-branch"] == 2  # the rows, and the seal
    assert copied["legacy labelrow.PUT"] == 1  # the place of what nobody has opened
    assert copied["legacy labelrow.GET"] == 1
    own.control("DELETE", "requests")
    own.export(tmp_path / "again", "--format", "encord", "--snapshot", "v1")
    opening = dict.fromkeys(OPENING, 1)  # whose benchmark an item is was settled when it was made
    assert own.requests_made() == opening | {
        "GET projects/{project}/branches": 1,
        "legacy labelrowmetadata.GET": 2,
        "legacy labelrow.GET": 1,
    }


def test_a_row_that_cannot_be_read_is_named_and_the_rest_is_exported(own: Gallery, tmp_path: Path) -> None:
    row = own.row(EMPTY)
    add(row, "box", coordinates()["box"])
    label = row.to_encord_dict()
    label["data_units"][data_hash(EMPTY)]["labels"]["objects"][0]["boundingBox"]["w"] = "wide"
    own.project().save_label_row(row.label_hash, label)
    done = own.run("export", "--out", tmp_path / "out", "--format", "encord", "--json")
    assert done.exit_code == 4
    said = json.loads(done.stdout)
    (unreadable,) = said["unreadable"]
    assert unreadable["data_hash"] == data_hash(EMPTY)
    assert "w is not a number" in unreadable["reason"]
    assert EVERY_SHAPE in titles(tmp_path / "out")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--stage", "Nowhere"), "no stage 'Nowhere', only ['Annotate', 'Review', 'Complete', 'Archive']"),
        (("--dataset", "Nothing"), "no dataset 'Nothing', only ['Benchmark', 'Production']"),
        (("--metadata", "light"), "is not KEY=VALUE"),
        (("--edited-since", "yesterday"), "--edited-since: 'yesterday' is no moment"),
        (("--edited-until", ""), "--edited-until: '' is no moment"),
        (("--format", "yolo", "--split", "train=0.5,val=0.4,names=0.1"), "another use for the names ['names']"),
        (("--split", "train=0.9"), "do not add up to 1"),
        (("--data-hashes", "/nowhere.json"), "No such file"),
    ],
)
def test_faulty_options_are_refused_by_name(
    site: Gallery, tmp_path: Path, arguments: tuple[str, str], message: str
) -> None:
    done = site.run("export", "--out", tmp_path / "out", "--format", "coco", *arguments)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


def test_without_encord_the_exit_code_is_three_and_nothing_is_published(own: Gallery, tmp_path: Path) -> None:
    own.control("POST", "faults", json={"kind": "status", "status": 503, "times": 99, "retry_after": 60})
    done = own.run("export", "--out", tmp_path / "out", "--format", "coco")
    assert done.exit_code == 3
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_person_reads_what_was_exported_and_what_was_not(site: Gallery, tmp_path: Path) -> None:
    done = site.run("export", "--out", tmp_path / "out", "--format", "coco")
    assert done.exit_code == 0
    assert "1 data units not exported: benchmark item" in done.stdout
    assert done.stdout.count("coco: 1 of shape polyline have no place in it") == 1
    assert UNOPENED not in done.stdout
