"""docs/curation.md: the lines of its first block, one after the other, against the emulator; then undoing."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.integration.curation.pictures import busy, jpeg
from tests.integration.send_back.commands import run
from tests.integration.service.sandbox import PRODUCTION, SERVICE, Sandbox, Unit, platform
from tests.unit.rows import box_row

PAGE = Path(__file__).parents[3] / "docs" / "curation.md"
PICTURES = 40


def lines() -> list[list[str]]:
    block = PAGE.read_text(encoding="utf-8").split("```sh\n")[1].split("```")[0]
    return [shlex.split(line)[1:] for line in block.splitlines()]


def with_street(document: dict[str, Any]) -> dict[str, Any]:
    kind = {"type": "image", "width": 160, "height": 120, "mime_type": "image/jpeg"}
    items = [{"name": f"{n}.jpg", "content_base64": jpeg(busy(n)), **kind} for n in range(PICTURES)]
    street = {"name": "Street", "users": {SERVICE: "admin"}, "items": items}
    return {**document, "folders": [*document.get("folders", []), street]}


def state(both: Sandbox) -> tuple[Any, ...]:
    """What the last commands change: Collections, labels, assignees."""
    client = both.client()
    project = client.get_project(PRODUCTION)
    objects = {}
    for row in project.list_label_rows_v2():
        if row.label_hash is not None:
            row.initialise_labels()
            if row.get_object_instances():
                objects[row.data_hash] = len(row.get_object_instances())
    assignees = {row.data_hash: row.assigned_user_email for row in project.list_label_rows_v2()}
    return [one.name for one in client.list_collections()], objects, assignees


def test_from_a_folder_to_assigned_tasks_by_the_lines_of_the_page_and_back(
    pedestrians: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    people = [f"annotator-{number:02d}@example.com" for number in range(1, 4)]
    images = [{**image, "annotations": {who: [] for who in people}} for image in pedestrians["images"][:3]]
    with platform([Unit(image) for image in images], production_images=8, change_world=with_street) as both:
        before, actions = None, []
        for line in lines():
            if line[:2] == ["prelabel", "write"]:
                rows = both.client().get_project(PRODUCTION).list_label_rows_v2()
                documents = [box_row(row.data_hash, [[1, 2, 30, 40]], width=160, height=120) for row in rows]
                Path("predictions.json").write_text(json.dumps(documents))
            if line[:2] == ["curate", "collect"]:
                before = state(both)
            done = run(both, *line)
            assert done.exit_code == 0, f"{line}: {done.output}"
        collections, objects, assignees = state(both)
        assert len(collections) == 1
        assert len(assignees) == 3 + 8 + 6, "six of the folder's pictures are benchmark items now"
        # The key is drawn anew: that it takes all of 17 tasks at a share of .8 happens, that it takes none does not.
        assert objects
        assert objects.keys() <= assignees.keys()
        assert Path("map.html").stat().st_size > 10_000
        listed = json.loads(run(both, "actions", "list", "--json").stdout)
        actions = [one for one in listed if one["kind"] in ("assign-tasks", "prelabel", "curate-collection")]
        assert len(actions) == 3
        for action in actions:
            undone = run(both, "actions", "undo", action["action_id"], "--reason", "a trial", "--operator", "ops")
            assert undone.exit_code == 0, undone.output
        after = state(both)
        assert before is not None
        assert after[:2] == before[:2]
        assert {unit: after[2][unit] for unit in before[2]} == before[2]
