"""One table of class numbers for all formats."""

from benchmark_qa.formats.class_mapping import Classes


def test_classes_that_no_format_can_hold_have_no_number() -> None:
    shapes = ("bounding_box", "polyline", "polygon", "audio", "point")
    objects = [
        {"id": str(at), "name": shape, "color": "#D33115", "shape": shape, "featureNodeHash": f"F{at:07d}"}
        for at, shape in enumerate(shapes, start=1)
    ]
    classes = Classes.of({"objects": objects, "classifications": []})
    assert [(row["name"], row["number"], row["id"]) for row in classes.table()] == [
        ("bounding_box", 0, 1),
        ("polygon", 1, 2),
        ("point", 2, 3),
    ]
    assert classes.numbers == {0: 0, 2: 1, 4: 2}
