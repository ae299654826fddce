"""Pascal VOC: one XML file per image, with boxes.

Coordinates are used as they are, counted from 0, as labelImg, CVAT and Roboflow write them. Files of the challenge
itself (their `source/database` is "The VOC2007 Database") count pixels from 1 and include the last one.
"""

from xml.etree.ElementTree import Element

from benchmark_qa.formats.coco_building import (
    CocoBuilder,
    CocoDocument,
    FormatError,
    LabelFolder,
    box,
    children,
    number,
    parsed,
    text,
)

_FLAGS = ("difficult", "truncated", "occluded")


def read_voc(folder: LabelFolder) -> CocoDocument:
    """Read every `.xml` file of the folder.

    Raises:
        FormatError: a file is not Pascal VOC.
    """
    builder = CocoBuilder()
    for name in folder.files:
        if name.lower().endswith(".xml"):
            root = parsed(folder.read(name), name)
            if root.tag != "annotation":
                raise FormatError(f"{name}: is not Pascal VOC: its root is <{root.tag}>, not <annotation>")
            _read(root, name, builder)
    return builder.document()


def _read(root: Element, name: str, builder: CocoBuilder) -> None:
    sides = root.find("size")
    if sides is None:
        raise FormatError(f"{name}: has no size")
    width, height = (int(number(sides, side, f"{name}: size")) for side in ("width", "height"))
    if width <= 0 or height <= 0:
        raise FormatError(f"{name}: its size is {width} x {height}")
    own = builder.image(text(root, "filename") or name.rsplit("/", 1)[-1].removesuffix(".xml"), (width, height))
    first = 1.0 if text(root.find("source"), "database").startswith("The VOC20") else 0.0
    for place, item in enumerate(children(root, "object")):
        where = f"{name}: object {place}"
        bounds = item.find("bndbox")
        if bounds is None:
            builder.leave_out("objects without a box (bndbox) left out")
            continue
        left, top, right, bottom = (number(bounds, key, where) for key in ("xmin", "ymin", "xmax", "ymax"))
        flags = {flag: text(item, flag) == "1" for flag in _FLAGS if item.find(flag) is not None}
        builder.add(
            own,
            text(item, "name"),
            box(left - first, top - first, right - left + first, bottom - top + first),
            attributes=flags or None,
        )
