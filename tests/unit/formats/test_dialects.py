"""Every format and dialect that is read gives the same objects, in the same places, on the same pictures."""

from pathlib import Path

import pytest

from benchmark_qa.formats.class_mapping import Target
from benchmark_qa.formats.coco_labels import read_coco
from benchmark_qa.formats.label_parts import Labelled, drawn
from benchmark_qa.images.data_units import DataUnit, joined_labels, sized
from benchmark_qa.terminal.image_maps import load_map, named_classes
from benchmark_qa.terminal.label_files import read_foreign
from tests.integration.formats.dialects import CLASSES, DIALECTS, HEIGHT, WIDTH, write
from tests.integration.formats.test_round_trip_table import close, geometry, ontology

UNITS = [DataUnit(name, f"{name}.jpg", size=(WIDTH, HEIGHT)) for name in ("a", "b", "empty")]
TARGET = Target.of(ontology(), {})


def read(name: str, folder: Path) -> dict[str, Labelled]:
    files, named, _ = DIALECTS[name]
    place = write(files(), folder)
    export = load_map(place / "judged.json") if (place / "judged.json").exists() else None
    foreign = read_foreign(place / named if named else place, named_classes(export, TARGET))
    assert foreign is not None
    images = export.images if export else None
    reading = read_coco(sized(foreign.document, UNITS, images), TARGET)
    joined = joined_labels(reading.labelled, UNITS, image_map=images)
    assert reading.faults == joined.faults == ()
    return dict(joined.found)


def objects(read: dict[str, Labelled]) -> dict[str, list[tuple[str, object]]]:
    return {
        unit: sorted((str(item["name"]), geometry(item)) for _, item in drawn(one.parts.units[0]))
        for unit, one in read.items()
    }


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_says_the_same_as_cvats_file(name: str, tmp_path: Path) -> None:
    classes = DIALECTS[name][2]
    expected = objects(read("CVAT XML", tmp_path / "reference"))
    found = objects(read(name, tmp_path / "dialect"))
    assert {label for drawings in expected.values() for label, _ in drawings} == set(CLASSES)
    for unit, drawings in expected.items():
        wanted = [[*each] for each in drawings if each[0] in classes]
        assert close([[*each] for each in found.get(unit, [])], wanted), unit
