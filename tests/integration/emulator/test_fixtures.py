"""What other people's tests get: fixtures, the command, the world file's schema."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import requests
from encord import EncordUserClient

from emulator.errors import WorldError
from emulator.testing import OWNER, sandbox
from emulator.world import World

from .conftest import KEYS, OPERATOR, PROJECT, make_world

README = Path(__file__).parents[3] / "emulator" / "README.md"


def test_a_whole_project_in_three_lines() -> None:
    with sandbox(images=2, people={"anna@example.com": "annotator"}) as box:
        (one, two) = box.project("anna@example.com").workflow.get_stage(name="Annotate").get_tasks()
        assert [str(one.data_hash), str(two.data_hash)] == box.data_hashes
        one.submit()
        (task,) = box.project().workflow.get_stage(name="Review").get_tasks()
        assert task.data_hash == one.data_hash
        assert {user.user_email for user in box.project().list_users()} == {OWNER, "anna@example.com"}


def test_the_fixtures_serve_a_project_to_anybodys_tests(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["emulator.pytest_plugin"]')
    (tmp_path / "test_theirs.py").write_text(
        """
import requests

def test_sandbox(encord_sandbox):
    assert len(encord_sandbox.project().list_label_rows_v2()) == 3

def test_empty(encord_emulator):
    assert requests.get(encord_emulator.url + "/_emulator/state").json()["projects"] == []
"""
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(README.parents[1]), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ran = subprocess.run(command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "2 passed" in ran.stdout, ran.stdout


def test_the_command_serves_a_world_file_and_ends_on_sigterm(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    path.write_text(json.dumps(make_world()))
    command = [sys.executable, "-m", "emulator", "serve", "--port", "0", "--world", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("emulator listening on http://127.0.0.1:")
            client = EncordUserClient.create_with_ssh_private_key(KEYS[OPERATOR].private, domain=line.split()[-1])
            assert client.get_project(PROJECT).title == "Project"
        finally:
            process.terminate()
            process.wait(timeout=10)
    assert process.returncode in (0, -15)


def test_a_port_that_is_taken_is_said_to_be() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "emulator", "serve", "--port", str(taken.getsockname()[1])]
        ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 2
    assert "in use" in ran.stderr


def test_the_schema_accepts_the_worlds_that_load_and_names_what_is_wrong_with_others() -> None:
    printed = subprocess.run([sys.executable, "-m", "emulator", "schema"], check=True, capture_output=True, text=True)
    schema = json.loads(printed.stdout)
    jsonschema.validate(make_world(), schema)
    jsonschema.validate(readme_world(), schema)
    with pytest.raises(jsonschema.ValidationError, match="stagez"):
        jsonschema.validate(make_world(workflow={"stagez": []}), schema)


def readme_world() -> dict[str, object]:
    found = re.search(r"```json\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    world: dict[str, object] = json.loads(found.group(1))
    return world


def test_the_readmes_world_loads() -> None:
    text = json.dumps(readme_world())
    assert World.parse(text).projects[0].title == "Production"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"users": [{"emial": "x"}]}', "users.0.email"),
        ('{"projects": [{"title": "x", "ontology": "y", "workflow": {"stages": []}}]}', "projects.0.workflow"),
        ("{", "JSON"),
    ],
)
def test_a_faulty_world_file_is_refused_with_the_key_named(text: str, named: str) -> None:
    with pytest.raises(WorldError, match=named):
        World.parse(text)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"ontology": "Nowhere"}, "Nowhere"),
        ({"datasets": ["Lost"]}, "Lost"),
        ({"users": {"stranger@example.com": "admin"}}, "stranger@example.com"),
        ({"workflow": {"stages": [{"type": "annotation", "title": "A", "next": "Gone"}]}}, "Gone"),
    ],
)
def test_a_world_whose_references_lead_nowhere_is_refused(changes: dict[str, object], named: str) -> None:
    from emulator.emulator import Emulator

    with pytest.raises(WorldError, match=named):
        Emulator(World.parse(json.dumps(make_world(**changes))))


def test_a_world_that_is_sent_cannot_have_files_of_this_machine_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("not for everybody")
    item = {"name": "x", "type": "plain_text", "file": str(secret)}
    with sandbox() as box:
        for nested in (item, {"name": "g", "type": "group", "children": [item]}):
            answer = requests.post(
                f"{box.url}/_emulator/world", json={"folders": [{"name": "f", "items": [nested]}]}, timeout=5
            )
            assert answer.status_code == 400
            assert "must not name files" in answer.json()["message"]
    world = tmp_path / "world.json"
    world.write_text(json.dumps({"folders": [{"name": "f", "items": [{**item, "file": "secret.txt"}]}]}))
    assert World.read(world).folders[0].items[0].file == secret


def test_worlds_are_added_and_forgotten_by_reset() -> None:
    with sandbox() as box:
        added = requests.post(f"{box.url}/_emulator/world", json=make_world(), timeout=5)
        assert added.ok, added.text
        projects = requests.get(f"{box.url}/_emulator/state", timeout=5).json()["projects"]
        assert [p["title"] for p in projects] == ["Sandbox", "Project"]
        assert requests.post(f"{box.url}/_emulator/reset", timeout=5).ok
        projects = requests.get(f"{box.url}/_emulator/state", timeout=5).json()["projects"]
        assert [p["title"] for p in projects] == ["Sandbox"]
        assert box.project().title == "Sandbox"
