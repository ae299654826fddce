"""The guard of a live run: whatever a check does wrong, nothing but what the run has made is written to."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests
from encord import Dataset, EncordUserClient, Project
from encord.objects import OntologyStructure
from encord.orm.dataset import StorageLocation
from encord.orm.project import ProjectStatus
from encord.storage import StorageFolder
from encord.utilities.project_user import ProjectUserRole
from typer.testing import CliRunner

from emulator.__main__ import app
from emulator.testing import running
from emulator.verify import command
from emulator.verify.command import NOT_TRIED
from emulator.verify.guard import Guard, GuardRefusal, StoppedRun
from emulator.verify.journal import Journal
from emulator.verify.observing import upload
from emulator.world import World

from .conftest import BENCHMARK, BENCHMARK_DATA, OPERATOR, PROJECT, Site, Start
from .test_verify import live, live_world

RUN = "0123abcd"


@dataclass
class Scene:
    """Somebody's account with things of their own, and things that the run has made."""

    site: Site
    journal: Journal
    guard: Guard
    client: EncordUserClient
    folder: StorageFolder
    dataset: Dataset
    mine: Project
    theirs: Project

    def world(self) -> Any:
        return self.site.control("GET", "world")


@pytest.fixture
def scene(start: Start, tmp_path: Path) -> Scene:
    site = start()
    client = site.client()
    their_folder = client.create_storage_folder("Theirs")
    their_folder.create_subfolder("Inner")
    theirs = client.get_project(PROJECT)
    journal = Journal(tmp_path / f"bqa-verify-{RUN}.jsonl")
    guard = Guard(site.url, journal, budget=1000, people=[OPERATOR])
    with guard.installed():
        folder = client.create_storage_folder(journal.title("folder"))
        made = client.create_dataset(
            journal.title("dataset"), StorageLocation.CORD_STORAGE, create_backing_folder=False
        )
        dataset = client.get_dataset(made.dataset_hash)
        dataset.link_items([upload(folder)])
        ontology = client.create_ontology(journal.title("ontology"), "", OntologyStructure())
        project_hash = client.create_project(
            journal.title("project"), [made.dataset_hash], ontology_hash=ontology.ontology_hash
        )
        mine = client.get_project(project_hash)
    return Scene(site, journal, guard, client, folder, dataset, mine, theirs)


def their_folder(scene: Scene) -> StorageFolder:
    return next(folder for folder in scene.client.list_storage_folders() if folder.name == "Theirs")


def their_item(scene: Scene) -> UUID:
    return scene.client.get_dataset(BENCHMARK).data_rows[0].backing_item_uuid


def opened(scene: Scene) -> None:
    (row,) = scene.theirs.list_label_rows_v2(data_hashes=[BENCHMARK_DATA[0]])
    row.initialise_labels()


def moved(scene: Scene) -> None:
    task = next(iter(scene.theirs.workflow.get_stage(name="Routing").get_tasks()))
    task.proceed(pathway_name="Yes")


def their_task_in_my_project(scene: Scene) -> None:
    task = next(iter(scene.theirs.workflow.get_stage(name="Routing").get_tasks()))
    stage = scene.mine.workflow.get_stage(name="Annotate")
    stage._workflow_client.api_client.post(
        f"projects/{scene.mine.project_hash}/workflow/stages/{stage.uuid}/actions",
        params=None,
        payload=[_Raw({"taskUuid": str(task.uuid), "action": "SUBMIT"})],
        result_type=None,
    )


class _Raw:
    """A body as the SDK's payloads are."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._body = body

    def to_dict(self) -> dict[str, Any]:
        return self._body


HOSTILE: dict[str, Callable[[Scene], Any]] = {
    "deletes another folder": lambda s: their_folder(s).delete(),
    "makes a folder in another": lambda s: their_folder(s).create_subfolder("x"),
    "uploads into another folder": lambda s: upload(their_folder(s)),
    "changes another item": lambda s: s.client.get_storage_item(their_item(s)).update(name="x"),
    "deletes another item": lambda s: s.client.get_storage_item(their_item(s)).delete(),
    "deletes another item by way of its own folder": lambda s: s.folder.delete_storage_items([their_item(s)]),
    "links another item": lambda s: s.dataset.link_items([their_item(s)]),
    "links to another dataset": lambda s: s.client.get_dataset(BENCHMARK).link_items([upload(s.folder)]),
    "deletes data of another dataset": lambda s: s.client.get_dataset(BENCHMARK).delete_data([BENCHMARK_DATA[0]]),
    "attaches another dataset": lambda s: s.mine.add_datasets([BENCHMARK]),
    "detaches in another project": lambda s: s.theirs.remove_datasets([BENCHMARK]),
    "archives another project": lambda s: s.theirs.set_status(ProjectStatus.ARCHIVED),
    "adds somebody to another project": lambda s: s.theirs.add_users([OPERATOR], ProjectUserRole.ADMIN),
    "adds a stranger to its own": lambda s: s.mine.add_users(["mallory@example.com"], ProjectUserRole.ADMIN),
    "opens another row": opened,
    "moves another task": moved,
    "moves another task by way of its own project": their_task_in_my_project,
    "hurries another row": lambda s: s.theirs.list_label_rows_v2()[0].set_priority(1),
    "makes a project of another dataset": lambda s: s.client.create_project(s.journal.title("more"), [BENCHMARK]),
    "makes a folder without its mark": lambda s: s.client.create_storage_folder("mine"),
    "makes a folder twice": lambda s: s.client.create_storage_folder(s.journal.title("folder")),
    "makes what belongs to everybody": lambda s: s.client.create_group("group"),
    "changes the metadata's schema": lambda s: s.client.set_client_metadata_schema_from_dict({"a": "number"}),
    "copies another project": lambda s: s.theirs.copy_project(new_title=s.journal.title("copy")),
    "changes another ontology": lambda s: s.client.get_ontology(s.theirs.ontology_hash).save(),
    "puts bytes elsewhere": lambda s: requests.put("http://127.0.0.1:9/elsewhere", data=b"x", timeout=1),
    "puts bytes where it was not asked to": lambda s: requests.put(
        f"{s.site.url}/storage-objects/uploads/{UUID(int=7)}", data=b"x", timeout=1
    ),
    "turns the emulator's switches": lambda s: requests.patch(f"{s.site.url}/_emulator/switches", json={}, timeout=1),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_not_of_the_run_cannot_be_written_to(what: str, scene: Scene) -> None:
    scene.site.control("DELETE", "requests")
    before = scene.world()
    with scene.guard.installed(), pytest.raises(GuardRefusal):
        HOSTILE[what](scene)
    assert scene.world()["projects"] == before["projects"]
    # An upload into the run's own folder may have come before.
    assert [kind for kind in before if scene.world()[kind] != before[kind] and kind != "folders"] == []


def test_a_refusal_is_held_back_by_no_check(scene: Scene) -> None:
    def check() -> None:
        try:
            scene.theirs.set_status(ProjectStatus.ARCHIVED)
        except Exception:
            pytest.fail("the check went on")

    with scene.guard.installed(), pytest.raises(GuardRefusal):
        check()


def test_the_budget_ends_the_run(scene: Scene) -> None:
    scene.guard.budget = scene.guard.sent + 1
    with scene.guard.installed():
        scene.mine.refetch_data()
        with pytest.raises(StoppedRun, match="budget"):
            scene.mine.refetch_data()


def test_the_first_429_ends_the_run(tmp_path: Path) -> None:
    """Nothing is asked again, and the run can be cleaned up after."""
    fault = {"operation": "legacy labelrowmetadata.GET", "kind": "status", "status": 429, "skip": 3}
    with running(World.model_validate(live_world(tmp_path / "box"))) as served:
        requests.post(f"{served.url}/_emulator/faults", json=fault, timeout=5)
        ran = CliRunner().invoke(app, live(tmp_path / "box", served))
        counts = requests.get(f"{served.url}/_emulator/requests?limit=0", timeout=5).json()["counts"]
        folders = list(served.emulator.platform.storage.folders)
    assert "stopped: the platform answered 429" in ran.output
    assert ran.exit_code == NOT_TRIED
    assert sum(entry["failed"] for entry in counts) == 1
    assert folders == []


def test_a_hostile_check_stops_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check deletes a folder of somebody's; the command says so, cleans up and calls the run not tried."""
    world = {**live_world(tmp_path / "box"), "folders": [{"name": "precious"}]}

    def hostile(ground: Any, *_: Any) -> Any:
        next(iter(ground.admin.list_storage_folders(search="precious"))).delete()

    monkeypatch.setattr(command, "observe", hostile)
    with running(World.parse(json.dumps(world))) as served:
        ran = CliRunner().invoke(app, live(tmp_path / "box", served))
        kept = [folder.name for folder in served.emulator.platform.storage.folders.values()]
    assert kept == ["precious"]
    assert "stopped: DELETE storage/folders/{folder}" in ran.output
    assert ran.exit_code == NOT_TRIED
