"""The ontology's classes with the numbers and names of other formats."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from benchmark_qa.formats.regions import BOX_SHAPES, KEYPOINT_SHAPES, POINT_NAME
from benchmark_qa.labels.ontology import ObjectClass, Ontology, Shape


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The keypoints of a class, in order, and the edges between them (positions from 0)."""

    nodes: tuple[str, ...]
    """Feature hash of each node, or its name if it has none."""
    names: tuple[str, ...]
    edges: tuple[tuple[int, int], ...] = ()


SINGLE_POINT = Skeleton((POINT_NAME,), (POINT_NAME,))


@dataclass(frozen=True)
class Classes:
    """Object classes by their position in the ontology, with unique names."""

    ontology: Ontology
    names: tuple[str, ...]
    """Names by position; equal names get the shape added, and the hash if they are still equal."""
    skeletons: Mapping[int, Skeleton]
    """By position, for classes drawn as keypoints; skeleton classes without a template are left out."""

    @classmethod
    def of(cls, editor: Mapping[str, Any]) -> Self:
        """The classes of an ontology's `editor` JSON.

        Raises:
            LabelReadError: it is not well formed.
        """
        ontology = Ontology.from_editor(editor)
        templates = {key: template for template in _templates(editor) for key in _names_of(template)}
        skeletons = {}
        for place, item in enumerate(ontology.objects):
            if item.shape is Shape.POINT:
                skeletons[place] = SINGLE_POINT
            elif item.shape is Shape.SKELETON:
                template = templates.get(item.hash) or templates.get(item.name)
                if template:
                    skeletons[place] = _skeleton(template)
        return cls(ontology, _different_names(ontology.objects), skeletons)

    @cached_property
    def numbers(self) -> dict[int, int]:
        """Class numbers from 0 by position, of the classes that any format can hold; the only numbering.

        YOLO writes the number, COCO the number + 1 (0 is the background in many models).
        """
        drawn = self.of_shapes(BOX_SHAPES | KEYPOINT_SHAPES)
        return {place: number for number, place in enumerate(drawn)}

    def table(self) -> list[dict[str, Any]]:
        """The numbers with names, as in `classes.json` of an export; `id` is COCO's, `number` is YOLO's."""
        return [
            {
                "number": number,
                "id": number + 1,
                "name": self.names[place],
                "shape": self.ontology.objects[place].shape.value,
                "feature_hash": self.ontology.objects[place].hash,
            }
            for place, number in self.numbers.items()
        ]

    def of_shapes(self, shapes: Collection[Shape]) -> list[int]:
        """Positions of the classes that are drawn with one of these shapes."""
        return [place for place, item in enumerate(self.ontology.objects) if item.shape in shapes]


def _different_names(objects: tuple[ObjectClass, ...]) -> tuple[str, ...]:
    plain = [item.name for item in objects]
    shaped = [
        f"{name} ({item.shape.value})" if plain.count(name) > 1 else name
        for name, item in zip(plain, objects, strict=True)
    ]
    return tuple(
        f"{name} {item.hash}" if shaped.count(name) > 1 else name for name, item in zip(shaped, objects, strict=True)
    )


def _templates(editor: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for entry in editor.get("skeleton_templates") or ():
        template = entry.get("template", entry) if isinstance(entry, Mapping) else None
        if isinstance(template, Mapping):
            yield template


def _names_of(template: Mapping[str, Any]) -> list[str]:
    keys = (template.get("feature_node_hash"), template.get("featureNodeHash"), template.get("name"))
    return [key for key in keys if isinstance(key, str)]


def _skeleton(template: Mapping[str, Any]) -> Skeleton:
    listed = template.get("skeleton") or {}
    keys = sorted(listed, key=int)
    edges = template.get("skeletonEdges") or template.get("skeleton_edges") or {}
    return Skeleton(
        tuple(str(listed[key].get("featureHash") or listed[key].get("name")) for key in keys),
        tuple(str(listed[key].get("name")) for key in keys),
        tuple(
            sorted(
                {
                    (keys.index(start), keys.index(end))
                    for start, ends in edges.items()
                    for end in ends
                    if start in keys and end in keys
                }
            )
        ),
    )
