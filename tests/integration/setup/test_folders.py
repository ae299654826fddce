"""Folders of a set-up on an emulator: kept in step with a bucket, described, shared; and 'register sync'."""

from __future__ import annotations

from pathlib import Path

from encord.storage import StorageFolder

from benchmark_qa.commands.setup.declaration import read_declaration
from tests.integration.setup.conftest import HALF, Site
from tests.integration.setup.setup_files import write_setup

URL = "s3://bucket/"


def folder_of(site: Site, title: str) -> StorageFolder:
    (found,) = [folder for folder in site.client().find_storage_folders(search=title) if folder.name == title]
    return found


def test_a_synced_described_and_shared_folder_is_made_once_and_filled(site: Site, tmp_path: Path) -> None:
    site.client().create_group("Labelers")
    file = write_setup(tmp_path)
    own = f'sync = "{URL}"\nintegration = "{HALF}"\nmetadata = {{ site = "Berlin" }}\ngroups = {{ Labelers = "user" }}'
    file.write_text(file.read_text().replace('upload = "production photos"', own))
    assert read_declaration(file.read_text()).folders[1].sync == URL
    done = site.run("setup", "apply", file, "--yes")
    assert done.exit_code == 0, done.output

    folder = folder_of(site, "Production")
    assert (folder.remote_url, folder.client_metadata) == (URL, {"site": "Berlin"})
    assert [(group.name, group.user_role.value) for group in folder.list_groups()] == [("Labelers", "user")]
    assert [item.name for item in folder.list_items()] == ["0.png"]
    assert site.plan(file) == {}

    folder.update(client_metadata={"site": "Paris"})
    drift = site.plan(file)
    assert [change["message"] for change in drift.pop("drift")] == ["metadata 'site' is 'Paris', not 'Berlin'"]
    assert drift == {}


def test_a_synced_folder_is_made_by_command_and_synced_again(site: Site) -> None:
    command = ("register", "sync", "--folder", "Synced")
    made = site.run(*command, "--url", URL, "--integration", HALF)
    assert made.exit_code == 0, made.output
    assert "1 files of s3://bucket/ have been registered in 'Synced'" in made.stdout
    assert site.run(*command).exit_code == 0
    assert [item.name for item in folder_of(site, "Synced").list_items()] == ["0.png"]


def test_what_cannot_be_synced_is_refused_with_the_reason(site: Site) -> None:
    site.client().create_storage_folder("Ordinary")
    ordinary = site.run("register", "sync", "--folder", "Ordinary")
    assert (ordinary.exit_code, "is not kept in step with a bucket" in ordinary.stderr) == (3, True)
    other = site.run("register", "sync", "--folder", "Ordinary", "--url", URL, "--integration", HALF)
    assert (other.exit_code, "folder 'Ordinary' is an ordinary folder" in other.stderr) == (3, True)
    half = site.run("register", "sync", "--folder", "Ordinary", "--url", URL)
    assert (half.exit_code, half.stderr) == (2, "--url and --integration belong together\n")
