"""Programs written with encord-agents 0.2.10 run against the emulator unchanged."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import fastapi
import numpy as np
import pytest
import requests
import uvicorn
from encord import EncordUserClient, Project
from encord.objects import LabelRowV2, OntologyStructure, Shape
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.orm.dataset import StorageLocation
from encord.storage import StorageItem
from encord.workflow.stages.agent import AgentTask
from encord_agents.core.data_model import EditorAgentResponse, Frame, InstanceCrop
from encord_agents.fastapi.cors import get_encord_app
from encord_agents.fastapi.dependencies import dep_object_crops
from encord_agents.tasks import Depends, QueueRunner, Runner
from encord_agents.tasks.dependencies import (
    Twin,
    dep_asset,
    dep_single_frame,
    dep_storage_item,
    dep_twin_label_row,
    dep_video_iterator,
    dep_video_sampler,
)
from encord_agents.tasks.models import TaskAgentReturnStruct, TaskCompletionResult
from numpy.typing import NDArray

from emulator.server import listen, url_of

from . import media_files
from .conftest import KEYS, OPERATOR, Site, Start, make_world

TEMPLATE = "ee000000-0000-4000-8000-000000000001"
WORKFLOW = {
    "stages": [
        {
            "type": "agent",
            "title": "First",
            "pathways": [{"name": "Next", "to": "Second"}, {"name": "Enough", "to": "Complete"}],
        },
        {"type": "agent", "title": "Second", "pathways": [{"name": "Done", "to": "Complete"}]},
        {"type": "complete", "title": "Complete"},
    ]
}
BOX = BoundingBoxCoordinates(height=10 / 48, width=10 / 64, top_left_x=10 / 64, top_left_y=10 / 48)


@dataclass
class Team:
    """A team with a project of a picture, a film and a sound, all of them real files."""

    site: Site
    client: EncordUserClient
    files: dict[str, Path]
    dataset_hash: str
    ontology_hash: str
    project: Project

    def another_project(self) -> Project:
        """A project of the same data and the same ontology."""
        project_hash = self.client.create_project(
            "Another", [self.dataset_hash], ontology_hash=self.ontology_hash, workflow_template_hash=TEMPLATE
        )
        return self.client.get_project(project_hash)

    def where(self) -> dict[str, str]:
        """The stage of every data unit, as a client sees it that has not seen it before."""
        client = EncordUserClient.create_with_ssh_private_key(KEYS[OPERATOR].private, domain=self.site.url)
        rows = client.get_project(self.project.project_hash).list_label_rows_v2()
        return {row.data_title: row.workflow_graph_node.title for row in rows}

    def row(self, title: str) -> LabelRowV2:
        (row,) = self.client.get_project(self.project.project_hash).list_label_rows_v2(data_title_eq=title)
        return row


@pytest.fixture
def team(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    site = start({**make_world(), "workflow_templates": [{"uuid": TEMPLATE, "title": "Agents", **WORKFLOW}]})
    monkeypatch.setenv("ENCORD_SSH_KEY", KEYS[OPERATOR].private)
    monkeypatch.setenv("ENCORD_DOMAIN", site.url)
    monkeypatch.delenv("ENCORD_SSH_KEY_FILE", raising=False)
    client = site.client()
    folder = client.create_storage_folder("Files")
    files = {
        "picture": media_files.png(tmp_path / "picture.png"),
        "film": media_files.mp4(tmp_path / "film.mp4"),
        "sound": media_files.wav(tmp_path / "sound.wav"),
    }
    items = [
        folder.upload_image(files["picture"], title="picture", client_metadata={"camera": 1}),
        folder.upload_video(files["film"], title="film"),
        folder.upload_audio(files["sound"], title="sound"),
    ]
    created = client.create_dataset("Data", StorageLocation.CORD_STORAGE, create_backing_folder=False)
    client.get_dataset(created.dataset_hash).link_items(items)
    structure = OntologyStructure()
    structure.add_object("Square", Shape.BOUNDING_BOX)
    ontology = client.create_ontology("Squares", structure=structure)
    project_hash = client.create_project(
        "Agents", [created.dataset_hash], ontology_hash=ontology.ontology_hash, workflow_template_hash=TEMPLATE
    )
    project = client.get_project(project_hash)
    return Team(site, client, files, created.dataset_hash, ontology.ontology_hash, project)


def draw(row: LabelRowV2) -> None:
    square = row.ontology_structure.get_child_by_title("Square").create_instance()
    square.set_for_frames(BOX, frames=0)
    row.add_object_instance(square)


def test_a_runner_works_off_two_stages_and_its_labels_and_priorities_arrive(team: Team) -> None:
    runner = Runner(project_hash=team.project.project_hash)
    seen: list[str] = []

    @runner.stage("First")
    def label(task: AgentTask, row: LabelRowV2, item: Annotated[StorageItem, Depends(dep_storage_item)]) -> Any:
        seen.append(f"{task.data_title} {item.item_type.value}")
        if task.data_title == "sound":
            return "Enough"
        draw(row)
        return TaskAgentReturnStruct(pathway="Next", label_row=row, label_row_priority=0.75)

    @runner.stage("Second")
    def leave_the_film(task: AgentTask) -> str | None:
        return "Done" if task.data_title == "picture" else None

    runner(task_batch_size=2)
    assert sorted(seen) == ["film video", "picture image", "sound audio"]
    assert team.where() == {"picture": "Complete", "film": "Second", "sound": "Complete"}
    film = team.row("film")
    film.initialise_labels()
    assert [box.get_annotation(0).coordinates for box in film.get_object_instances()] == [BOX]
    assert film.priority == 0.75


def test_one_stage_is_run_without_a_terminal(team: Team) -> None:
    runner = Runner()

    @runner.stage("First")
    def onwards() -> str:
        return "Next"

    runner.run_stage("First", project_hash=team.project.project_hash, max_tasks=2)
    assert sorted(team.where().values()) == ["First", "Second", "Second"]


def test_an_agent_that_fails_leaves_its_task_where_it_is(team: Team) -> None:
    runner = Runner(project_hash=team.project.project_hash)

    @runner.stage("First")
    def fails_on_films(task: AgentTask) -> str:
        if task.data_title == "film":
            raise ValueError("no films")
        return "Enough"

    runner.run_stage("First", num_retries=0)
    assert team.where() == {"picture": "Complete", "film": "First", "sound": "Complete"}


def test_a_queue_runner_takes_tasks_as_json_one_by_one_and_several(team: Team) -> None:
    runner = QueueRunner(project_hash=team.project.project_hash)

    @runner.stage("First")
    def onwards(row: LabelRowV2) -> TaskAgentReturnStruct:
        draw(row) if row.data_title == "picture" else None
        return TaskAgentReturnStruct(pathway="Next", label_row=row)

    (stage,) = [stage for stage in runner.get_agent_stages() if stage.title == "First"]
    first, *others = [task.model_dump_json() for task in stage.get_tasks()]
    one = TaskCompletionResult.model_validate_json(onwards(first))  # type: ignore[arg-type]
    assert (str(one.task_uuid), one.success, one.error) == (json.loads(first)["uuid"], True, None)
    several = TaskCompletionResult.model_validate_json(onwards(others))  # type: ignore[arg-type]
    assert {str(uuid) for uuid in several.task_uuid} == {json.loads(task)["uuid"] for task in others}  # type: ignore[union-attr]
    assert set(team.where().values()) == {"Second"}
    gone = TaskCompletionResult.model_validate_json(onwards(first))  # type: ignore[arg-type]
    assert not gone.success
    picture = team.row("picture")
    picture.initialise_labels()
    assert len(picture.get_object_instances()) == 1


def test_dependencies_give_frames_files_and_films(team: Team) -> None:
    runner = Runner(project_hash=team.project.project_hash)
    found: dict[str, Any] = {}

    @runner.stage("First")
    def look(
        task: AgentTask,
        asset: Annotated[Path, Depends(dep_asset)],
        item: Annotated[StorageItem, Depends(dep_storage_item)],
    ) -> str:
        found[task.data_title] = (asset.read_bytes(), item.client_metadata)
        return "Enough" if task.data_title == "sound" else "Next"

    runner.run_stage("First", num_retries=0)
    assert {title: content for title, (content, _) in found.items()} == {
        title: file.read_bytes() for title, file in team.files.items()
    }
    assert found["picture"][1] == {"camera": 1}

    @runner.stage("Second")
    def look_closer(task: AgentTask, frame: Annotated[NDArray[np.uint8], Depends(dep_single_frame)]) -> str:
        found[f"frame of {task.data_title}"] = frame
        return "Done"

    runner.run_stage("Second", num_retries=0)
    picture = found["frame of picture"]
    assert picture.shape == (48, 64, 3)
    assert (picture[15, 15].tolist(), picture[0, 0].tolist()) == ([255, 255, 255], [128, 128, 128])
    assert found["frame of film"].shape == (48, 64, 3)
    assert set(team.where().values()) == {"Complete"}


def test_a_film_is_gone_through_frame_by_frame(team: Team) -> None:
    runner = Runner(project_hash=team.project.project_hash)
    brightness: list[float] = []
    sampled: list[int] = []

    @runner.stage("First")
    def watch(
        task: AgentTask,
        frames: Annotated[Iterator[Frame], Depends(dep_video_iterator)],
        sampler: Annotated[Any, Depends(dep_video_sampler)],
    ) -> str:
        brightness.extend(float(frame.content.mean()) for frame in frames)
        sampled.extend(frame.frame for frame in sampler([1, 4, 7]))
        return "Enough"

    stage = team.project.workflow.get_stage(name="First")
    for task in stage.get_tasks():
        if task.data_title != "film":
            task.proceed(pathway_name="Next")
    runner.run_stage("First", num_retries=0)
    assert len(brightness) == media_files.FRAMES
    assert brightness == sorted(brightness)
    assert sampled == [1, 4, 7]


def test_a_twin_row_of_another_project_is_at_hand(team: Team) -> None:
    twin_project = team.another_project()
    (twin_row,) = twin_project.list_label_rows_v2(data_title_eq="picture")
    twin_row.initialise_labels()
    draw(twin_row)
    twin_row.save()
    runner = Runner(project_hash=team.project.project_hash)
    compared: dict[str, tuple[int, str]] = {}

    @runner.stage("First")
    def compare(
        row: LabelRowV2,
        twin: Annotated[Twin, Depends(dep_twin_label_row(twin_project.project_hash, include_task=True))],
    ) -> str:
        assert twin.task is not None
        compared[row.data_title] = (len(twin.label_row.get_object_instances()), twin.task.data_title)
        return "Enough"

    runner.run_stage("First", num_retries=0)
    assert compared == {"picture": (1, "picture"), "film": (0, "film"), "sound": (0, "sound")}


@pytest.fixture
def crop_agent(team: Team) -> Iterator[tuple[str, list[NDArray[np.uint8]]]]:
    """An agent of the library's FastAPI flavour that looks at crops of objects, served for real."""
    crops_seen: list[NDArray[np.uint8]] = []
    app = get_encord_app()

    @app.post("/crops")
    def look(crops: Annotated[list[InstanceCrop], fastapi.Depends(dep_object_crops())]) -> EditorAgentResponse:
        crops_seen.extend(crop.content for crop in crops)
        return EditorAgentResponse(message=f"{len(crops)} crops")

    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"{url_of(listening)}/crops", crops_seen
    server.should_exit = True
    thread.join(10)
    listening.close()


def test_the_command_line_tests_an_agent_that_looks_at_crops(
    team: Team, crop_agent: tuple[str, list[NDArray[np.uint8]]]
) -> None:
    url, crops_seen = crop_agent
    picture = team.row("picture")
    picture.initialise_labels()
    draw(picture)
    picture.save()
    # The command takes the platform's own addresses only; it reads the hashes out of them.
    editor = f"https://app.encord.com/label_editor/{team.project.project_hash}/{picture.data_hash}/0"
    told = encord_agents("test", "custom", url, editor)
    assert "1 crops" in told
    (crop,) = crops_seen
    assert crop.shape == (10, 10, 3)
    assert crop.min() == 255
    assert "200" in encord_agents("test", "custom", url, editor, "--test-header")
    assert len(crops_seen) == 1
    answer = requests.post(url, json={"projectHash": team.project.project_hash}, timeout=10)
    assert answer.status_code == 422


def test_the_command_line_prints_agent_stages_and_the_system(team: Team) -> None:
    told = encord_agents("print", "agent-nodes", team.project.project_hash)
    for stage in team.project.workflow.stages[:2]:
        assert f'AgentStage(title="{stage.title}", uuid="{stage.uuid}")' in told.replace("\n", "")
    assert "You do not seem to have access" in encord_agents("print", "agent-nodes", TEMPLATE)
    assert "0.2.10" in encord_agents("print", "system-info")


def encord_agents(*arguments: str) -> str:
    """What the command says."""
    command = [str(Path(sys.executable).with_name("encord-agents")), *arguments]
    environment = {**os.environ, "COLUMNS": "300"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout
