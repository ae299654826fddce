"""Masks, outlines with holes, keypoints, checklists and films through the import, and read back with Encord's SDK."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from encord.objects import LabelRowV2, Object
from encord.objects.coordinates import (
    BitmaskCoordinates,
    BoundingBoxCoordinates,
    PolygonCoordinates,
    SkeletonCoordinates,
    Visibility,
)
from encord.utilities.coco.exporter import CocoExporter
from pycocotools import mask as coco_mask

from tests.integration.service.sandbox import BENCHMARK, SERVICE
from tests.integration.truth.coco_files import coco_of, written
from tests.integration.truth.conftest import Bench, Open
from tests.integration.truth.shapes import with_shapes

WIDTH, HEIGHT = 1280, 720


def coco(pedestrians: dict[str, Any], name: str, *annotations: dict[str, Any], **category: Any) -> dict[str, Any]:
    """The first image with these annotations of one class."""
    document = coco_of(pedestrians["images"][:1])
    return document | {
        "categories": [{"id": 1, "name": name, **category}],
        "annotations": [
            {"id": own, "image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 40], **each}
            for own, each in enumerate(annotations, start=1)
        ],
    }


def imported(bench: Bench, source: Path, *options: str) -> LabelRowV2:
    """The first label row after the import, which a second import leaves as it is."""
    done = bench.run("truth", "import", source, *options, "--json")
    assert done.exit_code == 0, done.output
    again = json.loads(bench.run("truth", "import", source, *options, "--json").stdout)
    assert (again["written"], len(again["unchanged"])) == ([], 1)
    return next(row for row in bench.rows().values() if row.label_hash)


def coordinates(row: LabelRowV2) -> list[Any]:
    return [instance.get_annotation(0).coordinates for instance in row.get_object_instances()]


def test_run_lengths_come_back_pixel_by_pixel(opened: Open, pedestrians: dict[str, Any], tmp_path: Path) -> None:
    ring = np.zeros((HEIGHT, WIDTH), np.uint8)
    ring[100:300, 200:500] = 1
    ring[150:250, 300:400] = 0  # a hole
    noise = (np.random.default_rng(3).random((HEIGHT, WIDTH)) < 0.3).astype(np.uint8)
    masks = [coco_mask.encode(np.asfortranarray(pixels)) for pixels in (ring, noise)]
    given = [{"segmentation": {"size": m["size"], "counts": m["counts"].decode()}, "iscrowd": 1} for m in masks]
    source = written(tmp_path / "masks.json", coco(pedestrians, "mask", *given))
    with opened(1, change=with_shapes) as bench:
        found = coordinates(imported(bench, source))
        assert all(isinstance(each, BitmaskCoordinates) for each in found)
        read = sorted((each.to_numpy_array() for each in found), key=lambda pixels: int(pixels.sum()))
        assert (read[0] == ring.astype(bool)).all()
        assert (read[1] == noise.astype(bool)).all()


def test_keypoints_come_back_under_their_names(opened: Open, pedestrians: dict[str, Any], tmp_path: Path) -> None:
    document = coco(pedestrians, "pose", {"keypoints": [128, 360, 1, 640, 72, 2]}, keypoints=["foot", "head"])
    source = written(tmp_path / "poses.json", document)
    with opened(1, change=with_shapes) as bench:
        (pose,) = coordinates(imported(bench, source))
        assert isinstance(pose, SkeletonCoordinates)
        points = {point.name: (point.x, point.y, str(point.visibility)) for point in pose.values}
        assert points == {"head": (0.5, 0.1, str(Visibility.VISIBLE)), "foot": (0.1, 0.5, str(Visibility.OCCLUDED))}


def test_outlines_of_several_parts_and_with_holes_come_back_ring_by_ring(
    opened: Open, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    parts = [[128, 72, 256, 72, 256, 144], [640, 360, 768, 360, 768, 432, 640, 432]]
    source = written(tmp_path / "outlines.json", coco(pedestrians, "outline", {"segmentation": parts}))
    with opened(1, change=with_shapes) as bench:
        row = imported(bench, source)
        (outline,) = coordinates(row)
        assert isinstance(outline, PolygonCoordinates)
        assert [[[(p.x, p.y) for p in ring] for ring in polygon] for polygon in outline.polygons] == [
            [[(0.1, 0.1), (0.2, 0.1), (0.2, 0.2)]],
            [[(0.5, 0.5), (0.6, 0.5), (0.6, 0.6), (0.5, 0.6)]],
        ]
        export = row.to_encord_dict()
    (drawing,) = next(iter(export["data_units"].values()))["labels"]["objects"]
    # COCO's lists have no holes; Encord's own JSON has.
    drawing["polygons"] = [[[0.1, 0.1, 0.9, 0.1, 0.9, 0.9], [0.4, 0.2, 0.6, 0.2, 0.6, 0.4]]]
    drawing.pop("polygon", None)
    holed = written(tmp_path / "holed.json", [export])
    with opened(1, change=with_shapes) as bench:
        (outline,) = coordinates(imported(bench, holed))
        rings = [[[(p.x, p.y) for p in ring] for ring in polygon] for polygon in outline.polygons]
        assert rings == [[[(0.1, 0.1), (0.9, 0.1), (0.9, 0.9)], [(0.4, 0.2), (0.6, 0.2), (0.6, 0.4)]]]


def test_checklists_of_encords_own_coco_export_are_ticked_again(
    opened: Open, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    with opened(1, change=with_shapes) as there:
        (row,) = there.sandbox.client().get_project(BENCHMARK).list_label_rows_v2()
        row.initialise_labels()
        person = row.ontology_structure.get_child_by_title("person", type_=Object)
        wears = person.attributes[0]
        drawn = person.create_instance()
        box = BoundingBoxCoordinates(height=0.25, width=0.25, top_left_x=0.5, top_left_y=0.5)
        drawn.set_for_frames(box, frames=0)
        drawn.set_answer([wears.options[0], wears.options[2]], attribute=wears)
        row.add_object_instance(drawn)
        document = CocoExporter([row.to_encord_dict()], row.ontology_structure).export()
    assert document["annotations"][0]["attributes"]["classifications"] == {"hat": True, "coat": False, "bag": True}
    source = written(tmp_path / "encord-coco.json", document)
    with opened(1, change=with_shapes) as bench:
        (instance,) = imported(bench, source).get_object_instances()
        ticked: Any = instance.get_answer(attribute=instance.ontology_item.attributes[0])
        assert sorted(option.title for option in ticked) == ["bag", "hat"]
        assert instance.get_annotation(0).coordinates == box


def with_film(world: dict[str, Any]) -> dict[str, Any]:
    """A film of thirty frames in the place of the first image."""
    world = with_shapes(world)
    (images,) = [each for each in world["datasets"] if each["title"] == "Benchmark images"]
    film = {**images["data"][0], "type": "video", "title": "street.mp4", "frames": 30, "fps": 10, "duration": 3}
    datasets = [each if each is not images else {**images, "data": [film]} for each in world["datasets"]]
    return {**world, "datasets": datasets}


def test_labels_of_films_keep_their_frames(opened: Open, tmp_path: Path) -> None:
    with opened(1, change=with_film) as there:
        (row,) = there.sandbox.client().get_project(BENCHMARK).list_label_rows_v2()
        row.initialise_labels()
        drawn = row.ontology_structure.get_child_by_title("pedestrian", type_=Object).create_instance()
        for frame in (0, 7, 29):
            box = BoundingBoxCoordinates(height=0.1, width=0.1, top_left_x=frame / 100, top_left_y=0.5)
            drawn.set_for_frames(box, frames=frame)
        row.add_object_instance(drawn)
        export = row.to_encord_dict()
    source = written(tmp_path / "film.json", [export])
    with opened(1, change=with_film) as bench:
        (instance,) = imported(bench, source, "--complete").get_object_instances()
        boxes = {each.frame: each.coordinates for each in instance.get_annotations()}
        assert all(isinstance(box, BoundingBoxCoordinates) for box in boxes.values())
        assert {frame: box.top_left_x for frame, box in boxes.items()} == {0: 0.0, 7: 0.07, 29: 0.29}  # type: ignore[union-attr]
        assert bench.stages()["Complete"] == 1


def test_labels_of_an_image_are_not_written_onto_a_film(
    opened: Open, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    document = coco_of([next(image for image in pedestrians["images"] if image["ground_truth"])])
    document["images"][0]["file_name"] = "street.mp4"
    source = written(tmp_path / "frames.json", document)
    with opened(1, change=with_film) as bench:
        refused = bench.run("truth", "import", source)
        assert refused.exit_code == 4
        assert "the labels are of an image, the data unit is of type video" in refused.stderr


def test_what_somebody_is_at_work_on_is_neither_written_nor_moved(
    opened: Open, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    source = written(tmp_path / "truth.json", coco_of(pedestrians["images"][:3]))

    def assigned(world: dict[str, Any]) -> dict[str, Any]:
        benchmark, *others = world["projects"]
        first, *rest = benchmark["tasks"]
        tasks = [{**first, "assignee": SERVICE, "status": "ASSIGNED"}, *rest]
        return {**world, "projects": [{**benchmark, "tasks": tasks}, *others]}

    with opened(3, change=assigned) as bench:
        done = bench.run("truth", "import", source, "--complete", "--replace")
        assert done.exit_code == 4
        assert f"{SERVICE} is at work on it: release the task first" in done.stderr
        assert bench.stages() == {"Annotate": 1, "Review": 0, "Complete": 2}
        assert sum(row.label_hash is not None for row in bench.rows().values()) == 2


@pytest.mark.parametrize("box", [[1280, 10, 5, 5], [-20, 10, 20, 5], [10, 720, 5, 5]])
def test_boxes_that_lie_outside_their_image_are_refused(
    opened: Open, pedestrians: dict[str, Any], tmp_path: Path, box: list[float]
) -> None:
    source = written(tmp_path / "outside.json", coco(pedestrians, "pedestrian", {"bbox": box}))
    with opened(1) as bench:
        refused = bench.run("truth", "import", source)
        assert refused.exit_code == 2
        assert "annotation 1: has a bbox that lies outside its image" in refused.stderr
        assert bench.writes() == 0
