"""Registration and upload are killed, again and again, and resumed: everything is there once."""

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import requests

from tests.integration.emulator import media_files
from tests.integration.registration.conftest import INTEGRATION, Site

ITEMS = 20_000


def kill_on_the_way(site: Site, command: list[str], progress: Callable[[], int], total: int, *, times: int) -> int:
    """Runs a command and kills it with work under way, again and again; returns how much was done by then."""
    for kill in range(times):
        before = progress()
        goal = before + (total - before) // (times + 1 - kill)
        with site.start(*command) as process:
            while progress() < goal and process.poll() is None:
                time.sleep(0.01)
            assert process.poll() is None, "it was done before it could be killed"
            process.kill()
            process.communicate()
    return progress()


def items_by_url(site: Site, title: str) -> Counter[str | None]:
    return Counter(item.url for item in site.folder(title).list_items(page_size=1_000, include_client_metadata=False))


def test_twenty_thousand_items_killed_five_times_are_registered_once_each(site: Site, tmp_path: Path) -> None:
    urls = [f"s3://bucket/day-{n % 7}/{n}.png" for n in range(ITEMS)]
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("url\n" + "\n".join(urls))
    out = tmp_path / "out"
    assert site.run("register", "build", manifest, "--out", out, "--storage", "s3").exit_code == 0
    site.client.create_storage_folder("killed")
    storage = site.running.emulator.platform.storage
    (folder,) = [folder for folder in storage.folders.values() if folder.name == "killed"]

    command = [
        "register",
        "run",
        str(out),
        "--folder",
        "killed",
        "--integration",
        INTEGRATION,
        "--items-per-job",
        "200",
    ]
    at_last_kill = kill_on_the_way(site, command, lambda: len(folder.items), ITEMS, times=5)
    assert 0 < at_last_kill < ITEMS

    done = site.run(*command)
    assert done.exit_code == 0, done.stderr
    assert f"{ITEMS:,} items are in 'killed'" in done.stdout
    assert items_by_url(site, "killed") == Counter(urls)

    jobs = folder.upload_jobs
    assert site.run(*command).exit_code == 0
    assert folder.upload_jobs == jobs, "a run that finds everything done starts no job"


def test_a_job_whose_answer_is_lost_registers_nothing_twice(site: Site, tmp_path: Path) -> None:
    (tmp_path / "registration-0001.json").write_text(
        json.dumps({"images": [{"objectUrl": f"s3://bucket/lost/{n}.png"} for n in range(50)]})
    )
    operation = "POST storage/folders/{folder}/data-upload-jobs"
    fault = {"operation": operation, "kind": "drop", "after_effect": True, "times": 2}
    assert requests.post(f"{site.running.url}/_emulator/faults", json=fault, timeout=10).ok
    command = ("--folder", "lost", "--create-folder", "--integration", INTEGRATION, "--items-per-job", "10")
    done = site.run("register", "run", tmp_path, *command)
    assert done.exit_code == 0, done.stderr
    assert items_by_url(site, "lost") == Counter(f"s3://bucket/lost/{n}.png" for n in range(50))


def test_items_that_cannot_be_registered_are_reported_each_and_tried_again(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "registration.json"
    path.write_text('{"images": [\n{"objectUrl": "s3://half/there.png"},\n{"objectUrl": "s3://half/gone.png"}]}')
    errors = tmp_path / "errors.csv"
    command = ("--folder", "half", "--create-folder", "--integration", "Half", "--errors", errors)
    for _ in range(2):
        done = site.run("register", "run", path, *command)
        assert done.exit_code == 4
        assert "1 items are in 'half'" in done.stdout
        assert "line 3: s3://half/gone.png: The object does not exist" in done.stderr
        assert errors.read_text().splitlines()[0] == "line,item,reason,file"
        assert errors.read_text().splitlines()[1].startswith("3,s3://half/gone.png,")
    assert items_by_url(site, "half") == Counter(["s3://half/there.png"])


def test_uploads_killed_on_the_way_are_there_once_each(site: Site, tmp_path: Path) -> None:
    files = 150
    (tmp_path / "pictures").mkdir()
    for n in range(files):
        media_files.png(tmp_path / "pictures" / f"{n}.png", shade=n % 256)
    site.client.create_storage_folder("killed uploads")
    storage = site.running.emulator.platform.storage
    (folder,) = [folder for folder in storage.folders.values() if folder.name == "killed uploads"]
    command = ["upload", str(tmp_path / "pictures"), "--folder", "killed uploads"]
    kill_on_the_way(site, command, lambda: len(folder.items), files, times=2)
    done = site.run(*command)
    assert done.exit_code == 0, done.stderr
    names = Counter(item.name for item in site.folder("killed uploads").list_items(page_size=1_000))
    assert names == Counter(f"{n}.png" for n in range(files))


def test_what_a_kill_left_unnoted_is_found_out(site: Site, tmp_path: Path) -> None:
    """The journal as it is when the kill comes after a job has begun and before that is noted."""
    (tmp_path / "pictures").mkdir()
    for n in range(30):
        media_files.png(tmp_path / "pictures" / f"{n}.png", shade=n)
    path = tmp_path / "registration.json"
    path.write_text(json.dumps({"images": [{"objectUrl": f"s3://bucket/unnoted/{n}.png"} for n in range(30)]}))
    commands = {
        "unnoted upload": (("upload", tmp_path / "pictures"), tmp_path / "pictures.progress"),
        "unnoted": (("register", "run", path, "--integration", INTEGRATION), tmp_path / "registration.json.progress"),
    }
    for folder, (command, journal) in commands.items():
        assert site.run(*command, "--folder", folder, "--create-folder").exit_code == 0
        before = {item.uuid for item in site.folder(folder).list_items()}
        assert len(before) == 30
        notes = [line for line in journal.read_text().splitlines() if '"done"' not in line and '"job"' not in line]
        journal.write_text("\n".join([*notes, '{"key": "to']))
        assert site.run(*command, "--folder", folder).exit_code == 0
        assert {item.uuid for item in site.folder(folder).list_items()} == before
