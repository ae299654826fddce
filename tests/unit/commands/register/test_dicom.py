"""DICOM files of this machine: series by their UID, slices by their position, whatever the files are called."""

from pathlib import Path

import pytest

from benchmark_qa.commands.register.dicom import DicomSlice, NoSlice, UnreadableSlice, read_slice, slice_order
from tests.unit.commands.register.dicom_files import DIRECTORY, write_slice
from tests.unit.commands.register.test_left_out import Built, built_of

FIRST, SECOND = "1.2.3.1", "1.2.3.2"


def test_slices_are_ordered_by_their_position_in_the_body() -> None:
    normal = (0.0, 0.0, 1.0)
    slices = [DicomSlice("s", number=n, normal=normal, along=along) for n, along in ((1, 5.0), (2, -7.5), (3, 0.0))]
    assert slice_order(slices) == [1, 2, 0]


def test_slices_of_one_position_are_ordered_by_number() -> None:
    normal = (0.0, 0.0, 1.0)
    slices = [DicomSlice("s", number=n, normal=normal, along=along) for n, along in ((4, 0.0), (3, 1.0), (2, 0.0))]
    assert slice_order(slices) == [2, 0, 1]


def test_without_a_common_direction_numbers_count_and_without_these_the_order_of_names() -> None:
    tilted = DicomSlice("s", number=1, normal=(1.0, 0.0, 0.0), along=9.0)
    assert slice_order([DicomSlice("s", number=2, normal=(0.0, 0.0, 1.0), along=0.0), tilted]) == [1, 0]
    assert slice_order([DicomSlice("s", number=2), DicomSlice("s", number=None), DicomSlice("s", number=1)]) == [
        0,
        1,
        2,
    ]


def test_two_series_of_one_folder_are_two_items(tmp_path: Path) -> None:
    for n in range(3):
        write_slice(tmp_path / "all" / f"ct{n}.dcm", FIRST, n)
    for n in range(2):
        write_slice(tmp_path / "all" / f"mr{n}.dcm", SECOND, n)
    assert built_of(tmp_path).series == {
        f"all {FIRST}": ["all/ct0.dcm", "all/ct1.dcm", "all/ct2.dcm"],
        f"all {SECOND}": ["all/mr0.dcm", "all/mr1.dcm"],
    }


def test_one_series_of_two_folders_is_one_item_unless_groups_are_named(tmp_path: Path) -> None:
    write_slice(tmp_path / "a" / "1", FIRST, 1, z=2.0)
    write_slice(tmp_path / "b" / "2", FIRST, 2, z=1.0)
    assert built_of(tmp_path).series == {"a": ["b/2", "a/1"]}
    by_folder = built_of(tmp_path, group_pattern="(?P<group>[^/]+)/[^/]+$")
    assert by_folder.series == {"a": ["a/1"], "b": ["b/2"]}


@pytest.mark.parametrize("name", ["IM000001", "1.2.840.113619.2.55.3", "scan.ima", "slice.dcm"])
def test_dicom_is_known_by_its_content_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    write_slice(tmp_path / "ct" / name, FIRST, 1)
    assert built_of(tmp_path).series == {"ct": [f"ct/{name}"]}


def test_what_is_dicom_without_a_picture_is_left_out_and_named(tmp_path: Path) -> None:
    write_slice(tmp_path / "ct" / "1", FIRST, 1)
    write_slice(tmp_path / "DICOMDIR", "1.2.3.9", 1, storage=DIRECTORY)
    write_slice(tmp_path / "ct" / "report.dcm", "1.2.3.8", 1, without_picture=True)
    (tmp_path / "ct" / "broken.dcm").write_bytes(b"not at all")
    write_slice(tmp_path / "ct" / "copy", FIRST, 1)
    found: Built = built_of(tmp_path)
    assert found.series == {"ct": ["ct/1"]}
    told = "\n".join(found.left_out)
    assert "a DICOM directory, which lists files and has no picture: 'DICOMDIR'" in told
    assert "a report, contours or a presentation state: 'ct/report.dcm'" in told
    assert "cannot be read as DICOM (no tag of it is there): 'ct/broken.dcm'" in told
    assert "the same slice (SOPInstanceUID) as another file of its series: 'ct/copy'" in told


def test_what_is_wrong_with_values_of_a_slice_does_not_end_the_reading(tmp_path: Path) -> None:
    path = write_slice(tmp_path / "a", FIRST, 1, ImagePositionPatient=[0, 0])
    assert read_slice(path) == DicomSlice(FIRST, f"{FIRST}.1", 1, None, None)
    with pytest.raises(NoSlice, match="without a picture"):
        read_slice(write_slice(tmp_path / "b", FIRST, 1, without_picture=True))
    (tmp_path / "c").write_bytes(b"")
    with pytest.raises(UnreadableSlice):
        read_slice(tmp_path / "c")


def test_a_slice_survives_being_written() -> None:
    one = DicomSlice("s", "s.1", 3, (0.0, 0.0, 1.0), 2.5)
    assert DicomSlice.from_dict(one.to_dict()) == one
