"""What we read from a label row is what the SDK reads from it, for every modality and shape."""

import json
from typing import Any

import numpy as np
import pytest
from encord.objects import LabelRowV2
from encord.objects.attributes import Attribute
from encord.objects.coordinates import HtmlCoordinates, PointCoordinate3D

from benchmark_qa.engine.attributes import answers_along
from benchmark_qa.labels.annotations import Annotations, Answer
from benchmark_qa.labels.ontology import Ontology, Shape
from benchmark_qa.labels.reader import read_label_row
from tests.unit import sdk_rows

ONTOLOGY = Ontology.from_editor(sdk_rows.editor())
CASES = [pytest.param(maker, id=name) for name, maker in sdk_rows.ROWS.items()]


def wire(row: LabelRowV2) -> dict[str, Any]:
    """The row as it travels: JSON text and back."""
    return json.loads(json.dumps(row.to_encord_dict()))


def sdk_drawings(row: LabelRowV2) -> dict[tuple[str, int], tuple[str, list[float]]]:
    """(object hash, frame) to (feature hash, numbers)."""
    return {
        (item.object_hash, annotation.frame): (item.feature_hash, numbers(annotation.coordinates))
        for item in row.get_object_instances()
        for annotation in item.get_annotations()
    }


def numbers(where: Any) -> list[float]:  # noqa: C901, PLR0911 - one per shape
    """The numbers of SDK coordinates, in the order of our arrays."""
    kind = type(where).__name__
    if hasattr(where, "range"):
        ranges = where.range
        if isinstance(where, HtmlCoordinates):
            return [edge.offset for r in ranges for edge in (r.start, r.end)]
        return [edge for r in ranges for edge in (r.start, r.end)]
    if kind == "BoundingBoxCoordinates":
        return [where.top_left_x, where.top_left_y, where.width, where.height]
    if kind == "RotatableBoundingBoxCoordinates":
        return [where.top_left_x, where.top_left_y, where.width, where.height, where.theta]
    if kind == "CircleCoordinates":
        return [where.center_x, where.center_y, where.radius, where.stretch, where.theta]
    if kind == "EllipseCoordinates":
        return [where.center_x, where.center_y, where.rx, where.ry, where.theta]
    if kind == "CuboidCoordinates":
        return [*where.position, *where.orientation, *where.size]
    if kind == "PointCoordinate":
        return [where.x, where.y]
    if isinstance(where, PointCoordinate3D):
        return [where.x, where.y, where.z]
    if kind == "PolygonCoordinates":
        return [n for polygon in where.polygons for ring in polygon for p in ring for n in (p.x, p.y)]
    if kind in ("PolylineCoordinates", "SkeletonCoordinates"):
        return [n for p in where.values for n in (p.x, p.y, getattr(p, "z", None)) if n is not None]
    if kind == "BitmaskCoordinates":
        return [float(n) for n in np.flatnonzero(where.to_numpy_array())]
    return [n for p in where.front for n in (p.x, p.y)]


def our_drawings(annotations: Annotations) -> dict[tuple[str, int], tuple[str, list[float]]]:
    found = {}
    for shape, drawings in annotations.drawings.items():
        for index in range(len(drawings)):
            one = drawings.take(np.array([index]))
            key = annotations.instances[one.instance[0]], int(one.frame[0])
            found[key] = ONTOLOGY.objects[one.feature[0]].hash, our_numbers(shape, one.geometry)
    return found


def our_numbers(shape: Shape, geometry: Any) -> list[float]:  # noqa: PLR0911 - one per shape
    match shape:
        case Shape.BITMASK:
            runs = zip(geometry.starts, geometry.ends, strict=True)
            return [float(n) for start, end in runs for n in range(int(start), int(end))]
        case Shape.AUDIO | Shape.TIME_RANGE:
            return [n for pair in zip(geometry.starts, geometry.ends, strict=True) for n in pair]
        case Shape.TEXT:
            return [n for start, end in zip(geometry.starts, geometry.ends, strict=True) for n in (start, end - 1)]
        case Shape.POLYGON | Shape.POLYLINE | Shape.SKELETON:
            return [n for n in geometry.points.ravel() if not np.isnan(n)]
        case Shape.CUBOID_2D:
            return list(geometry[0, :8])
        case Shape.POINT:
            return [n for n in geometry[0] if not np.isnan(n)]
    return list(geometry[0])


@pytest.mark.parametrize("maker", CASES)
def test_every_drawing_is_where_the_sdk_sees_it(maker: Any) -> None:
    row = maker()
    content = wire(row)
    row.from_labels_dict(content)
    ours, theirs = our_drawings(read_label_row(content, ONTOLOGY)), sdk_drawings(row)
    assert ours.keys() == theirs.keys()
    assert theirs
    for key, (feature, wanted) in theirs.items():
        if content["data_units"]["data" if "data" in content["data_units"] else "image0"]["data_type"] == "text/html":
            continue  # compared by text node, in test_html below
        assert ours[key][0] == feature
        assert ours[key][1] == pytest.approx(wanted, abs=1e-12)


def test_html_ranges_keep_their_text_nodes() -> None:
    annotations = read_label_row(wire(sdk_rows.html()), ONTOLOGY)
    runs = annotations.drawings[Shape.TEXT].geometry
    covered = {(runs.names[line], s, e) for line, s, e in zip(runs.line, runs.starts, runs.ends, strict=True)}
    first, second = "/html/body/p[1]/text()", "/html/body/p[2]/text()"
    assert covered == {(first, 2, 10), (f"from {first}", 9, 10), (f"to {second}", 4, 5)}


@pytest.mark.parametrize("maker", CASES)
def test_every_attribute_has_the_answer_that_the_sdk_reads(maker: Any) -> None:
    row = maker()
    content = wire(row)
    row.from_labels_dict(content)
    annotations = read_label_row(content, ONTOLOGY)
    number = {name: i for i, name in enumerate(annotations.instances)}
    for item in row.get_object_instances():
        for annotation in item.get_annotations():
            ours = next(answers_along(annotations, number[item.object_hash], "", [annotation.frame], ONTOLOGY))
            assert dict(ours) == sdk_answers(item, annotation.frame)


def sdk_answers(item: Any, frame: int) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    for attribute in item.ontology_item.attributes:
        for question in (attribute, *nested(attribute)):
            if question.dynamic:
                given = item.get_answer(question, filter_frame=frame)
                given = given[0].answer if given else None
            else:
                given = item.get_answer(question)
            if given not in (None, [], ""):
                found[question.feature_node_hash] = ours_of(given)
    return found


def nested(attribute: Attribute[Any]) -> list[Attribute[Any]]:
    options = getattr(attribute, "options", [])
    return [n for option in options for n in getattr(option, "nested_options", [])]


def ours_of(given: Any) -> Answer:
    if isinstance(given, str | int | float):
        return given if isinstance(given, str) else float(given)
    if isinstance(given, list | set | tuple):
        return frozenset(option.feature_node_hash for option in given)
    return str(given.feature_node_hash)


@pytest.mark.parametrize("maker", CASES)
def test_every_classification_is_where_the_sdk_sees_it(maker: Any) -> None:
    row = maker()
    content = wire(row)
    row.from_labels_dict(content)
    ours = {
        (c.hash, ONTOLOGY.classifications[c.feature].hash, c.spans, frozenset(c.answers.items()))
        for c in read_label_row(content, ONTOLOGY).classifications
    }
    theirs = {
        (
            c.classification_hash,
            c.feature_hash,
            tuple((float(r.start), float(r.end)) for r in c.range_list),
            frozenset(sdk_classification_answers(c).items()),
        )
        for c in row.get_classification_instances()
    }
    assert ours == theirs


def sdk_classification_answers(item: Any) -> dict[str, Answer]:
    found = {}
    for attribute in item.ontology_item.attributes:
        for question in (attribute, *nested(attribute)):
            try:
                given = item.get_answer(question)
            except Exception:
                continue
            if given not in (None, [], ""):
                found[question.feature_node_hash] = ours_of(given)
    return found
