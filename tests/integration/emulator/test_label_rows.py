"""Label rows of every modality: every shape saved by one client is read back whole by another."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from encord.objects import LabelRowV2, ObjectInstance
from encord.objects.coordinates import AudioCoordinates, HtmlCoordinates, TextCoordinates, TimeRangeCoordinates
from encord.objects.frames import Range
from encord.objects.html_node import HtmlNode, HtmlRange

from .conftest import KEYS, OPERATOR, PROJECT, REVIEWER, Site, Start
from .everything import COORDINATES, EDITOR, HEIGHT, PLANE_SHAPES, WIDTH

SIZE = {"width": WIDTH, "height": HEIGHT}


def _frames(number: int, kind: str = "image") -> list[dict[str, Any]]:
    return [{"name": f"{kind} {n}.png", "type": kind, **SIZE} for n in range(number)]


DATA: dict[str, dict[str, Any]] = {
    "image": {"type": "image", **SIZE},
    "video": {"type": "video", "frames": 10, "fps": 5, "duration": 2, **SIZE},
    "img_group": {"type": "img_group", "children": _frames(6)},
    "image_sequence": {"type": "image_sequence", "children": _frames(6)},
    "dicom": {"type": "dicom", "children": _frames(6, "dicom_file"), **SIZE},
    "nifti": {"type": "nifti", "frames": 6, **SIZE},
    "pdf": {"type": "pdf", "frames": 6},
    "scene": {"type": "scene", "frames": 6},
    "audio": {"type": "audio", "duration": 3, "sample_rate": 8000, "bit_depth": 16, "codec": "pcm", "channels": 2},
    "plain_text": {"type": "plain_text"},
    "html": {"type": "html"},
    "time_series": {"type": "time_series"},
}
HASHES = {kind: f"c0000000-0000-4000-8000-{n:012d}" for n, kind in enumerate((*DATA, "group"))}
FRAME_KINDS = ("image", "video", "img_group", "image_sequence", "dicom", "nifti", "pdf")
MEMBERS = (
    "video", "image", "image_sequence", "audio", "plain_text", "html", "dicom", "nifti", "pdf", "time_series"
)  # fmt: skip


def world() -> dict[str, Any]:
    group = {
        "type": "group",
        "children": [{"name": f"member {kind}", **DATA[kind]} for kind in MEMBERS],
    }
    people = {OPERATOR: "admin", REVIEWER: "reviewer"}
    return {
        "users": [{"email": email, "public_keys": [KEYS[email].public]} for email in people],
        "ontologies": [{"title": "Everything", "editor": EDITOR}],
        "datasets": [
            {
                "title": "All kinds",
                "data": [
                    {"hash": HASHES[kind], "title": f"a {kind}", **spec}
                    for kind, spec in {**DATA, "group": group}.items()
                ],
            }
        ],
        "projects": [
            {
                "hash": PROJECT,
                "title": "All kinds",
                "ontology": "Everything",
                "datasets": ["All kinds"],
                "users": people,
            }
        ],
    }


@pytest.fixture
def site(start: Start) -> Site:
    return start(world())


def row_of(site: Site, kind: str, email: str = OPERATOR) -> LabelRowV2:
    (row,) = site.project(email).list_label_rows_v2(data_hashes=[HASHES[kind]])
    row.initialise_labels()
    return row


def instance(row: LabelRowV2, shape: str) -> ObjectInstance:
    feature = next(o for o in row.ontology_structure.objects if o.shape.value == shape)
    found = feature.create_instance()
    for attribute in feature.attributes:
        if attribute.dynamic:
            continue
        if attribute.name == "Pose":
            found.set_answer(attribute.options[0], attribute)
        elif attribute.name == "Seen":
            found.set_answer(attribute.options, attribute)
        elif attribute.name == "Note":
            found.set_answer("a note – with ünicode", attribute)
        elif attribute.name == "Age":
            found.set_answer(4.5, attribute)
    why = next(option for option in feature.attributes[0].options if option.label == "Standing").nested_options[0]
    found.set_answer("because", why)
    return found


def turn(found: ObjectInstance, frames: list[int]) -> None:
    """Gives the dynamic attribute another answer on every frame."""
    looking = next(a for a in found.ontology_item.attributes if a.dynamic)
    for number, frame in enumerate(frames):
        found.set_answer(looking.options[number % 2], looking, frames=frame)


def classify(row: LabelRowV2, frames: list[int] | None) -> None:
    for classification in row.ontology_structure.classifications:
        found = classification.create_instance(range_only=frames is None)
        attribute = classification.attributes[0]
        chosen = {"Remark": "seen", "Count": 3.0}.get(attribute.name) or attribute.options[-1]
        found.set_answer([chosen] if attribute.name == "Things" else chosen, attribute=attribute)
        if attribute.name == "Weather":
            found.set_answer("a lot", attribute=attribute.options[-1].nested_options[0])
        if classification.is_global:
            found.set_for_frames()
        elif frames is not None:
            found.set_for_frames(frames, confidence=0.75)
        else:
            found.set_for_frames(Range(0, 0), confidence=0.75)
        row.add_classification_instance(found)


def canonical(value: Any) -> Any:
    """Label row JSON without what the platform fills in and without the order of lists that the SDK turns round."""
    filled_in = {"createdBy", "objectNumber", "last_edited_at", "lastEditedAt", "created_at"}
    if isinstance(value, dict):
        return {key: canonical(inner) for key, inner in sorted(value.items()) if key not in filled_in}
    if isinstance(value, list | tuple):
        found = [canonical(inner) for inner in value]
        return sorted(found, key=repr) if found and isinstance(found[0], dict) else found
    return value


def read_back_equals(site: Site, row: LabelRowV2, kind: str) -> None:
    written = row.to_encord_dict()
    row.save()
    again = row_of(site, kind, REVIEWER)
    assert canonical(again.to_encord_dict()) == canonical(written)
    assert len(again.get_object_instances()) == len(row.get_object_instances())
    assert len(again.get_classification_instances()) == len(row.get_classification_instances())


@pytest.mark.parametrize("kind", FRAME_KINDS)
def test_every_plane_shape_on_every_kind_with_frames(site: Site, kind: str) -> None:
    row = row_of(site, kind)
    frames = [0] if kind == "image" else [0, 2, 4]
    for shape in PLANE_SHAPES:
        if shape == "bitmask" and kind == "pdf":
            continue  # A page has no size in pixels, so the SDK refuses masks on it.
        for coordinates in COORDINATES[shape]:
            found = instance(row, shape)
            for frame in frames:
                found.set_for_frames(coordinates, frame, confidence=0.5 + frame / 10, manual_annotation=frame == 0)
            turn(found, frames)
            row.add_object_instance(found)
    classify(row, frames)
    read_back_equals(site, row, kind)


def test_cuboids_on_a_scene(site: Site) -> None:
    row = row_of(site, "scene")
    found = instance(row, "cuboid")
    for frame in (0, 3):
        found.set_for_frames(COORDINATES["cuboid"][0], frame)
    turn(found, [0, 3])
    row.add_object_instance(found)
    read_back_equals(site, row, "scene")


RANGES: dict[str, tuple[str, Callable[[], Any]]] = {
    "audio": ("audio", lambda: AudioCoordinates(range=[Range(0, 400), Range(900, 1200)])),
    "time_series": ("time_range", lambda: TimeRangeCoordinates(range=[Range(5, 9)])),
    "plain_text": ("text", lambda: TextCoordinates(range=[Range(0, 7), Range(12, 20)])),
    "html": (
        "text",
        lambda: HtmlCoordinates(
            range=[
                HtmlRange(
                    start=HtmlNode(xpath="/html[1]/body[1]/p[1]/text()[1]", offset=2),
                    end=HtmlNode(xpath="/html[1]/body[1]/p[2]/text()[1]", offset=5),
                )
            ]
        ),
    ),
}


@pytest.mark.parametrize("kind", RANGES)
def test_ranges_on_every_kind_without_frames(site: Site, kind: str) -> None:
    shape, make = RANGES[kind]
    row = row_of(site, kind)
    found = instance(row, shape)
    found.set_for_frames(make())
    row.add_object_instance(found)
    classify(row, None)
    read_back_equals(site, row, kind)


def test_a_data_group_has_a_space_for_every_member_and_keeps_labels_on_each(site: Site) -> None:
    row = row_of(site, "group")
    spaces = {space.metadata.file_name.removeprefix("member "): space for space in row.get_spaces()}
    assert set(spaces) == set(MEMBERS)
    box = COORDINATES["bounding_box"][0]
    for kind in ("video", "image_sequence", "dicom", "nifti"):
        spaces[kind].put_object_instance(instance(row, "bounding_box"), frames=[0, 2], coordinates=box)
    spaces["pdf"].put_object_instance(instance(row, "bounding_box"), pages=[0, 2], coordinates=box)
    spaces["image"].put_object_instance(instance(row, "bounding_box"), coordinates=box)
    spaces["audio"].put_object_instance(instance(row, "audio"), ranges=Range(100, 200))
    spaces["plain_text"].put_object_instance(instance(row, "text"), ranges=Range(1, 4))
    spaces["time_series"].put_object_instance(instance(row, "time_range"), ranges=Range(1, 4))
    node = HtmlNode(xpath="/html[1]/body[1]/p[1]/text()[1]", offset=2)
    spaces["html"].put_object_instance(instance(row, "text"), ranges=HtmlRange(start=node, end=node))
    usable = next(c for c in row.ontology_structure.classifications if not c.is_global).create_instance()
    usable.set_answer(usable.ontology_item.attributes[0].options[0])
    spaces["video"].put_classification_instance(usable, frames=[1, 2])

    written = row.to_encord_dict()
    row.save()
    again = row_of(site, "group", REVIEWER)
    assert canonical(again.to_encord_dict()) == canonical(written)
    counts = {s.metadata.file_name.removeprefix("member "): len(s.get_object_instances()) for s in again.get_spaces()}
    assert counts == dict.fromkeys(MEMBERS, 1)


def test_a_mask_is_read_back_pixel_by_pixel(site: Site) -> None:
    row = row_of(site, "image")
    mask = COORDINATES["bitmask"][0]
    found = instance(row, "bitmask")
    found.set_for_frames(mask)
    row.add_object_instance(found)
    row.save()
    (again,) = row_of(site, "image", REVIEWER).get_object_instances()
    assert np.array_equal(again.get_annotation(0).coordinates.to_numpy_array(), mask.to_numpy_array())


def test_the_platform_names_the_author_where_the_sdk_does_not(site: Site) -> None:
    row = row_of(site, "video")
    named, unnamed = instance(row, "point"), instance(row, "point")
    named.set_for_frames(COORDINATES["point"][0], created_by="model@example.com")
    unnamed.set_for_frames(COORDINATES["point"][0])
    row.add_object_instance(named)
    row.add_object_instance(unnamed)
    row.save()
    authors = [o.get_annotation(0).created_by for o in row_of(site, "video", REVIEWER).get_object_instances()]
    assert sorted(authors, key=str) == ["model@example.com", OPERATOR]


def test_objects_are_numbered_by_feature_and_keep_their_numbers(site: Site) -> None:
    row = row_of(site, "image")
    for shape in ("point", "point", "circle"):
        found = instance(row, shape)
        found.set_for_frames(COORDINATES[shape][0])
        row.add_object_instance(found)
    row.save()
    again = row_of(site, "image")
    numbers = sorted((o.ontology_item.name, o.object_number) for o in again.get_object_instances())
    assert numbers == [("circle", 0), ("point", 0), ("point", 1)]
    again.remove_object(next(o for o in again.get_object_instances() if o.object_number == 0))
    more = instance(again, "point")
    more.set_for_frames(COORDINATES["point"][0])
    again.add_object_instance(more)
    again.save()
    points = [o.object_number for o in row_of(site, "image").get_object_instances() if o.object_name == "point"]
    assert len(points) == len(set(points))


def test_a_scene_has_a_space_for_every_point_cloud_and_image(start: Start) -> None:
    spec = world()
    scene = {
        "lidar": {"type": "point_cloud", "events": [{"uri": f"s3://bucket/{n}.pcd", "timestamp": n} for n in range(2)]},
        "front": {"type": "image", "camera": "c", "events": [{"uri": "s3://bucket/0.png", "timestamp": 0}]},
    }
    next(data for data in spec["datasets"][0]["data"] if data["hash"] == HASHES["scene"])["scene"] = scene
    site = start(spec)
    row = row_of(site, "scene")
    cloud = row.get_space(stream_id="lidar", event_index=1, type_="point_cloud")
    cloud.put_object_instance(instance(row, "segmentation"), ranges=[Range(0, 5), Range(10, 12)])
    image = row.get_space(stream_id="front", event_index=0, type_="image")
    image.put_object_instance(instance(row, "bounding_box"), coordinates=COORDINATES["bounding_box"][0])
    written = row.to_encord_dict()
    row.save()
    again = row_of(site, "scene", REVIEWER)
    assert canonical(again.to_encord_dict()) == canonical(written)
    counts = {(s.metadata.stream_id, s.metadata.event_index): len(s.get_object_instances()) for s in again.get_spaces()}
    assert counts == {("lidar", 0): 0, ("lidar", 1): 1, ("front", 0): 1}


def test_client_metadata_comes_in_the_listing_or_behind_signed_urls(start: Start) -> None:
    spec = world()
    for data in spec["datasets"][0]["data"]:
        data["client_metadata"] = {"place": data["title"]}
    project = start(spec).project()
    for locally in (False, True):
        rows = project.list_label_rows_v2(include_client_metadata=True, resolve_client_metadata_locally=locally)
        assert {row.client_metadata["place"] for row in rows if row.client_metadata} == {f"a {kind}" for kind in HASHES}


def test_labels_on_a_recording_are_events_on_its_timeline(start: Start) -> None:
    spec = world()
    recording = {"content": {"url": "s3://bucket/drive.mcap", "format": "mcap"}}
    next(data for data in spec["datasets"][0]["data"] if data["hash"] == HASHES["scene"])["scene"] = recording
    site = start(spec)
    row = row_of(site, "scene")
    assert row.is_event_based
    found = instance(row, "cuboid")
    row.add_object_instance(found)
    found.upsert_event(COORDINATES["cuboid"][0], 1_000_000)
    found.delete_event(2_000_000)
    written = row.to_encord_dict()
    row.save()
    again = row_of(site, "scene", REVIEWER)
    assert canonical(again.to_encord_dict()) == canonical(written)
    assert len(again.get_object_instances()) == 1
