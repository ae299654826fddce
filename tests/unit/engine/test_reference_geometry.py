"""Our similarities against the field's reference libraries, both sides run on the same random shapes."""

from typing import Any

import numpy as np
import pytest
import shapely
from pycocotools import mask as coco_mask
from pycocotools.cocoeval import COCOeval
from scipy.optimize import linear_sum_assignment
from shapely import affinity

from benchmark_qa.engine.config import ScoringConfig, ScoringRules
from benchmark_qa.engine.pairs import Pairs, best_pairs
from benchmark_qa.engine.similarity.measure import measure
from benchmark_qa.labels.annotations import Drawings
from benchmark_qa.labels.ontology import Ontology, Shape
from benchmark_qa.labels.reader import read_label_row
from tests.unit import sdk_rows
from tests.unit.rows import image_row

ONTOLOGY = Ontology.from_editor(sdk_rows.editor())
WIDTH, HEIGHT = 320, 200
IMAGE = shapely.box(0, 0, WIDTH, HEIGHT)
RANDOM = np.random.default_rng(11)
START = RANDOM.bit_generator.state


@pytest.fixture(autouse=True)
def same_random_shapes_whichever_tests_ran_before() -> None:
    RANDOM.bit_generator.state = START


def similarities(shape: str, truth: list[dict[str, Any]], label: list[dict[str, Any]], **config: Any) -> np.ndarray:
    """Every truth drawing against every label drawing (n, m), through label row JSON."""
    first, second = (drawn(shape, side) for side in (truth, label))
    rules = ScoringRules(ScoringConfig(**config), ONTOLOGY)
    rows, columns = np.divmod(np.arange(len(truth) * len(label)), len(label))
    found = measure(first, second, (first.media, second.media), rules)
    return found.similarity(Pairs(rows, columns)).reshape(len(truth), len(label))


def drawn(shape: str, geometries: list[dict[str, Any]]) -> Drawings:
    name = next(name for name, kind in sdk_rows.SHAPES.items() if kind == shape)
    objects = [
        {"objectHash": f"{i:08d}", "featureHash": sdk_rows.feature(name), "shape": shape, **geometry}
        for i, geometry in enumerate(geometries)
    ]
    row = image_row("data", width=WIDTH, height=HEIGHT, objects=objects)
    return read_label_row(row, ONTOLOGY).drawings[Shape(shape)]


def random_boxes(count: int) -> np.ndarray:
    """Left, top, width, height in fractions (n, 4)."""
    size = RANDOM.uniform(0.05, 0.5, (count, 2))
    return np.concatenate((RANDOM.uniform(0, 1, (count, 2)) * (1 - size), size), axis=1)


def as_boxes(table: np.ndarray) -> list[dict[str, Any]]:
    return [{"boundingBox": dict(zip("xywh", row, strict=True))} for row in table.tolist()]


def test_boxes_agree_with_pycocotools_to_1e_9() -> None:
    truth, label = random_boxes(60), random_boxes(70)
    pixels = np.array([WIDTH, HEIGHT] * 2)
    reference = coco_mask.iou(truth * pixels, label * pixels, np.zeros(70, np.uint8))
    assert similarities("bounding_box", as_boxes(truth), as_boxes(label)) == pytest.approx(reference, abs=1e-9)


def blob() -> np.ndarray:
    """A random region with holes."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    centre, size = RANDOM.uniform((40, 60), (160, 260)), RANDOM.uniform(20, 80)
    wave = np.sin(x / 9 + RANDOM.uniform(0, 6)) * np.cos(y / 7)
    return np.hypot(y - centre[0], x - centre[1]) + 20 * wave < size


def as_masks(masks: list[np.ndarray]) -> list[dict[str, Any]]:
    return [{"bitmask": sdk_rows.BitmaskCoordinates(mask).to_dict()} for mask in masks]


def test_bitmasks_agree_with_pycocotools_to_1e_9() -> None:
    truth, label = [blob() for _ in range(12)], [blob() for _ in range(14)]
    encoded = [[coco_mask.encode(np.asfortranarray(m.astype(np.uint8))) for m in side] for side in (truth, label)]
    reference = coco_mask.iou(encoded[0], encoded[1], np.zeros(14, np.uint8))
    assert reference.max() > 0.2
    assert similarities("bitmask", as_masks(truth), as_masks(label)) == pytest.approx(reference, abs=1e-9)


def star(corners: int = 15) -> np.ndarray:
    angle = np.sort(RANDOM.uniform(0, 2 * np.pi, corners))
    radius = RANDOM.uniform(0.08, 0.35, corners)
    return RANDOM.uniform(0.3, 0.7, 2) + np.stack((np.cos(angle), np.sin(angle)), axis=1) * radius[:, None]


def test_polygons_with_holes_agree_with_shapely() -> None:
    rings = [[star(), star(6) * 0.2 + 0.4] for _ in range(24)]
    drawings = [{"polygons": [[outer.ravel().tolist(), inner.ravel().tolist()]]} for outer, inner in rings]
    scale = np.array([WIDTH, HEIGHT])
    areas = [
        shapely.make_valid(shapely.Polygon(outer * scale, [inner * scale]), method="structure") & IMAGE
        for outer, inner in rings
    ]
    reference = [
        [a.intersection(b).area / a.union(b).area for b in areas[12:]] for a in areas[:12]
    ]  # the union computed, not derived
    assert similarities("polygon", drawings[:12], drawings[12:]) == pytest.approx(np.array(reference), abs=1e-9)


def test_rotated_boxes_agree_with_shapely() -> None:
    boxes, turns = random_boxes(40), RANDOM.uniform(-180, 360, 40)
    drawings = [
        {"rotatableBoundingBox": {**dict(zip("xywh", row, strict=True)), "theta": theta}}
        for row, theta in zip(boxes.tolist(), turns.tolist(), strict=True)
    ]
    pixels = boxes * np.array([WIDTH, HEIGHT] * 2)
    areas = [
        affinity.rotate(shapely.box(x, y, x + w, y + h), theta, origin="center") & IMAGE
        for (x, y, w, h), theta in zip(pixels.tolist(), turns, strict=True)
    ]
    reference = [[a.intersection(b).area / a.union(b).area for b in areas[20:]] for a in areas[:20]]
    got = similarities("rotatable_bounding_box", drawings[:20], drawings[20:])
    assert got == pytest.approx(np.array(reference), abs=1e-9)


def coco_oks(truth: np.ndarray, label: np.ndarray, visible: np.ndarray, sigma: float) -> float:
    """COCO's own `computeOks` for one object."""
    seen = truth[visible > 0]
    size = seen.max(axis=0) - seen.min(axis=0)
    evaluation = COCOeval(iouType="keypoints")
    evaluation.params.kpt_oks_sigmas = np.full(len(truth), sigma)
    evaluation.params.maxDets = [20]
    points = np.concatenate((truth, visible[:, None]), axis=1).ravel().tolist()
    evaluation._gts[1, 1] = [{"keypoints": points, "area": float(size.prod()), "bbox": [0, 0, 1, 1]}]
    guess = np.concatenate((label, np.ones((len(label), 1))), axis=1).ravel().tolist()
    evaluation._dts[1, 1] = [{"keypoints": guess, "score": 1.0, "bbox": [0, 0, 1, 1]}]
    return float(evaluation.computeOks(1, 1)[0, 0])


def as_skeleton(points: np.ndarray, visible: np.ndarray) -> dict[str, Any]:
    states = {0: "invisible", 1: "occluded", 2: "visible"}
    return {
        "name": "skeleton",
        "skeleton": {
            str(i): {"x": x / WIDTH, "y": y / HEIGHT, "name": f"point {i}", "visibility": states[int(v)]}
            for i, ((x, y), v) in enumerate(zip(points.tolist(), visible, strict=True))
        },
    }


@pytest.mark.parametrize("sigma", [0.09, 0.05])
def test_skeletons_agree_with_the_oks_of_pycocotools(sigma: float) -> None:
    for _ in range(40):
        truth = RANDOM.uniform((100, 60), (200, 140), (17, 2))
        label = truth + RANDOM.normal(0, 6, truth.shape)
        visible = RANDOM.integers(0, 3, 17)
        visible[:2] = 2
        got = similarities("skeleton", [as_skeleton(truth, visible)], [as_skeleton(label, visible)], sigma=sigma)
        assert got[0, 0] == pytest.approx(coco_oks(truth, label, visible, sigma), abs=1e-9)


def test_a_point_falls_off_as_a_gaussian_of_its_distance() -> None:
    truth, label = (
        [{"point": {"0": {"x": 0.5, "y": 0.5}}}],
        [{"point": {"0": {"x": 0.5 + 6 / WIDTH, "y": 0.5 + 8 / HEIGHT}}}],
    )
    spread = 2 * 0.02 * np.sqrt(WIDTH * HEIGHT)
    assert similarities("point", truth, label, point_sigma=0.02)[0, 0] == pytest.approx(np.exp(-100 / (2 * spread**2)))


def as_cuboid(box: np.ndarray) -> dict[str, Any]:
    parts = {"position": box[:3], "orientation": box[3:6], "size": box[6:]}
    return {"cuboid": {key: value.tolist() for key, value in parts.items()}}


def test_upright_boxes_in_space_agree_with_shapely_prisms() -> None:
    for _ in range(30):
        boxes = [
            np.concatenate((RANDOM.uniform(-1, 1, 3), [0, 0], RANDOM.uniform(-3, 3, 1), RANDOM.uniform(1, 3, 3)))
            for _ in range(2)
        ]
        grounds = [
            affinity.rotate(shapely.box(-b[6] / 2, -b[7] / 2, b[6] / 2, b[7] / 2), b[5], use_radians=True)
            for b in boxes
        ]
        grounds = [affinity.translate(g, b[0], b[1]) for g, b in zip(grounds, boxes, strict=True)]
        low = max(b[2] - b[8] / 2 for b in boxes)
        high = min(b[2] + b[8] / 2 for b in boxes)
        shared = grounds[0].intersection(grounds[1]).area * max(high - low, 0)
        reference = shared / (sum(b[6:].prod() for b in boxes) - shared)
        got = similarities("cuboid", [as_cuboid(boxes[0])], [as_cuboid(boxes[1])])[0, 0]
        assert got == pytest.approx(reference, abs=1e-7)


def test_flat_cuboids_agree_with_shapely_face_by_face() -> None:
    def cuboid(shift: float) -> dict[str, Any]:
        front = [0.2 + shift, 0.2, 0.5 + shift, 0.2, 0.5 + shift, 0.6, 0.2 + shift, 0.6]
        return {"cuboid_2d": {"front": front, "offset": {"x": 0.1, "y": -0.1}}}

    def parts(shift: float) -> list[shapely.Geometry]:
        front = shapely.box((0.2 + shift) * WIDTH, 0.2 * HEIGHT, (0.5 + shift) * WIDTH, 0.6 * HEIGHT)
        back = affinity.translate(front, 0.1 * WIDTH, -0.1 * HEIGHT)
        return [shapely.union_all([front, back]).convex_hull, front, back]

    ious = [a.intersection(b).area / a.union(b).area for a, b in zip(parts(0), parts(0.07), strict=True)]
    got = similarities("cuboid_2d", [cuboid(0)], [cuboid(0.07)])[0, 0]
    assert got == pytest.approx(ious[0] / 2 + ious[1] / 4 + ious[2] / 4, abs=1e-9)


def test_lines_share_what_runs_in_each_others_corridor() -> None:
    half = 0.02 * np.sqrt(WIDTH * HEIGHT)
    first = shapely.LineString([(32, 100), (288, 100)])
    second = shapely.LineString([(32, 100), (160, 100), (288, 180)])
    shares = [a.intersection(b.buffer(half)).length / a.length for a, b in ((first, second), (second, first))]
    lines = [
        {"polyline": {str(i): {"x": x / WIDTH, "y": y / HEIGHT} for i, (x, y) in enumerate(line.coords)}}
        for line in (first, second)
    ]
    got = similarities("polyline", lines[:1], lines[1:], line_width=0.02)[0, 0]
    assert got == pytest.approx(2 * shares[0] * shares[1] / sum(shares), abs=1e-9)
    backwards = {"polyline": list(reversed(list(lines[0]["polyline"].values())))}
    assert similarities("polyline", lines[:1], [backwards])[0, 0] == 1.0
    assert similarities("polyline", lines[:1], [backwards], directed=("line",))[0, 0] == 0.0


def test_boundary_iou_is_hard_where_iou_is_lenient() -> None:
    def square(grown: float) -> dict[str, Any]:
        low, high = 0.2 - grown, 0.8 + grown
        return {"polygons": [[[low, low, high, low, high, high, low, high]]]}

    plain = similarities("polygon", [square(0)], [square(0.02)])[0, 0]
    rim = similarities("polygon", [square(0)], [square(0.02)], boundary=("polygon",))[0, 0]
    scale = np.array([WIDTH, HEIGHT])
    outlines = [shapely.box(*(low * scale), *((1 - low) * scale)) for low in (0.2, 0.18)]
    reach = 0.02 * np.hypot(WIDTH, HEIGHT)
    rims = [o.difference(o.buffer(-reach, join_style="mitre")) for o in outlines]
    assert rim == pytest.approx(rims[0].intersection(rims[1]).area / rims[0].union(rims[1]).area, abs=1e-9)
    assert rim < plain
    assert similarities("polygon", [square(0)], [square(0)], boundary=("polygon",))[0, 0] == 1.0


def test_a_mask_and_the_polygon_about_the_same_pixels_cover_the_same() -> None:
    from benchmark_qa.engine.similarity import areas

    pixels = np.zeros((HEIGHT, WIDTH), bool)
    pixels[50:120, 30:200] = True
    pixels[60:80, 50:90] = False
    mask = drawn("bitmask", as_masks([pixels]))
    outer = [30 / WIDTH, 50 / HEIGHT, 200 / WIDTH, 50 / HEIGHT, 200 / WIDTH, 120 / HEIGHT, 30 / WIDTH, 120 / HEIGHT]
    hole = [50 / WIDTH, 60 / HEIGHT, 90 / WIDTH, 60 / HEIGHT, 90 / WIDTH, 80 / HEIGHT, 50 / WIDTH, 80 / HEIGHT]
    polygon = drawn("polygon", [{"polygons": [[outer, hole]]}])
    same = areas.area_iou(
        areas.outlines(mask, mask.media), areas.outlines(polygon, polygon.media), Pairs(*np.zeros((2, 1), int))
    )
    assert same[0] == pytest.approx(1.0, abs=1e-9)


def test_time_ranges_agree_with_interval_arithmetic() -> None:
    row = {"data_type": "audio", "data_units": {}, "label_hash": "label"}

    def heard(*ranges: tuple[int, int]) -> Drawings:
        entry = {"featureHash": sdk_rows.feature("sound"), "range": list(map(list, ranges)), "classifications": []}
        return read_label_row({**row, "object_answers": {"sound": entry}}, ONTOLOGY).drawings[Shape.AUDIO]

    first, second = heard((0, 1000), (3000, 4000)), heard((500, 1500), (3900, 5000), (4500, 4600))
    found = measure(first, second, (first.media, second.media), ScoringRules(ScoringConfig(), ONTOLOGY))
    pair = Pairs(np.zeros(1, np.int64), np.zeros(1, np.int64))
    assert found.similarity(pair)[0] == pytest.approx((500 + 100) / (2000 + 2100 - 600))


def test_assignment_agrees_with_scipy_on_number_of_pairs_and_total_similarity() -> None:
    for _ in range(300):
        rows, columns = RANDOM.integers(1, 12, 2)
        table = np.where(RANDOM.random((rows, columns)) < 0.4, RANDOM.uniform(0.5, 1, (rows, columns)), 0)
        truth, label = np.nonzero(table)
        chosen = best_pairs(Pairs(truth, label), table[truth, label], np.arange(rows), np.arange(columns))
        best = linear_sum_assignment(np.where(table > 0, table + 100, 0), maximize=True)
        kept = table[best] > 0
        assert chosen.sum() == kept.sum()
        assert table[truth, label][chosen].sum() == pytest.approx(table[best][kept].sum(), abs=1e-9)
        assert len(set(truth[chosen])) == len(set(label[chosen])) == chosen.sum()
