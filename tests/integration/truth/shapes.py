"""An ontology of masks, outlines and skeletons for the images of the bench, and a film."""

from typing import Any

from tests.unit.rows import PEDESTRIAN_EDITOR


def _thing(number: int, name: str, shape: str, own: str) -> dict[str, Any]:
    return {
        "id": str(number),
        "name": name,
        "color": "#D33115",
        "shape": shape,
        "featureNodeHash": own,
        "attributes": [],
    }


WEARS = {
    "id": "5.1", "name": "wears", "type": "checklist", "required": False, "dynamic": False,
    "featureNodeHash": "QWears01",
    "options": [
        {"id": f"5.1.{place}", "label": name, "value": name, "featureNodeHash": f"Option0{place}"}
        for place, name in enumerate(("hat", "coat", "bag"), start=1)
    ],
}  # fmt: skip
EDITOR: dict[str, Any] = {
    "objects": [
        *PEDESTRIAN_EDITOR["objects"],
        _thing(2, "mask", "bitmask", "MaskXXXX"),
        _thing(3, "outline", "polygon", "OutlineX"),
        _thing(4, "pose", "skeleton", "PoseXXXX"),
        _thing(5, "person", "bounding_box", "PersonXX") | {"attributes": [WEARS]},
    ],
    "classifications": [],
    "skeleton_templates": [
        {
            "template": {
                "name": "pose", "width": 100, "height": 100, "shape": "skeleton", "feature_node_hash": "PoseXXXX",
                "skeleton": {
                    "0": {"x": 0.5, "y": 0, "name": "head", "value": "head", "featureHash": "NodeHead"},
                    "1": {"x": 0.5, "y": 1, "name": "foot", "value": "foot", "featureHash": "NodeFoot"},
                },
                "skeletonEdges": {"0": {"1": {"color": "#000000"}}},
            }
        }
    ],
}  # fmt: skip


def with_shapes(world: dict[str, Any]) -> dict[str, Any]:
    """The world of the bench with that ontology."""
    return {**world, "ontologies": [{**world["ontologies"][0], "editor": EDITOR}], "labels": []}
