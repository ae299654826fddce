"""`benchmark choose --apply` is killed while it reads and while it links; run again, every item is there once."""

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from tests.integration.curation.pictures import jpeg, scene
from tests.integration.registration.conftest import OPERATOR, Site, open_site

ITEMS, CHOSEN = 2_400, 2_200
LINK = "legacy datasetlinkitems.POST"


def kill_when(site: Site, reached: Callable[[], bool], *command: Any) -> None:
    with site.start(*command) as process:
        while not reached() and process.poll() is None:
            time.sleep(0.01)
        assert process.poll() is None, "it was done before it could be killed"
        process.kill()
        process.communicate()


def slow_down(site: Site, operation: str) -> None:
    fault = {"kind": "latency", "seconds": 0.5, "operation": operation, "times": 100}
    requests.post(f"{site.running.url}/_emulator/faults", json=fault, timeout=10).raise_for_status()


def datasets(site: Site) -> list[Any]:
    return [found["dataset"] for found in site.client.get_datasets(title_eq="Benchmark")]


def linked(site: Site) -> Counter[str]:
    """Items of the dataset, which there is one of at most."""
    found = datasets(site)
    assert len(found) <= 1
    rows = site.client.get_dataset(found[0].dataset_hash).list_data_rows() if found else []
    return Counter(str(row.backing_item_uuid) for row in rows)


def test_items_are_linked_once_after_kills_at_the_making_of_the_dataset_and_between_its_parts(tmp_path: Path) -> None:
    film = {"type": "video", "width": 160, "height": 120, "frames": 10, "fps": 5, "duration": 2}
    items = [{"name": f"{number}.mp4", **film} for number in range(ITEMS)]
    out = tmp_path / "chosen.json"
    command = ("benchmark", "choose", "--folder", "Films", "--out", out, "--count", CHOSEN,
               "--dataset", "Benchmark", "--apply")  # fmt: skip
    with open_site({"folders": [{"name": "Films", "users": {OPERATOR: "admin"}, "items": items}]}) as site:
        slow_down(site, LINK)
        kill_when(site, lambda: bool(datasets(site)), *command)
        kill_when(site, lambda: len(linked(site)) >= 1_000, *command)
        there = linked(site)
        assert 1_000 <= len(there) < CHOSEN
        requests.delete(f"{site.running.url}/_emulator/faults", timeout=10)
        done = site.run(*command)
        assert done.exit_code == 0, done.output
        after = linked(site)
        assert there <= after
        assert after == Counter(item["uuid"] for item in json.loads(out.read_text())["items"])
        assert len(after) == CHOSEN
        assert site.run(*command).exit_code == 0
        assert linked(site) == after


def test_pictures_read_before_a_kill_are_not_read_again(tmp_path: Path) -> None:
    pictures = [{"name": f"{n}.jpg", "type": "image", "width": 160, "height": 120, "mime_type": "image/jpeg",
                 "content_base64": jpeg(scene(n))} for n in range(120)]  # fmt: skip
    out, notes = tmp_path / "chosen.json", tmp_path / "chosen.json.hashes"
    command = ("benchmark", "choose", "--folder", "Scenes", "--out", out, "--count", 12, "--parallel", 1,
               "--dataset", "Benchmark", "--apply")  # fmt: skip

    def noted() -> int:
        return notes.read_bytes().count(b"\n") if notes.exists() else 0

    with open_site({"folders": [{"name": "Scenes", "users": {OPERATOR: "admin"}, "items": pictures}]}) as site:
        kill_when(site, lambda: noted() >= 10, *command)
        before = noted()
        assert 10 <= before < 120
        assert not datasets(site)
        done = site.run(*command)
        assert done.exit_code == 0, done.output
        known = [line for line in notes.read_text().splitlines() if line]
        assert len(set(known)) >= 120
        assert len(known) <= 121  # the line that the kill may have cut short
        assert len(linked(site)) == 12
