"""Drawings in pixels and as one ring, against the scoring engine's own areas and OpenCV's filling."""

from typing import Any

import cv2
import numpy as np
import pytest
import shapely

from benchmark_qa.formats.coco_writer import pixels_of
from benchmark_qa.formats.labelled_images import PlacedObject, read_images
from benchmark_qa.formats.regions import AREA_SHAPES, Mask, Region, joined_ring, one_ring, rings_of_mask
from benchmark_qa.formats.run_lengths import pixels_of_rings
from benchmark_qa.labels.ontology import Ontology, Shape
from benchmark_qa.labels.outlines import outlines
from benchmark_qa.labels.reader import read_label_row
from tests.unit.sdk_rows import HEIGHT, STRUCTURE, WIDTH, coordinates, editor, new_row

ONTOLOGY = Ontology.from_editor(editor())


@pytest.fixture(scope="module")
def label_row() -> dict[str, Any]:
    row = new_row("image")
    for name, drawn in coordinates().items():
        made = STRUCTURE.get_child_by_title(name).create_instance()
        made.set_for_frames(drawn)
        row.add_object_instance(made)
    return row.to_encord_dict()


@pytest.fixture(scope="module")
def placed(label_row: dict[str, Any]) -> dict[str, PlacedObject]:
    (image,) = read_images(label_row, ONTOLOGY).images
    return {ONTOLOGY.objects[item.feature].name: item for item in image.objects}


@pytest.mark.parametrize("name", ["box", "rotated", "polygon", "mask", "circle", "ellipse"])
def test_boxes_and_areas_are_those_of_the_scoring_engine(
    label_row: dict[str, Any], placed: dict[str, PlacedObject], name: str
) -> None:
    region = placed[name].region
    assert region is not None
    drawings = read_label_row(label_row, ONTOLOGY).drawings[placed[name].shape]
    which = [ONTOLOGY.objects[feature].name for feature in drawings.feature].index(name)
    area = outlines(drawings, drawings.media)[which]
    if placed[name].shape is not Shape.BITMASK:
        assert region.area == pytest.approx(area.area, rel=1e-4)
        left, top, right, bottom = area.bounds
        # A curve is a polygon in the engine, of the same area and a little wider.
        assert region.box == pytest.approx((left, top, right - left, bottom - top), abs=0.02)
    else:
        assert (region.area, region.box) == (15 * 24, (5, 6, 15, 24))


def test_every_shape_that_has_an_area_has_an_outline_or_a_mask(placed: dict[str, PlacedObject]) -> None:
    for name, item in placed.items():
        if item.shape in AREA_SHAPES:
            assert item.region is not None, name
            assert bool(item.region.polygons) != (item.region.mask is not None), name
    assert placed["line"].region is None
    assert placed["flat cuboid"].region is None


def random_mask(seed: int) -> np.ndarray[Any, Any]:
    """Blobs with holes, in several parts."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random((40, 50)), (0, 0), 2.5)
    return noise > np.quantile(noise, 0.6)


def region_of(pixels: np.ndarray[Any, Any]) -> Region:
    flat = np.concatenate(([False], pixels.ravel(), [False])).astype(int)
    starts, ends = np.flatnonzero(np.diff(flat) == 1), np.flatnonzero(np.diff(flat) == -1)
    return Region((0, 0, 0, 0), float(pixels.sum()), mask=Mask(starts, ends, *pixels.shape))


@pytest.mark.parametrize("seed", range(12))
def test_a_masks_outlines_cover_exactly_its_pixels(seed: int) -> None:
    pixels = random_mask(seed)
    region = region_of(pixels)
    assert region.mask is not None
    polygons = rings_of_mask(region.mask)
    outlined = Region((0, 0, 0, 0), region.area, tuple(polygons))
    assert (pixels_of(outlined, *pixels.shape) == pixels).all()
    areas = [shapely.Polygon(outer, holes) for outer, *holes in polygons]
    assert sum(area.area for area in areas) == pixels.sum()


@pytest.mark.parametrize("seed", range(12))
def test_one_ring_fills_to_the_same_pixels(seed: int) -> None:
    pixels = random_mask(seed)
    ring = one_ring(region_of(pixels))
    assert (pixels_of_rings([ring], *pixels.shape) == pixels).all()
    scale = 16
    filled = np.zeros((pixels.shape[0] * scale, pixels.shape[1] * scale), np.uint8)
    cv2.fillPoly(filled, [np.round(ring * scale * 256 - 128).astype(np.int32)], 1, shift=8)
    centres = filled[scale // 2 :: scale, scale // 2 :: scale].astype(bool)
    # OpenCV, which training uses, draws the outline too: a bridge is one line of the magnified image.
    assert (centres != pixels).mean() < 0.01


def test_a_single_ring_is_left_as_it_is() -> None:
    ring = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0]])
    assert (joined_ring([ring]) == ring).all()


def test_an_empty_mask_and_what_is_flat_have_no_region() -> None:
    row = new_row("image").to_encord_dict()
    flat = [{"x": 0.1, "y": 0.1}, {"x": 0.5, "y": 0.1}, {"x": 0.9, "y": 0.1}]
    row["data_units"]["data"]["labels"] = {
        "objects": [
            {
                "objectHash": "empty000",
                "featureHash": "Omask___",
                "shape": "bitmask",
                "bitmask": {"top": 0, "left": 0, "height": HEIGHT, "width": WIDTH, "rleString": ""},
            },
            {"objectHash": "flat0000", "featureHash": "Opolygon", "shape": "polygon", "polygon": flat},
            {
                "objectHash": "flat0001",
                "featureHash": "Obox____",
                "shape": "bounding_box",
                "boundingBox": {"x": 0.1, "y": 0.1, "w": 0.0, "h": 0.5},
            },
        ],
        "classifications": [],
    }
    (image,) = read_images(row, ONTOLOGY).images
    assert [item.region for item in image.objects] == [None, None, None]
