"""`benchmark choose` against the emulator: pictures read through signed URLs, items linked to a dataset."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.curation.pictures import again, jpeg, scene
from tests.integration.registration.conftest import OPERATOR, Site, open_site

WEATHER = ("sun", "sun", "sun", "rain")
SCENES = 60


def world() -> dict[str, Any]:
    """Sixty scenes in two folders, a quarter of them in rain; twelve are there twice; one picture is none."""
    items: list[dict[str, Any]] = []
    for number in range(SCENES):
        metadata = {"weather": WEATHER[number % 4], "camera": number % 3}
        picture = scene(number)
        items.append({"name": f"{number}.jpg", "content_base64": jpeg(picture), "client_metadata": metadata})
        if number < 12:
            copy = jpeg(again(picture), quality=70)
            items.append({"name": f"{number}-again.jpg", "content_base64": copy, "client_metadata": metadata})
    items = [{**item, "type": "image", "width": 160, "height": 120, "mime_type": "image/jpeg"} for item in items]
    broken = {"name": "broken.jpg", "type": "image", "width": 1, "height": 1, "content_base64": "bm8gcGljdHVyZQ=="}
    film = {"name": "film.mp4", "type": "video", "width": 160, "height": 120, "frames": 10, "fps": 5, "duration": 2}
    mine = {"users": {OPERATOR: "admin"}}
    return {
        "folders": [
            {"name": "Monday", **mine, "items": items[:40]},
            {"name": "Tuesday", **mine, "items": items[40:]},
            {"name": "Odd", **mine, "items": [broken, film]},
        ]
    }


@pytest.fixture
def site() -> Iterator[Site]:
    with open_site(world()) as running:
        yield running


def chosen(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def linked(site: Site, title: str) -> list[str]:
    """Titles of the items of a dataset."""
    (found,) = site.client.get_datasets(title_eq=title)
    return sorted(row.title for row in site.client.get_dataset(found["dataset"].dataset_hash).list_data_rows())


BOTH = ("--folder", "Monday", "--folder", "Tuesday")


def test_the_choice_is_stratified_has_no_near_duplicates_and_its_size_is_explained(site: Site, tmp_path: Path) -> None:
    out = tmp_path / "chosen.json"
    done = site.run("benchmark", "choose", *BOTH, "--out", out, "--stratify", "weather", "--share", "0.2")
    assert done.exit_code == 0, done.output
    document = chosen(out)
    assert document["size"]["items"] == 12
    assert "20.0% of 60 items: 12" in done.stdout
    assert "more than the usual 5% to 15%" in done.stdout
    assert {(*each["stratum"], each["chosen"], each["of"]) for each in document["strata"]} == {
        ("sun", 9, 45),
        ("rain", 3, 15),
    }
    assert len(document["near_duplicates"]) == 12
    scenes = Counter(item["title"].split(".")[0].removesuffix("-again") for item in document["items"])
    assert set(scenes.values()) == {1}


def test_the_seed_settles_the_choice_and_no_picture_is_read_twice(site: Site, tmp_path: Path) -> None:
    def titles(name: str, seed: int) -> list[str]:
        out, hashes = tmp_path / f"{name}.json", tmp_path / "hashes"
        done = site.run("benchmark", "choose", *BOTH, "--out", out, "--hashes", hashes, "--seed", seed)
        assert done.exit_code == 0, done.output
        return [item["title"] for item in chosen(out)["items"]]

    def read() -> int:
        """Requests for signed URLs: one for each hundred pictures."""
        counts = requests.get(f"{site.running.url}/_emulator/requests", timeout=10).json()["counts"]
        return sum(each["count"] for each in counts if "get-bulk" in each["operation"])

    first = titles("first", 1)
    assert read() == 1
    requests.delete(f"{site.running.url}/_emulator/requests", timeout=10)
    assert titles("second", 1) == first
    assert read() == 0
    assert titles("third", 2) != first


def test_applied_items_are_in_the_dataset_and_a_second_run_adds_nothing(site: Site, tmp_path: Path) -> None:
    out = tmp_path / "chosen.json"
    choose = ("benchmark", "choose", *BOTH, "--out", out, "--count", 10, "--dataset", "Benchmark", "--apply")
    assert site.run(*choose).exit_code == 0
    there = linked(site, "Benchmark")
    assert there == sorted(item["title"] for item in chosen(out)["items"])
    assert len(there) == 10
    again_done = site.run(*choose)
    assert again_done.exit_code == 0
    assert "10 items are in it already, 0 are in 'Benchmark' now" in again_done.stdout
    assert linked(site, "Benchmark") == there
    assert site.run(*choose[:-4], "14", *choose[-3:]).exit_code == 0
    assert set(there) < set(linked(site, "Benchmark"))
    assert len(linked(site, "Benchmark")) == 14


def test_what_is_in_another_dataset_is_left_out(site: Site, tmp_path: Path) -> None:
    out = tmp_path / "production.json"
    produce = ("benchmark", "choose", "--folder", "Monday", "--out", out, "--count", 20, "--dataset", "Production")
    assert site.run(*produce, "--apply").exit_code == 0
    rest = tmp_path / "benchmark.json"
    done = site.run("benchmark", "choose", *BOTH, "--out", rest, "--count", 30, "--not-in", "Production")
    assert done.exit_code == 0, done.output
    assert not {i["uuid"] for i in chosen(rest)["items"]} & {i["uuid"] for i in chosen(out)["items"]}
    misspelt = site.run("benchmark", "choose", *BOTH, "--out", rest, "--count", 3, "--not-in", "Produktion")
    assert misspelt.exit_code == 2
    assert "there is no dataset 'Produktion'" in misspelt.stderr


def test_a_width_and_a_crew_say_how_many_items_are_needed(site: Site, tmp_path: Path) -> None:
    out = tmp_path / "chosen.json"
    size = ("--interval-width", 0.3, "--annotators", 6, "--tasks-each", 200, "--per-item", 3, "--spare", 0)
    done = site.run("benchmark", "choose", *BOTH, "--out", out, *size)
    assert done.exit_code == 0, done.output
    # 23 benchmark tasks for each of six people, three people on an item: 6 x 23 / 3.
    assert chosen(out)["size"]["tasks_of_an_annotator"] == 23
    assert len(chosen(out)["items"]) == 46
    assert "so that nobody meets one twice" in done.stdout
    too_many = site.run("benchmark", "choose", *BOTH, "--out", out, "--interval-width", 0.1, "--annotators", 6)
    assert too_many.exit_code == 2
    assert "there are 60 to choose from (12 near-duplicates left out)" in too_many.stderr


def test_a_picture_that_cannot_be_read_is_no_item_and_a_film_is_nobodys_duplicate(site: Site, tmp_path: Path) -> None:
    out = tmp_path / "chosen.json"
    done = site.run("benchmark", "choose", "--folder", "Odd", "--out", out, "--count", 1)
    assert done.exit_code == 4
    document = chosen(out)
    assert [item["title"] for item in document["items"]] == ["film.mp4"]
    assert list(document["unread"].values()) == ["no readable image (UnidentifiedImageError)"]


def test_folders_that_are_not_there_and_sizes_that_contradict_themselves_are_refused(
    site: Site, tmp_path: Path
) -> None:
    out = tmp_path / "chosen.json"
    gone = site.run("benchmark", "choose", "--folder", "Sunday", "--out", out)
    assert gone.exit_code == 2
    assert "there is no folder 'Sunday'" in gone.stderr
    both = site.run("benchmark", "choose", *BOTH, "--out", out, "--share", 0.1, "--interval-width", 0.2)
    assert both.exit_code == 2
    assert "give one" in both.stderr
    nowhere = site.run("benchmark", "choose", *BOTH, "--out", out, "--apply")
    assert nowhere.exit_code == 2
    assert not out.exists()
