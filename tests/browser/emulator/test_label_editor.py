"""The label editor page in a real browser: labels drawn, agents called across origins, what they say shown."""

import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
import requests
import uvicorn
from encord import EncordUserClient
from encord.objects import LabelRowV2
from encord.objects.coordinates import BoundingBoxCoordinates, PointCoordinate, PolygonCoordinates
from encord_agents.core.data_model import EditorAgentResponse, FrameData
from encord_agents.core.exceptions import EncordEditorAgentException
from encord_agents.fastapi.cors import EncordCORSMiddleware, EncordTestHeaderMiddleware, get_encord_app
from encord_agents.fastapi.dependencies import dep_label_row
from fastapi import Depends, FastAPI

from emulator.server import listen, url_of
from emulator.testing import Running, running
from emulator.world import World
from tests.integration.emulator.conftest import KEYS, OPERATOR

playwright = pytest.importorskip("playwright.sync_api", reason="the label editor is tested in a browser")

HERE = r"^http://127\.0\.0\.1:\d+$"
PROJECT = "a1000000-0000-4000-8000-000000000000"
DATA = "d1000000-0000-4000-8000-000000000000"
ONTOLOGY = {
    "objects": [
        {"id": "1", "name": "Car", "color": "#D33115", "shape": "bounding_box", "featureNodeHash": "car00000"},
        {"id": "2", "name": "Road", "color": "#16406C", "shape": "polygon", "featureNodeHash": "road0000"},
    ],
    "classifications": [],
}


@dataclass
class Agents:
    """A team's agents, on a server of another origin."""

    url: str = ""
    calls: list[tuple[str, FrameData]] = field(default_factory=list)


@pytest.fixture
def agents(monkeypatch: pytest.MonkeyPatch) -> Iterator[Agents]:
    """Agents made with encord-agents' FastAPI application, which allows the emulator's origins only at /open."""
    found = Agents()
    app = FastAPI()
    app.mount("/open", _agent_app(found, get_encord_app(custom_cors_regex=HERE)))
    app.mount("/closed", _agent_app(found, get_encord_app()))
    app.mount("/reordered", _agent_app(found, _reordered_app()))
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    found.url = url_of(listening)
    yield found
    server.should_exit = True
    thread.join(10)
    listening.close()


def _reordered_app() -> FastAPI:
    """The library's middlewares the other way round: CORS outside, so that it covers the answer to a test too."""
    app = FastAPI()
    app.add_middleware(EncordTestHeaderMiddleware)
    app.add_middleware(EncordCORSMiddleware, allow_origin_regex=HERE)
    return app


def _agent_app(found: Agents, app: FastAPI) -> FastAPI:
    @app.post("/praise")
    def praise(frame_data: FrameData) -> EditorAgentResponse:
        found.calls.append(("praise", frame_data))
        return EditorAgentResponse(message=f"Well drawn <b>{len(frame_data.object_hashes or [])}</b>")

    @app.post("/refuse")
    def refuse(frame_data: FrameData) -> None:
        found.calls.append(("refuse", frame_data))
        raise EncordEditorAgentException("Draw the road first")

    @app.post("/erase")
    def erase(frame_data: FrameData, row: Annotated[LabelRowV2, Depends(dep_label_row)]) -> None:
        found.calls.append(("erase", frame_data))
        for instance in row.get_object_instances():
            row.remove_object(instance)
        row.save()

    return app


@pytest.fixture
def site(agents: Agents, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A project of one picture with a box and a polygon, and the agents registered with it."""
    names = {
        "Praise": "open/praise",
        "Refuse": "open/refuse",
        "Erase": "open/erase",
        "Closed": "closed/praise",
        "Reordered": "reordered/erase",
    }
    world: dict[str, Any] = {
        "users": [{"email": OPERATOR, "public_keys": [KEYS[OPERATOR].public]}],
        "ontologies": [{"title": "Street", "editor": ONTOLOGY}],
        "datasets": [{"title": "Data", "data": [{"hash": DATA, "title": "street.png", "width": 320, "height": 240}]}],
        "projects": [
            {
                "hash": PROJECT,
                "title": "Project",
                "ontology": "Street",
                "datasets": ["Data"],
                "agents": [{"name": name, "url": f"{agents.url}/{path}"} for name, path in names.items()],
            }
        ],
    }
    with running(World.parse(json.dumps(world))) as emulator:
        monkeypatch.setenv("ENCORD_SSH_KEY", KEYS[OPERATOR].private)
        monkeypatch.setenv("ENCORD_DOMAIN", emulator.url)
        row = _row(emulator)
        _draw(row)
        row.save()
        yield emulator


def _row(emulator: Running) -> LabelRowV2:
    client = EncordUserClient.create_with_ssh_private_key(KEYS[OPERATOR].private, domain=emulator.url)
    (row,) = client.get_project(PROJECT).list_label_rows_v2()
    row.initialise_labels()
    return row


def _draw(row: LabelRowV2) -> None:
    car = row.ontology_structure.get_child_by_title("Car").create_instance()
    car.set_for_frames(BoundingBoxCoordinates(height=0.5, width=0.25, top_left_x=0.5, top_left_y=0.25))
    road = row.ontology_structure.get_child_by_title("Road").create_instance()
    corners = [PointCoordinate(x=x, y=y) for x, y in ((0, 1), (1, 1), (0.5, 0.5))]
    road.set_for_frames(PolygonCoordinates(values=corners))
    for instance in (car, road):
        row.add_object_instance(instance)


def editor(site: Running) -> str:
    return f"{site.url}/label_editor/{PROJECT}/{DATA}/0"


def test_shapes_are_drawn_over_the_picture(site: Running, page: Any) -> None:
    page.goto(editor(site))
    playwright.expect(page.get_by_label("Car 0 (bounding_box)")).to_be_visible()
    rect = page.locator("#shapes rect")
    assert [rect.get_attribute(name) for name in ("x", "y", "width", "height")] == ["160", "60", "80", "120"]
    assert page.locator("#shapes path").get_attribute("d") == "M0,240L320,240L160,120Z"
    assert rect.get_attribute("stroke") == "#D33115"
    picture = page.locator("#media img")
    assert picture.evaluate("image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])") == [
        320,
        240,
    ]


def test_the_page_breaks_no_rule_of_its_own_policy(site: Running, page: Any) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(editor(site))
    playwright.expect(page.get_by_role("button", name="Praise", exact=True)).to_be_visible()
    assert complaints == []


def test_an_agent_is_run_from_the_browser_and_its_message_shown_as_text(
    site: Running, agents: Agents, page: Any
) -> None:
    page.goto(editor(site))
    page.get_by_label("Car 0 (bounding_box)").check()
    page.get_by_role("button", name="Praise", exact=True).click()
    playwright.expect(page.locator("#result")).to_have_text("Well drawn <b>1</b>")
    ((name, sent),) = agents.calls
    car = next(o for o in _row(site).get_object_instances() if o.object_name == "Car")
    assert (name, str(sent.project_hash), str(sent.data_hash), sent.frame) == ("praise", PROJECT, DATA, 0)
    assert sent.object_hashes == [car.object_hash]


def test_the_browser_asks_first_whether_it_may_call(site: Running, page: Any) -> None:
    page.goto(editor(site))
    with page.expect_response(lambda response: response.url.endswith("/open/praise")) as answered:
        page.get_by_role("button", name="Praise", exact=True).click()
    sent = answered.value.request.all_headers()
    assert sent["origin"] == site.url
    assert re.fullmatch(r"[0-9a-f]{32}/1;o=1", sent["x-cloud-trace-context"])
    assert answered.value.all_headers()["access-control-allow-origin"] == site.url


def test_an_agents_refusal_is_shown(site: Running, page: Any) -> None:
    page.goto(editor(site))
    page.get_by_role("button", name="Refuse", exact=True).click()
    playwright.expect(page.locator("#result")).to_have_text("Draw the road first")
    assert page.locator("#result").get_attribute("data-outcome") == "failed"


def test_an_agent_that_does_not_allow_this_origin_is_not_called(site: Running, agents: Agents, page: Any) -> None:
    page.goto(editor(site))
    page.get_by_role("button", name="Closed", exact=True).click()
    playwright.expect(page.locator("#result")).to_contain_text(f"does not allow calls from {site.url}")
    assert agents.calls == []


def test_labels_that_an_agent_has_changed_are_drawn_anew(site: Running, agents: Agents, page: Any) -> None:
    page.goto(editor(site))
    playwright.expect(page.locator("#shapes > *")).to_have_count(2)
    page.get_by_role("button", name="Erase", exact=True).click()
    playwright.expect(page.locator("#result")).to_have_text("Erase is done")
    playwright.expect(page.locator("#shapes > *")).to_have_count(0)
    assert _row(site).get_object_instances() == []


def test_the_test_button_reaches_the_agent_without_running_it(site: Running, agents: Agents, page: Any) -> None:
    page.goto(editor(site))
    page.get_by_role("button", name="Test Reordered").click()
    playwright.expect(page.locator("#result")).to_have_text("Reordered answers")
    assert agents.calls == []
    assert len(_row(site).get_object_instances()) == 2


def test_a_browser_may_not_read_what_the_librarys_own_application_answers_to_a_test(
    site: Running, agents: Agents, page: Any
) -> None:
    """In encord-agents 0.2.10 the test header is answered outside CORS: the 200 arrives, but no page can see it."""
    answer = requests.post(
        f"{agents.url}/open/erase", headers={"X-Encord-Editor-Agent": "test", "Origin": site.url}, timeout=5
    )
    assert (answer.status_code, "access-control-allow-origin" in answer.headers) == (200, False)
    page.goto(editor(site))
    page.get_by_role("button", name="Test Erase").click()
    playwright.expect(page.locator("#result")).to_contain_text("could not be reached")
    assert agents.calls == []
