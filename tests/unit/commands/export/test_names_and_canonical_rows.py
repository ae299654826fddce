"""File names, parts and canonical bytes: the same whenever and in whatever order things come."""

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark_qa.commands.export.manifest import FileNames, SplitError, Splits
from benchmark_qa.formats.encord_writer import canonical_bytes, canonical_row
from tests.unit.sdk_rows import STRUCTURE, coordinates, new_row

TITLES = st.lists(st.text(min_size=0, max_size=40), min_size=1, max_size=12)


@given(TITLES)
def test_no_two_images_share_a_stem_and_every_name_is_a_file_name(titles: list[str]) -> None:
    names = FileNames(titles)
    made = [names.of_image(title, f"hash{n:04d}") for n, title in enumerate(titles)]
    made += [names.of_frame(title, f"hash{n:04d}", "", 3) for n, title in enumerate(titles)]
    stems = [name.rsplit(".", 1)[0].casefold() for name in made]
    assert len(set(stems)) == len(stems)
    for name in made:
        assert not set(name) & set('/\\\0\n:*?"<>|')
        assert name.splitlines() == [name]
        assert name.strip(". ") == name
        assert len(name.encode()) < 250


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Straße 雪.PNG", "Straße 雪.PNG"),
        ("night/cam 1.jpg", "night_cam 1.jpg"),
        ("../../etc/passwd", "_.._etc_passwd.jpg"),
        ("photo", "photo.jpg"),
        ("two\u2028lines\x85.png", "two_lines_.png"),
        ("NUL.png", "_NUL.png"),
        ("com1.left.png", "_com1.left.png"),
        ("moving.gif", "moving.jpg"),
        ("sharp.AVIF", "sharp.AVIF"),
        ("x" * 148 + ". . y.png", "x" * 148 + ".png"),
    ],
)
def test_titles_keep_their_names_as_far_as_file_systems_take_them(title: str, name: str) -> None:
    assert FileNames([title]).of_image(title, "hash") == name


def test_the_type_of_the_file_gives_the_ending_that_the_title_lacks() -> None:
    assert FileNames(["photo"]).of_image("photo", "hash", "image/png") == "photo.png"


def test_shares_of_a_split_are_kept_about() -> None:
    splits = Splits.parse("train=0.7,val=0.2,test=0.1")
    parts = [splits.of(f"data-{n}") for n in range(20_000)]
    assert parts.count("train") / 20_000 == pytest.approx(0.7, abs=0.015)
    assert parts.count("test") / 20_000 == pytest.approx(0.1, abs=0.015)


@pytest.mark.parametrize(
    "text", ["", "train", "train=0", "train=0.5,train=0.5", "../x=1", "train=0.5,val=0.4", "a=nan"]
)
def test_what_is_no_split_is_refused(text: str) -> None:
    with pytest.raises(SplitError):
        Splits.parse(text)


def filled_row() -> dict[str, Any]:
    row = new_row("image")
    for name, drawn in coordinates().items():
        made = STRUCTURE.get_child_by_title(name).create_instance()
        made.set_for_frames(drawn)
        if name == "box":
            made.set_answer("note", made.ontology_item.attributes[1])
            made.set_answer(3.5, made.ontology_item.attributes[2])
        row.add_object_instance(made)
    return row.to_encord_dict()


@pytest.mark.parametrize("seed", range(5))
def test_the_order_in_which_encord_says_it_does_not_change_the_bytes(seed: int) -> None:
    """Trap 19: lists come back in another order."""
    row = filled_row()
    other = shuffled(copy.deepcopy(row), random.Random(seed))
    assert canonical_bytes(canonical_row(row)) == canonical_bytes(canonical_row(other))


def shuffled(value: Any, chance: random.Random, key: str = "") -> Any:
    if isinstance(value, dict):
        entries = [(name, shuffled(item, chance, name)) for name, item in value.items()]
        numbered = key in ("polygon", "polyline", "skeleton", "point")
        if not numbered:
            chance.shuffle(entries)
        return dict(entries)
    if isinstance(value, list):
        items = [shuffled(item, chance) for item in value]
        if key in ("objects", "classifications", "answers", "actions"):
            chance.shuffle(items)
        return items
    return value


def test_a_canonical_row_is_the_same_labels_to_the_sdk() -> None:
    row = filled_row()
    again = new_row("image")
    again.from_labels_dict(json.loads(canonical_bytes(canonical_row(row))))
    written = again.to_encord_dict()
    objects = sorted(row["data_units"]["data"]["labels"]["objects"], key=lambda item: item["objectHash"])
    assert sorted(written["data_units"]["data"]["labels"]["objects"], key=lambda item: item["objectHash"]) == objects
    assert written["object_answers"].keys() == row["object_answers"].keys()


def test_neither_signatures_nor_the_state_of_the_task_are_kept() -> None:
    row = filled_row() | {"label_status": "LABEL_IN_PROGRESS", "annotation_task_status": "QUEUED"}
    row["data_units"]["data"]["data_link"] = "https://bucket/key.jpg?signature=secret&expires=1"
    kept = canonical_row(row)
    assert kept["label_status"] == "LABELLED"
    assert "annotation_task_status" not in kept
    assert kept["data_units"]["data"]["data_link"] == "https://bucket/key.jpg"
