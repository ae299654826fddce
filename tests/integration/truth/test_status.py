"""`truth status` beside importing, scoring, editing, excluding and restoring: real labels, service and sockets."""

import json
from pathlib import Path
from typing import Any

from benchmark_qa.terminal.failures import INCOMPLETE
from tests.integration.service.sandbox import BENCHMARK, Unit, platform
from tests.integration.truth.coco_files import coco_of, written
from tests.integration.truth.conftest import Bench, Open


def status(bench: Bench) -> tuple[int, dict[str, int], dict[str, Any]]:
    """Exit code, counts, items by title."""
    done = bench.run("truth", "status", "--json")
    said = json.loads(done.stdout)
    return done.exit_code, said["counts"], {item["title"]: item for item in said["items"]}


def test_imported_truth_is_unreviewed_until_its_tasks_are_complete(
    opened: Open, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    images = pedestrians["images"][:40]
    source = written(tmp_path / "truth.json", coco_of(images))
    with opened(40) as bench:
        code, counts, _ = status(bench)
        assert (code, counts["unreviewed"]) == (INCOMPLETE, 40)
        bench.run("truth", "import", source, "--unannotated", "empty")
        assert status(bench)[1]["unreviewed"] == 40
        bench.run("truth", "import", source, "--complete", "--unannotated", "empty")
        code, counts, items = status(bench)
        assert code == 0
        nobody = sorted(f"{image['id']}.jpg" for image in images if not image["ground_truth"])
        assert nobody
        assert sorted(title for title, item in items.items() if item["state"] == "empty") == nobody
        assert counts["complete"] == 40 - len(nobody)


def test_truth_that_changes_after_scoring_is_told_until_it_is_scored_again(
    pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    images = [image for image in pedestrians["images"] if image["ground_truth"]][:6]
    with platform([Unit(image, stage="Score") for image in images]) as sandbox:
        bench = Bench(sandbox)
        assert bench.run("evaluate").exit_code == 0
        assert status(bench)[0] == 0
        document = coco_of(images[:1])
        document["annotations"][0]["bbox"] = [1, 2, 30, 40]
        source = written(tmp_path / "truth.json", document)
        sandbox.control("POST", "clock", json={"advance_seconds": 60})
        assert bench.run("truth", "import", source, "--replace").exit_code == 0
        code, counts, items = status(bench)
        changed = items[f"{images[0]['id']}.jpg"]
        assert (code, counts["changed_since_scored"]) == (INCOMPLETE, 1)
        assert changed["outdated"] == changed["scores"] == len(images[0]["annotations"])
        assert bench.run("rescore").exit_code == 0
        assert status(bench)[0] == 0


def test_an_excluded_item_needs_nothing_and_needs_it_again_once_restored(
    opened: Open, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    source = written(tmp_path / "truth.json", coco_of(pedestrians["images"][:4]))
    with opened(5) as bench:
        assert bench.run("truth", "import", source, "--complete").exit_code == 0
        code, counts, items = status(bench)
        assert (code, counts["unreviewed"]) == (INCOMPLETE, 1)
        (waiting,) = [item["data_hash"] for item in items.values() if item["state"] == "unreviewed"]
        excluded = bench.run("truth", "exclude", waiting, "--reason", "no truth", "--operator", "me")
        assert excluded.exit_code == 0
        code, counts, items = status(bench)
        assert (code, counts["excluded"]) == (0, 1)
        assert next(item for item in items.values() if item["data_hash"] == waiting)["excluded"] == "no truth"
        assert bench.run("truth", "restore", waiting, "--reason", "now", "--operator", "me").exit_code == 0
        assert status(bench)[0] == INCOMPLETE


def test_the_table_names_what_needs_work(opened: Open, pedestrians: dict[str, Any]) -> None:
    with opened(3) as bench:
        shown = bench.run("truth", "status")
        assert "unreviewed" in shown.stdout
        assert "3 items" in shown.stdout
        assert bench.stages(BENCHMARK)["Annotate"] == 3
