"""An ontology of every shape and attribute type, and labels of every shape."""

from typing import Any

import numpy as np
from encord.objects.bitmask import BitmaskCoordinates
from encord.objects.coordinates import (
    BoundingBoxCoordinates,
    CircleCoordinates,
    Cuboid2DIsometricCoordinates,
    Cuboid2DPerspectiveCoordinates,
    CuboidCoordinates,
    EllipseCoordinates,
    PointCoordinate,
    PolygonCoordinates,
    PolylineCoordinates,
    RotatableBoundingBoxCoordinates,
    SkeletonCoordinate,
    SkeletonCoordinates,
)

WIDTH, HEIGHT = 64, 48

PLANE_SHAPES = (
    "bounding_box",
    "rotatable_bounding_box",
    "polygon",
    "polyline",
    "point",
    "skeleton",
    "bitmask",
    "circle",
    "ellipse",
    "cuboid_2d",
)
RANGE_SHAPES = ("audio", "time_range", "text")
SHAPES = (*PLANE_SHAPES, "cuboid", *RANGE_SHAPES, "segmentation")


def _attribute(path: str, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "id": path,
        "name": more.pop("name", f"{kind} {path}"),
        "type": kind,
        "featureNodeHash": f"at{path.replace('.', ''):0>6}",
        "required": False,
        "dynamic": False,
        **more,
    }


def _option(path: str, label: str, **more: Any) -> dict[str, Any]:
    return {
        "id": path,
        "label": label,
        "value": label.lower(),
        "featureNodeHash": f"op{path.replace('.', ''):0>6}",
        **more,
    }


def _attributes(top: str) -> list[dict[str, Any]]:
    nested = _attribute(f"{top}.1.1.1", "text", name="Why")
    return [
        _attribute(
            f"{top}.1",
            "radio",
            name="Pose",
            options=[_option(f"{top}.1.1", "Standing", options=[nested]), _option(f"{top}.1.2", "Walking")],
        ),
        _attribute(
            f"{top}.2",
            "checklist",
            name="Seen",
            options=[_option(f"{top}.2.1", "Blurred"), _option(f"{top}.2.2", "Cut off")],
        ),
        _attribute(f"{top}.3", "text", name="Note"),
        _attribute(f"{top}.4", "numeric", name="Age"),
        _attribute(
            f"{top}.5",
            "radio",
            name="Looking",
            dynamic=True,
            options=[_option(f"{top}.5.1", "Left"), _option(f"{top}.5.2", "Right")],
        ),
    ]


def _classification(top: str, name: str, kind: str, **more: Any) -> dict[str, Any]:
    options = more.pop("options", None)
    attribute = _attribute(f"{top}.1", kind, name=name)
    if options is not None:
        attribute["options"] = options
    return {"id": top, "featureNodeHash": f"cl{top:0>6}", "attributes": [attribute], **more}


EDITOR: dict[str, Any] = {
    "objects": [
        {
            "id": str(number),
            "name": shape,
            "color": "#D33115",
            "shape": shape,
            "featureNodeHash": f"ob{number:06d}",
            "attributes": _attributes(str(number)),
        }
        for number, shape in enumerate(SHAPES, start=1)
    ],
    "classifications": [
        _classification(
            "51",
            "Weather",
            "radio",
            options=[
                _option("51.1.1", "Sun"),
                _option("51.1.2", "Rain", options=[_attribute("51.1.2.1", "text", name="How much")]),
            ],
        ),
        _classification("52", "Things", "checklist", options=[_option("52.1.1", "Car"), _option("52.1.2", "Bird")]),
        _classification("53", "Remark", "text"),
        _classification("54", "Count", "numeric"),
        _classification(
            "55", "Usable", "radio", level="global", options=[_option("55.1.1", "Yes"), _option("55.1.2", "No")]
        ),
    ],
    "skeleton_templates": [
        {
            "template": {
                "name": "skeleton",
                "width": 0.2,
                "height": 0.4,
                "skeleton": {
                    str(n): {
                        "x": 0.1 * n,
                        "y": 0.2 * n,
                        "name": f"joint {n}",
                        "color": "#00FF00",
                        "value": f"joint_{n}",
                        "featureHash": f"joint00{n}",
                    }
                    for n in range(3)
                },
                "skeletonEdges": {"0": {"1": {"color": "#00FF00"}}, "1": {"2": {"color": "#00FF00"}}},
                "feature_node_hash": "skel0000",
                "shape": "skeleton",
            }
        }
    ],
}


def _points(*pairs: tuple[float, float]) -> list[PointCoordinate]:
    return [PointCoordinate(x=x, y=y) for x, y in pairs]


def _mask() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[10:20, 5:30] = True
    mask[12:15, 8:12] = False
    return mask


COORDINATES: dict[str, list[Any]] = {
    "bounding_box": [BoundingBoxCoordinates(height=0.2, width=0.3, top_left_x=0.1, top_left_y=0.4)],
    "rotatable_bounding_box": [
        RotatableBoundingBoxCoordinates(height=0.2, width=0.3, top_left_x=0.1, top_left_y=0.4, theta=33.5)
    ],
    "polygon": [
        PolygonCoordinates(values=_points((0.1, 0.1), (0.5, 0.1), (0.3, 0.6))),
        PolygonCoordinates(
            polygons=[
                [_points((0.1, 0.1), (0.9, 0.1), (0.9, 0.9)), _points((0.5, 0.2), (0.6, 0.2), (0.6, 0.3))],
                [_points((0.0, 0.8), (0.1, 0.8), (0.1, 0.9))],
            ]
        ),
    ],
    "polyline": [PolylineCoordinates(values=_points((0.1, 0.1), (0.5, 0.2), (0.3, 0.6)))],
    "point": [PointCoordinate(x=0.25, y=0.75)],
    "skeleton": [
        SkeletonCoordinates(
            name="skeleton",
            values=[
                SkeletonCoordinate(
                    x=0.1 * n,
                    y=0.2 * n,
                    name=f"joint {n}",
                    color="#00FF00",
                    value=f"joint_{n}",
                    feature_hash=f"joint00{n}",
                )
                for n in range(3)
            ],
        )
    ],
    "bitmask": [BitmaskCoordinates(_mask())],
    "circle": [CircleCoordinates(center_x=0.5, center_y=0.5, radius=0.2, stretch=1.5, theta=20)],
    "ellipse": [EllipseCoordinates(center_x=0.5, center_y=0.5, rx=0.2, ry=0.1, theta=20)],
    "cuboid_2d": [
        Cuboid2DPerspectiveCoordinates(
            front=_points((0, 0), (0.1, 0), (0.1, 0.1), (0, 0.1)),
            vanishing_point=PointCoordinate(x=0.4, y=0.3),
            scale_ratio=0.75,
        ),
        Cuboid2DIsometricCoordinates(
            front=_points((0, 0), (0.1, 0), (0.1, 0.1), (0, 0.1)), offset=PointCoordinate(x=0.05, y=-0.05)
        ),
    ],
    "cuboid": [CuboidCoordinates(position=(1.0, 2.0, 3.0), orientation=(0.1, 0.2, 0.3), size=(4.0, 2.0, 1.5))],
}
