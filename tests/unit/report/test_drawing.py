"""Skeletons, ellipses and flat cuboids, drawn with the real SDK: from the label row to the path on the page."""

import json
import re

import numpy as np
import pytest
from encord.objects.coordinates import Coordinates, EllipseCoordinates, Visibility

from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.annotations import Annotations
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row
from benchmark_qa.quality.leaderboard import Bar
from benchmark_qa.quality.report import ReportEvidence, ReportQuestion, build_report
from benchmark_qa.records.score import details_of
from benchmark_qa.records.sketch import Sketch, sketch_of
from benchmark_qa.report.files import render
from benchmark_qa.report.plots import Picture, draw
from tests.records import NOON, PROJECT, record
from tests.unit import sdk_rows
from tests.unit.sdk_rows import HEIGHT, WIDTH

ONTOLOGY = Ontology.from_editor(sdk_rows.editor())
ASPECT = WIDTH / HEIGHT
FRONT = [(0.1, 0.1), (0.4, 0.1), (0.4, 0.5), (0.1, 0.5)]
BACK = [(0.8 + 0.6 * (x - 0.8), 0.3 + 0.6 * (y - 0.3)) for x, y in FRONT]
"""Towards the vanishing point, by the ratio"""
SHIFTED = [(x + 0.1, y - 0.05) for x, y in FRONT]
LYING, STANDING = EllipseCoordinates(0.4, 0.6, 0.2, 0.1, 0.0), EllipseCoordinates(0.4, 0.6, 0.2, 0.1, 90.0)


def side_with(name: str, where: Coordinates) -> Annotations:
    row = sdk_rows.new_row("image")
    sdk_rows.draw(row, name, where)
    return read_label_row(row.to_encord_dict(), ONTOLOGY)


def sketched(truth: Annotations, labels: Annotations) -> Sketch:
    return Sketch.from_dict(json.loads(json.dumps(sketch_of(truth, labels, ONTOLOGY).to_dict())))


def drawn(name: str, where: Coordinates) -> Picture:
    side = side_with(name, where)
    picture = draw(sketched(side, side))
    assert picture is not None
    return picture


def points_of(path: str) -> np.ndarray:
    """Of an SVG's path (n, 2), in fractions of the media."""
    numbers = [float(number) for pair in re.findall(r"[ML](\S+) ([^MLZh]+)", path) for number in pair]
    return np.array(numbers).reshape(-1, 2) / (ASPECT, 1.0)


@pytest.mark.parametrize(
    ("name", "where", "corners"),
    [
        ("flat cuboid", sdk_rows.coordinates()["flat cuboid"], [*FRONT, *BACK]),
        ("flat cuboid", sdk_rows.isometric(), [*FRONT, *SHIFTED]),
        ("ellipse", LYING, [(0.2, 0.5), (0.6, 0.7)]),
        # Turned in pixels, not in fractions.
        ("ellipse", STANDING, [(0.4 - 0.1 / ASPECT, 0.6 - 0.2 * ASPECT), (0.4 + 0.1 / ASPECT, 0.6 + 0.2 * ASPECT)]),
    ],
    ids=["perspective", "isometric", "lying", "standing"],
)
def test_an_area_is_a_closed_outline_about_all_of_it(
    name: str, where: Coordinates, corners: list[tuple[float, float]]
) -> None:
    (box,) = drawn(name, where).truth
    (left, top), (right, bottom) = np.min(corners, axis=0), np.max(corners, axis=0)
    about = (box.left / ASPECT, box.top, box.width / ASPECT, box.height)
    assert about == pytest.approx((left, top, right - left, bottom - top), abs=4e-3)
    assert (box.kind, box.path[0], box.path[-1]) == ("area", "M", "Z")
    points = points_of(box.path)
    assert (points.min(axis=0), points.max(axis=0)) == (
        pytest.approx((left, top), abs=4e-3),
        pytest.approx((right, bottom), abs=4e-3),
    )


def test_the_outline_of_an_ellipse_lies_on_it() -> None:
    (box,) = drawn("ellipse", LYING).truth
    across = (points_of(box.path) - (0.4, 0.6)) / (0.2, 0.1)
    assert len(across) >= 12
    assert np.hypot(*across.T) == pytest.approx(1.0, abs=0.02)


def test_the_outline_of_a_flat_cuboid_goes_through_its_outer_corners() -> None:
    (box,) = drawn("flat cuboid", sdk_rows.isometric()).truth
    outer = [FRONT[0], SHIFTED[0], SHIFTED[1], SHIFTED[2], FRONT[2], FRONT[3]]
    points = {tuple(point) for point in points_of(box.path).round(3).tolist()}
    assert points == {tuple(point) for point in np.round(outer, 3).tolist()}


def test_a_skeleton_is_a_dot_for_each_point_that_is_seen() -> None:
    (hidden,) = drawn("skeleton", sdk_rows.skeleton()).truth
    assert hidden.kind == "dots"
    assert points_of(hidden.path) == pytest.approx(np.array([(0.2, 0.2), (0.5, 0.4)]), abs=1e-4)
    assert hidden.path.count("h0") == 2
    (whole,) = drawn("skeleton", sdk_rows.skeleton(hidden=Visibility.VISIBLE)).truth
    assert points_of(whole.path)[2] == pytest.approx((0.7, 0.9), abs=1e-4)


@pytest.mark.parametrize("name", ["skeleton", "ellipse", "flat cuboid"])
def test_the_page_shows_it_filled_where_the_score_has_not_matched_it(name: str) -> None:
    truth, labels = side_with(name, sdk_rows.coordinates()[name]), Annotations.empty()
    sketch = sketched(truth, labels)
    score = score_task(truth, labels, ONTOLOGY)
    one = record(1, score=score.score, details=details_of(score, sketch), sketch=sketch)
    page = render(
        build_report(ReportQuestion(PROJECT, bar=Bar(0.7, 2), asked_at=NOON), ReportEvidence([one])), "html"
    ).decode()
    picture = draw(sketch, conflicts=one.details["conflicts"])
    assert picture is not None
    (box,) = picture.truth
    assert box.alone
    assert re.search(rf'<path class="[^"]*alone[^"]* {box.kind}" d="{re.escape(box.path)}"/>', page)
