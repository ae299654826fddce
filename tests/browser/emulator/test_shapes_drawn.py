"""Every plane shape that the SDK can save is drawn by the label editor's page, where the SDK says it is."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from encord import EncordUserClient
from encord.objects import ObjectInstance
from encord.objects.bitmask import BitmaskCoordinates

from emulator.testing import Running, running
from emulator.world import World
from tests.integration.emulator.conftest import KEYS, OPERATOR
from tests.integration.emulator.everything import COORDINATES, EDITOR, HEIGHT, PLANE_SHAPES, WIDTH

playwright = pytest.importorskip("playwright.sync_api", reason="the label editor is tested in a browser")


PROJECT = "a1000000-0000-4000-8000-000000000000"
DATA = "d1000000-0000-4000-8000-000000000000"
FILM = "d2000000-0000-4000-8000-000000000000"

# Asks the browser which pixels' centres lie inside a path, row by row.
COVERED = """(path, [width, height]) => {
  const context = document.createElement("canvas").getContext("2d");
  const shape = new Path2D(path.getAttribute("d"));
  const rows = [];
  for (let y = 0; y < height; y++) {
    rows.push([]);
    for (let x = 0; x < width; x++) rows[y].push(context.isPointInPath(shape, x + 0.5, y + 0.5, "evenodd"));
  }
  return rows;
}"""


@pytest.fixture(scope="module")
def site() -> Iterator[Running]:
    """A picture with one object of every plane shape and form, and a film with a box on its fourth frame."""
    size = {"width": WIDTH, "height": HEIGHT}
    data = [
        {"hash": DATA, "title": "picture.png", **size},
        {"hash": FILM, "title": "film.mp4", "type": "video", "frames": 10, "fps": 5, "duration": 2, **size},
    ]
    world = {
        "users": [{"email": OPERATOR, "public_keys": [KEYS[OPERATOR].public]}],
        "ontologies": [{"title": "Everything", "editor": EDITOR}],
        "datasets": [{"title": "Data", "data": data}],
        "projects": [{"hash": PROJECT, "title": "Project", "ontology": "Everything", "datasets": ["Data"]}],
    }
    with running(World.parse(json.dumps(world))) as emulator:
        client = EncordUserClient.create_with_ssh_private_key(KEYS[OPERATOR].private, domain=emulator.url)
        rows = {row.data_hash: row for row in client.get_project(PROJECT).list_label_rows_v2()}
        for row in rows.values():
            row.initialise_labels()
        for shape in PLANE_SHAPES:
            for coordinates in COORDINATES[shape]:
                instance: ObjectInstance = rows[DATA].ontology_structure.get_child_by_title(shape).create_instance()
                instance.set_for_frames(coordinates, frames=0)
                rows[DATA].add_object_instance(instance)
        box = rows[FILM].ontology_structure.get_child_by_title("bounding_box").create_instance()
        box.set_for_frames(COORDINATES["bounding_box"][0], frames=3)
        rows[FILM].add_object_instance(box)
        for row in rows.values():
            row.save()
        yield emulator


def test_every_object_is_listed_and_drawn(site: Running, page: Any) -> None:
    page.goto(f"{site.url}/label_editor/{PROJECT}/{DATA}/0")
    number = sum(len(COORDINATES[shape]) for shape in PLANE_SHAPES)
    playwright.expect(page.locator("#objects li")).to_have_count(number)
    hashes = page.locator("#objects input").evaluate_all("boxes => boxes.map(box => box.value)")
    for object_hash in hashes:
        figures = page.locator(f'#shapes [data-object="{object_hash}"]')
        assert figures.count() >= 1
        assert figures.first.evaluate("figure => figure.getBBox().width + figure.getBBox().height") > 0


def test_a_mask_covers_exactly_its_pixels(site: Running, page: Any) -> None:
    page.goto(f"{site.url}/label_editor/{PROJECT}/{DATA}/0")
    row = page.locator("#objects li", has_text="(bitmask)")
    playwright.expect(row).to_have_count(1)
    object_hash = row.locator("input").get_attribute("value")
    mask = page.locator(f'#shapes [data-object="{object_hash}"]').evaluate(COVERED, [WIDTH, HEIGHT])
    (coordinates,) = COORDINATES["bitmask"]
    assert isinstance(coordinates, BitmaskCoordinates)
    assert np.array_equal(np.array(mask), coordinates.to_numpy_array())


def test_holes_of_a_polygon_are_not_filled(site: Running, page: Any) -> None:
    page.goto(f"{site.url}/label_editor/{PROJECT}/{DATA}/0")
    rows = page.locator("#objects li", has_text="(polygon)")
    playwright.expect(rows).to_have_count(2)
    object_hash = rows.nth(1).locator("input").get_attribute("value")
    covered = np.array(page.locator(f'#shapes [data-object="{object_hash}"]').evaluate(COVERED, [WIDTH, HEIGHT]))

    def inside(x: float, y: float) -> bool:
        return bool(covered[int(y * HEIGHT), int(x * WIDTH)])

    # The outer ring, its hole, and the second polygon of `everything.COORDINATES`.
    assert [inside(0.8, 0.5), inside(0.58, 0.22), inside(0.08, 0.83), inside(0.3, 0.7)] == [True, False, True, False]


def test_a_film_shows_the_labels_of_the_frame_it_is_asked_for(site: Running, page: Any) -> None:
    page.goto(f"{site.url}/label_editor/{PROJECT}/{FILM}/2")
    playwright.expect(page.locator("#frame")).to_have_text("3 of 10")
    playwright.expect(page.locator("#shapes > *")).to_have_count(0)
    page.get_by_role("button", name="Next frame").click()
    playwright.expect(page.locator("#frame")).to_have_text("4 of 10")
    playwright.expect(page.locator("#shapes rect")).to_have_count(1)
    page.get_by_role("button", name="Previous frame").click()
    playwright.expect(page.locator("#shapes > *")).to_have_count(0)
    assert page.request.get(f"{site.url}/label_editor/{PROJECT}/{FILM}/10").status == 404
