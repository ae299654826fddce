"""Label rows made by random sequences of SDK edits: every modality, shape, attribute and kind of answer."""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from encord.exceptions import EncordException
from encord.objects import LabelRowV2
from encord.objects.bitmask import BitmaskCoordinates
from encord.objects.classification import Classification
from encord.objects.coordinates import (
    AudioCoordinates,
    BoundingBoxCoordinates,
    CircleCoordinates,
    Coordinates,
    CuboidCoordinates,
    EllipseCoordinates,
    HtmlCoordinates,
    PointCoordinate,
    PointCoordinate3D,
    PolygonCoordinates,
    PolylineCoordinates,
    RotatableBoundingBoxCoordinates,
    TextCoordinates,
    TimeRangeCoordinates,
)
from encord.objects.frames import Range
from encord.objects.html_node import HtmlNode, HtmlRange
from encord.objects.ontology_object_instance import ObjectInstance

from tests.unit import sdk_rows

Row = dict[str, Any]
FRAMES: Mapping[str, int] = {"image": 1, "img_group": 20, "video": 20, "dicom": 4, "nifti": 4, "pdf": 2, "scene": 3}
UNITS: Mapping[str, Mapping[str, Any]] = {
    "video": {"data_type": "video/mp4", "data_fps": 10, "data_duration": 2},
    "dicom": {"data_type": "application/dicom"},
    "nifti": {"data_type": "application/octet-stream"},
    "pdf": {"data_type": "application/pdf", "width": 0, "height": 0},
    "scene": {"data_type": "application/json", "width": 0, "height": 0},
    "audio": {"data_type": "audio/mpeg", "data_duration": 2},
    "time_series": {"data_type": "text/csv"},
    "text": {"data_type": "text/plain"},
    "html": {"data_type": "text/html"},
}
MODALITIES = ("image", *UNITS, "img_group")
_TEXTS = ("a note", " a note", "cafe\u0301", "caf\u00e9", "two\r\nlines", "\u00a0", "x" * 200, "note\u2028end")


class RandomRow:
    """One row that is edited step by step."""

    def __init__(self, modality: str, seed: int) -> None:
        self.random = random.Random(seed)
        self.modality = modality
        data_type = {"text": "plain_text", "html": "plain_text"}.get(modality, modality)
        self.row: LabelRowV2 = sdk_rows.new_row(data_type, UNITS.get(modality))
        self.objects: list[ObjectInstance] = []

    def wire(self) -> Row:
        """The row as the SDK sends it."""
        content: Row = json.loads(json.dumps(self.row.to_encord_dict()))
        return content

    def edit(self) -> None:
        """One edit; the SDK refuses some, and a person then goes on with another."""
        steps: list[Callable[[], None]] = [self._draw, self._draw, self._describe, self._answer, self._remove]
        try:
            self.random.choice(steps)()
        except (EncordException, ValueError, NotImplementedError):
            return

    def _number(self, low: float = -0.2, high: float = 1.2) -> float:
        return round(self.random.uniform(low, high), 3)

    def _size(self) -> float:
        return self.random.choice((0.0, 0.05, 0.2, 0.4, 1.3))

    def _frames(self) -> list[int]:
        count = FRAMES[self.modality]
        first = self.random.randrange(count)
        some = range(first, self.random.randrange(first, count) + 1)
        return [frame for frame in some if self.random.random() < 0.9] or [first]

    def _range(self, most: int) -> Range:
        first = self.random.randrange(most)
        return Range(first, self.random.randrange(first, most))

    def _draw(self) -> None:
        name, where = self._coordinates()
        drawn = sdk_rows.instance(name)
        frames = self._frames() if self.modality in FRAMES else 0
        drawn.set_for_frames(where, frames=frames)
        self.row.add_object_instance(drawn)
        self.objects.append(drawn)

    def _coordinates(self) -> tuple[str, Coordinates]:
        if self.modality in FRAMES:
            return self._in_space() if self.modality == "scene" else self._flat()
        ranges = [self._range(2000) for _ in range(self.random.randint(1, 2))]
        places = sorted((self.random.randint(1, 2), self.random.randint(3, 9)) for _ in range(2))
        nodes = [HtmlNode(xpath=f"/html/p[{number}]", offset=offset) for number, offset in places]
        return {
            "audio": ("sound", AudioCoordinates(range=ranges)),
            "time_series": ("stretch", TimeRangeCoordinates(range=ranges)),
            "text": ("words", TextCoordinates(range=ranges)),
            "html": ("words", HtmlCoordinates(range=[HtmlRange(start=nodes[0], end=nodes[1])])),
        }[self.modality]

    def _in_space(self) -> tuple[str, Coordinates]:
        points = [PointCoordinate3D(*(self._number(-9, 9) for _ in range(3))) for _ in range(3)]
        place, turn, size = (tuple(self._number(0.1, 3) for _ in range(3)) for _ in range(3))
        cuboid = CuboidCoordinates(position=place, orientation=turn, size=size)
        return self.random.choice((("cuboid", cuboid), ("point", points[0]), ("line", PolylineCoordinates(points))))

    def _flat(self) -> tuple[str, Coordinates]:
        x, y, w, h = self._number(), self._number(), self._size(), self._size()
        corners = [PointCoordinate(self._number(), self._number()) for _ in range(self.random.randint(1, 6))]
        left, top = self.random.randrange(60), self.random.randrange(40)
        mask: BitmaskCoordinates = sdk_rows.mask(left, top, left + self.random.randrange(5), top + 4)
        box = BoundingBoxCoordinates(height=h, width=w, top_left_x=x, top_left_y=y)
        turned = RotatableBoundingBoxCoordinates(
            height=h, width=w, top_left_x=x, top_left_y=y, theta=self._number(-180, 360)
        )
        name, where = self.random.choice(
            (
                ("box", box),
                ("box", box),
                ("other box", box),
                ("rotated", turned),
                ("polygon", PolygonCoordinates(polygons=[[corners]])),
                ("line", PolylineCoordinates(corners)),  # type: ignore[arg-type]
                ("point", corners[0]),
                ("skeleton", sdk_rows.skeleton(shift=self._number(-1, 1))),
                ("mask", mask),
                ("flat cuboid", sdk_rows.isometric()),
                ("circle", CircleCoordinates(x, y, w)),
                ("ellipse", EllipseCoordinates(x, y, w, h, self._number(0, 90))),
            )
        )
        # A page has no pixels: the SDK writes no mask there.
        return ("box", box) if self.modality == "pdf" and name == "mask" else (name, where)

    def _describe(self) -> None:
        """Answer an attribute; choosing another option leaves the nested answer where it was."""
        described = [item for item in self.objects if item.ontology_item.attributes]
        if not described:
            return
        drawn = self.random.choice(described)
        attribute = self.random.choice(drawn.ontology_item.attributes)
        kind = attribute.get_property_type().value
        if attribute.dynamic:
            ticked = self.random.sample(list(attribute.options), self.random.randint(1, 2))  # type: ignore[attr-defined]
            first = self.random.choice(sorted(drawn.get_annotation_frames()) or [0])
            drawn.set_answer(ticked, attribute=attribute, frames=[Range(first, first)], overwrite=True)
        elif kind == "radio":
            option = self.random.choice(attribute.options)  # type: ignore[attr-defined]
            drawn.set_answer(option, attribute=attribute, overwrite=True)
            for nested in option.nested_options:
                drawn.set_answer(self.random.choice(_TEXTS), attribute=nested, overwrite=True)
        elif kind == "numeric":
            drawn.set_answer(self._number(), attribute=attribute, overwrite=True)
        else:
            drawn.set_answer(self.random.choice(_TEXTS), attribute=attribute, overwrite=True)

    def _answer(self) -> None:
        name, kind, level = self.random.choice(sdk_rows.CLASSIFICATIONS)
        if self.modality not in FRAMES:
            return
        asked = sdk_rows.STRUCTURE.get_child_by_title(name, type_=Classification)
        item, attribute = asked.create_instance(), asked.attributes[0]
        if kind == "radio":
            for option in self.random.sample(attribute.options, 2):  # type: ignore[attr-defined]
                item.set_answer(option, overwrite=True)
                for nested in option.nested_options:
                    item.set_answer(self.random.choice(_TEXTS), attribute=nested, overwrite=True)
        elif kind == "checklist":
            item.set_answer(self.random.sample(attribute.options, 2))  # type: ignore[attr-defined]
        else:
            item.set_answer(self._number() if kind == "numeric" else self.random.choice(_TEXTS))
        item.set_for_frames(0 if level else Range(*sorted(self.random.choices(range(FRAMES[self.modality]), k=2))))
        self.row.add_classification_instance(item)

    def _remove(self) -> None:
        if self.objects and self.random.random() < 0.3:
            self.row.remove_object(self.objects.pop(self.random.randrange(len(self.objects))))


def random_row(seed: int) -> Row:
    """A row of one of the modalities after up to 14 edits."""
    made = RandomRow(MODALITIES[seed % len(MODALITIES)], seed)
    for _ in range(made.random.randint(1, 14)):
        made.edit()
    return made.wire()
