"""Frozen exports: the same bytes while people go on, after kills, and when only some rows are read again."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.workflow.stages.annotation import AnnotationStage

from benchmark_qa.commands.export.manifest import structure_hash

from .gallery import (
    ANNOTATORS,
    EMPTY,
    EVERY_SHAPE,
    SAME_ONE,
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

ALL_FORMATS = [word for name in ("encord", "coco", "yolo", "parquet") for word in ("--format", name)]
MANY = 400


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Gallery]:
    """A gallery that the test may change."""
    with gallery(tmp_path / "gallery") as site:
        yield site


@contextmanager
def people_at_work(site: Gallery) -> Iterator[list[str]]:
    """Annotators draw on finished images, submit what waits, and take work up again, until the block ends."""
    stop, done, errors = threading.Event(), list[str](), list[BaseException]()

    def work() -> None:
        try:
            turn = 0
            while not stop.is_set():
                turn += 1
                for title in (SAME_ONE, EVERY_SHAPE, EMPTY, UNOPENED):
                    row = site.row(title)  # an admin may label what is finished, too
                    shift = 0.01 * (turn % 10)
                    add(row, "other box", BoundingBoxCoordinates(height=0.1, width=0.1, top_left_x=shift, top_left_y=0))
                    row.save()
                    done.append(title)
                site.row(SAME_ONE).workflow_reopen()
                stage = site.project(ANNOTATORS[0]).workflow.get_stage(name="Annotate", type_=AnnotationStage)
                for task in list(stage.get_tasks()):
                    task.submit()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        while len(done) < 4 and not errors:
            time.sleep(0.01)
        yield done
    finally:
        stop.set()
        thread.join(60)
    assert not errors, errors


def test_twice_from_a_snapshot_gives_the_same_bytes_while_annotators_keep_working(own: Gallery, tmp_path: Path) -> None:
    first = own.export(tmp_path / "first", *ALL_FORMATS, "--snapshot", "v1")
    with people_at_work(own) as done:
        before = len(done)
        second = own.export(tmp_path / "second", *ALL_FORMATS, "--snapshot", "v1")
        live = own.export(tmp_path / "live", *ALL_FORMATS)
        while len(done) < before + 4:
            time.sleep(0.01)
        own.export(tmp_path / "third", *ALL_FORMATS, "--snapshot", "v1")
    frozen = content(tmp_path / "first")
    assert content(tmp_path / "second") == frozen
    assert content(tmp_path / "third") == frozen
    assert len(frozen) > 15
    assert first["counts"] == second["counts"]
    assert first["snapshot"]["name"] == "v1"
    assert live["counts"]["objects"]["other box"] > first["counts"]["objects"]["other box"]


def test_a_snapshot_made_while_annotators_work_is_whole_and_repeats(own: Gallery, tmp_path: Path) -> None:
    with people_at_work(own):
        own.export(tmp_path / "first", "--format", "coco", "--snapshot", "busy")
        own.export(tmp_path / "second", "--format", "coco", "--snapshot", "busy")
    assert content(tmp_path / "first") == content(tmp_path / "second")


def test_a_snapshot_that_somebody_has_edited_is_reported(own: Gallery, tmp_path: Path) -> None:
    own.export(tmp_path / "out", "--format", "coco", "--snapshot", "v1")
    row = own.row(SAME_ONE, branch_name="v1")
    add(row, "box", coordinates()["box"])
    row.save()
    said = own.export(tmp_path / "out", "--format", "coco", "--snapshot", "v1")
    assert said["edited_since_frozen"] == 1
    assert said["rows_read"] == 1


def test_freezing_leaves_main_as_it_is(own: Gallery, tmp_path: Path) -> None:
    before = own.control("GET", "world")
    own.export(tmp_path / "out", "--format", "coco", "--snapshot", "v1")
    after = own.control("GET", "world")
    on_main = [
        [row for row in world["labels"] if row.get("branch_name", "main") == "main"] for world in (before, after)
    ]
    assert on_main[0] == on_main[1]
    project = own.project()
    assert {b for b in project.list_branches() if not b.startswith("v1.sealed.")} == {"main", "v1"}
    (row,) = project.list_label_rows_v2(data_hashes=[data_hash(UNOPENED)])
    assert row.label_hash is None


def test_a_snapshot_keeps_to_the_filters_it_was_made_by(own: Gallery, tmp_path: Path) -> None:
    said = own.export(tmp_path / "night", "--format", "coco", "--snapshot", "night", "--metadata", "light=night")
    assert said["rows"] == 2
    done = own.run("export", "--out", tmp_path / "other", "--format", "coco", "--snapshot", "night")
    assert done.exit_code == 2
    assert "other filters" in done.stderr
    again = own.export(tmp_path / "again", "--format", "coco", "--snapshot", "night", "--metadata", "light=night")
    assert again["rows"] == 2


@pytest.mark.parametrize("name", ["main", "encord-mine", "no spaces", "a.sealed.b", ""])
def test_names_that_cannot_be_a_snapshots_are_refused(site: Gallery, tmp_path: Path, name: str) -> None:
    done = site.run("export", "--out", tmp_path / "out", "--format", "coco", "--snapshot", name)
    assert done.exit_code == 2
    assert "cannot name a snapshot" in done.stderr


def test_a_freeze_that_was_cut_short_is_completed_by_the_next_run(own: Gallery, tmp_path: Path) -> None:
    project = own.project()
    some = [row.label_hash for row in project.list_label_rows_v2(data_title_like="%same%") if row.label_hash]
    project.copy_labels_to_branch("v1", label_hashes=some)  # all that the killed run got to
    said = own.export(tmp_path / "out", "--format", "coco", "--snapshot", "v1")
    live = own.export(tmp_path / "live", "--format", "coco")
    assert said["counts"] == live["counts"]


def test_only_rows_edited_since_are_read_again_and_the_result_is_that_of_a_fresh_export(
    own: Gallery, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = own.export(out, *ALL_FORMATS)
    again = own.export(out, *ALL_FORMATS)
    assert (again["rows_read"], again["rows"]) == (0, first["rows"])
    row = own.row(EMPTY)
    add(row, "mask", coordinates()["mask"])
    row.save()
    video = own.row(VIDEO)
    for item in video.get_object_instances():
        video.remove_object(item)
    video.save()
    own.control("DELETE", "requests")
    third = own.export(out, *ALL_FORMATS)
    assert third["rows_read"] == 2
    assert own.requests_made()["legacy labelrow.GET"] == 1
    fresh = own.export(tmp_path / "fresh", *ALL_FORMATS)
    assert fresh["rows_read"] == fresh["rows"] - 1  # one was never opened
    assert content(out) == content(tmp_path / "fresh")
    assert not list((out / "yolo").rglob("walk_*"))


def test_pixels_that_somebody_put_into_the_folder_stay(own: Gallery, tmp_path: Path) -> None:
    out = tmp_path / "out"
    own.export(out, "--format", "yolo")
    pixels = out / "yolo" / "images" / "train" / EMPTY
    pixels.parent.mkdir(parents=True)
    pixels.write_bytes(b"pixels")
    own.export(out, "--format", "yolo", "--title", "same*")
    assert pixels.read_bytes() == b"pixels"
    assert not (out / "yolo" / "labels" / "train" / "empty.txt").exists()


def _many(world: dict[str, Any]) -> None:
    """Hundreds of finished images with a box each."""
    hashes = [data_hash(f"many/{n}") for n in range(MANY)]
    box = {"objectHash": "object00", "featureHash": "Obox____", "shape": "bounding_box", "name": "box"}
    box["boundingBox"] = {"x": 0.1, "y": 0.1, "w": 0.5, "h": 0.5}  # type: ignore[assignment]
    world["datasets"][0]["data"] += [
        {"hash": h, "title": f"many {n}.png", "width": 64, "height": 48} for n, h in enumerate(hashes)
    ]
    production = world["projects"][0]
    production["tasks"] = [{"data_hash": h, "stage": "Complete"} for h in hashes]
    world["labels"] = [
        {
            "project": production["hash"],
            "data_hash": h,
            "created_by": ANNOTATORS[0],
            "labels": {"data_units": {h: {"labels": {"objects": [box], "classifications": []}}}},
        }
        for h in hashes
    ]


def test_killed_in_the_middle_and_run_again_gives_the_same_bytes(tmp_path: Path) -> None:
    with gallery(tmp_path / "gallery", _many) as site:
        whole = site.export(tmp_path / "whole", *ALL_FORMATS, "--snapshot", "v1")
        out, rows_on_disk = tmp_path / "killed", tmp_path / "killed.rows"
        slow = {"kind": "latency", "seconds": 30, "operation": "legacy labelrow.GET", "skip": 1}
        site.control("POST", "faults", json=slow)  # the second bundle hangs
        process = site.start("export", "--out", out, *ALL_FORMATS, "--snapshot", "v1")
        deadline = time.monotonic() + 60
        while _size(rows_on_disk) < 20_000 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)  # until the first bundle is on disk
        process.kill()
        process.communicate()
        assert process.returncode == -9
        assert not (out / "manifest.json").exists()
        site.control("DELETE", "faults")
        resumed = site.export(out, *ALL_FORMATS, "--snapshot", "v1")
        assert 0 < resumed["rows_read"] < whole["rows"]
        assert content(out) == content(tmp_path / "whole")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def test_killed_while_it_writes_nothing_half_is_taken_for_whole(tmp_path: Path) -> None:
    with gallery(tmp_path / "gallery", _many) as site:
        whole, out = tmp_path / "whole", tmp_path / "killed"
        site.export(whole, *ALL_FORMATS)
        process = site.start("export", "--out", out, *ALL_FORMATS)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if len(list(out.rglob("*.txt"))) > 20:
                break
            time.sleep(0.005)
        process.kill()
        process.communicate()
        assert process.returncode == -9
        assert not (out / "manifest.json").exists()
        site.export(out, *ALL_FORMATS)
        assert content(out) == content(whole)


def test_the_ontologys_structure_is_hashed_as_it_is_exported(site: Gallery, tmp_path: Path) -> None:
    site.export(tmp_path / "out", "--format", "encord")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    ontology = json.loads((tmp_path / "out" / "encord" / "ontology.json").read_text())
    assert manifest["ontology"]["structure_sha256"] == structure_hash(ontology)


def test_what_waits_for_its_annotator_is_not_exported(site: Gallery, tmp_path: Path) -> None:
    site.export(tmp_path / "out", "--format", "coco")
    images = json.loads((tmp_path / "out" / "coco" / "annotations" / "instances_train.json").read_text())["images"]
    assert WAITING not in {image["data_title"] for image in images}
