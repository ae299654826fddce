"""The files of a sandbox: pictures that open, a world that loads, keys that fit, a truth that holds."""

import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key
from PIL import Image

from emulator.emulator import Emulator
from emulator.quickstart.pictures import HEIGHT, WIDTH, drawn_by
from emulator.quickstart.sandbox import ANNOTATORS, Places, scenes, write_sandbox
from emulator.world import World

PLACES = Places("http://127.0.0.1:1", "http://127.0.0.1:2")


@pytest.fixture
def sandbox(tmp_path: Path) -> Path:
    folder = tmp_path / "sandbox"
    write_sandbox(folder, PLACES)
    return folder


def test_the_world_can_be_loaded_and_every_key_is_its_persons(sandbox: Path) -> None:
    world = World.read(sandbox / "world.json")
    Emulator(world)
    for user in world.users:
        path = sandbox / "keys" / user.email.partition("@")[0]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        key = load_ssh_private_key(path.read_bytes(), None)
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        assert user.public_keys == [public]


def test_the_pictures_are_pictures_of_the_cars_that_the_truth_names(sandbox: Path) -> None:
    truth = json.loads((sandbox / "truth.json").read_text())
    assert {image["file_name"] for image in truth["images"]} == {p.name for p in (sandbox / "benchmark").iterdir()}
    for name, cars in scenes().items():
        with Image.open(sandbox / name) as picture:
            assert picture.size == (WIDTH, HEIGHT)
        assert 4 <= len(cars) <= 8
        assert all(x >= 0 and y >= 0 and x + w <= WIDTH and y + h <= HEIGHT for x, y, w, h in cars)
    benchmark = [cars for name, cars in scenes().items() if name.startswith("benchmark/")]
    assert len(truth["annotations"]) == sum(map(len, benchmark))


def test_people_draw_the_same_again_and_one_better_than_the_others() -> None:
    shares = {}
    for person in ANNOTATORS:
        found = total = 0
        for name, cars in scenes().items():
            drawn = drawn_by(person, name, cars)
            assert drawn == drawn_by(person, name, cars)
            found += sum(any(abs(d.x - c.x) < 4 and abs(d.y - c.y) < 4 for d in drawn) for c in cars)
            total += len(cars)
        shares[person] = found / total
    assert shares["anna"] == 1
    assert shares["ben"] < 0.9
    assert shares["cleo"] < 0.9


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        write_sandbox(tmp_path, PLACES)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_sandbox_knows_its_places_and_another_folder_is_none(sandbox: Path, tmp_path: Path) -> None:
    assert Places.of_sandbox(sandbox) == PLACES
    with pytest.raises(ValueError, match="no sandbox"):
        Places.of_sandbox(tmp_path)
