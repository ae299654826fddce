"""The traps of encord-agents' FastAPI flavour, with an agent served for real."""

import threading
import time
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
import requests
import uvicorn
from encord import EncordUserClient, Project
from encord.objects import LabelRowV2
from encord_agents.core.data_model import EditorAgentResponse, FrameData
from encord_agents.fastapi.cors import get_encord_app
from encord_agents.fastapi.dependencies import dep_client, dep_label_row, dep_project
from fastapi import Depends, FastAPI

from emulator.server import listen, url_of

from .conftest import BENCHMARK_DATA, KEYS, OPERATOR, PROJECT, REVIEWER, Site, Start, make_world

FOREIGN = "a2000000-0000-4000-8000-000000000000"
NOWHERE = "00000000-0000-4000-8000-000000000000"
CALL = {"projectHash": PROJECT, "dataHash": BENCHMARK_DATA[0], "frame": 0}


@pytest.fixture
def site(start: Start, monkeypatch: pytest.MonkeyPatch) -> Site:
    world = make_world(workflow=None)
    theirs = {"hash": FOREIGN, "title": "Theirs", "ontology": "People", "datasets": [], "users": {REVIEWER: "admin"}}
    world["projects"].append(theirs)
    site = start(world)
    monkeypatch.setenv("ENCORD_SSH_KEY", KEYS[OPERATOR].private)
    monkeypatch.setenv("ENCORD_DOMAIN", site.url)
    monkeypatch.delenv("ENCORD_SSH_KEY_FILE", raising=False)
    return site


def _agents() -> FastAPI:
    app = get_encord_app()

    @app.post("/project")
    def project(found: Annotated[Project, Depends(dep_project)]) -> EditorAgentResponse:
        return EditorAgentResponse(message=found.title)

    @app.post("/ontology")
    def ontology(client: Annotated[EncordUserClient, Depends(dep_client)]) -> EditorAgentResponse:
        return EditorAgentResponse(message=client.get_ontology(NOWHERE).title)

    @app.post("/right-name")
    def right(frame_data: FrameData, row: Annotated[LabelRowV2, Depends(dep_label_row)]) -> EditorAgentResponse:
        return EditorAgentResponse(message=f"{row.data_title} {frame_data.frame}")

    @app.post("/other-name")
    def other(data: FrameData, row: Annotated[LabelRowV2, Depends(dep_label_row)]) -> EditorAgentResponse:
        return EditorAgentResponse(message=f"{row.data_title} {data.frame}")

    return app


@pytest.fixture
def agents(site: Site) -> Iterator[str]:
    """Where the agents listen."""
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(_agents(), log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield url_of(listening)
    server.should_exit = True
    thread.join(10)
    listening.close()


def call(url: str, **changes: Any) -> requests.Response:
    return requests.post(url, json={**CALL, **changes}, timeout=10)


def test_what_an_agent_may_not_see_is_a_clean_403_and_what_is_not_there_breaks_it(agents: str) -> None:
    """Trap 31."""
    assert call(f"{agents}/project").json() == {"message": "Project"}
    refused = call(f"{agents}/project", projectHash=FOREIGN)
    assert (refused.status_code, set(refused.json())) == (403, {"message"})
    broken = call(f"{agents}/ontology")
    assert (broken.status_code, broken.text) == (500, "Internal Server Error")


def test_the_body_is_called_frame_data_beside_the_librarys_dependencies_or_is_not_understood(agents: str) -> None:
    """Trap 32."""
    assert call(f"{agents}/right-name", frame=3).json() == {"message": "Benchmark 0.png 3"}
    refused = call(f"{agents}/other-name")
    assert refused.status_code == 422
    assert {tuple(error["loc"]) for error in refused.json()["detail"]} == {("body", "data"), ("body", "frame_data")}
