"""DICOM series registered with their tags, and uploaded: what the platform validates, error by error."""

from pathlib import Path
from typing import Any

import pytest
from encord.exceptions import EncordException
from encord.orm.storage import (
    CustomerProvidedDicomSeriesDicomFileMetadata,
    DataUploadDicomSeries,
    DataUploadDicomSeriesDicomFile,
    DataUploadItems,
    StorageItemType,
)

from emulator.media.dicom import GIVEN_TAGS
from emulator.spec import new_uuid

from . import media_files
from .conftest import Site, Start, make_world

BUCKET = new_uuid()
BASE = "https://pacs.example.com"


def tags(series: int, number: int, **changes: Any) -> dict[str, Any]:
    """The tags of one slice; `changes` by tag number, null where the file has none."""
    own: dict[str, Any] = {
        "00080018": ("UI", f"1.2.{series}.{number}"),
        "00100020": ("LO", "P1"),
        "0020000D": ("UI", f"1.2.{series}"),
        "0020000E": ("UI", f"1.3.{series}"),
        "00280010": ("US", 48),
        "00280011": ("US", 64),
    }
    own |= {key.removeprefix("t"): value for key, value in changes.items()}
    return {key: {"vr": own[key][0], "Value": [own[key][1]]} if own.get(key) else None for key in GIVEN_TAGS}


def a_series(title: str, *files: dict[str, Any]) -> DataUploadDicomSeries:
    return DataUploadDicomSeries(
        title=title,
        dicom_files=[
            DataUploadDicomSeriesDicomFile(
                url=f"{BASE}/{title}/{n}.dcm",
                title=f"{title}/{n}.dcm",
                dicom_metadata=CustomerProvidedDicomSeriesDicomFileMetadata(tags=given),
            )
            for n, given in enumerate(files)
        ],
    )


@pytest.fixture
def site(start: Start) -> Site:
    return start({**make_world(), "integrations": [{"uuid": BUCKET, "title": "Client only"}]})


def test_a_series_without_fault_is_registered_and_every_other_named_with_its_fault(site: Site) -> None:
    folder = site.client().create_storage_folder("Scans")
    missing = tags(5, 0)
    del missing["00280030"]
    job = folder.add_private_data_to_folder_start(
        BUCKET,
        DataUploadItems(
            dicom_series=[
                a_series("good", tags(1, 0), tags(1, 1), tags(1, 2)),
                a_series("mixed", tags(2, 0), tags(2, 1, t0020000D=("UI", "9.9"))),
                a_series("sizes", tags(3, 0), tags(3, 1, t00280010=("US", 32))),
                a_series("twice", tags(4, 0), tags(4, 0)),
                a_series("no key", missing),
                a_series("no rows", tags(6, 0), tags(6, 1, t00280010=None)),
            ]
        ),
        ignore_errors=True,
    )
    done = folder.add_private_data_to_folder_get_result(job)
    assert (done.units_done_count, done.units_error_count) == (1, 5)
    errors = {unit.object_urls[0].rsplit("/", 2)[1]: unit for unit in done.unit_errors}
    assert errors["mixed"].object_urls == [f"{BASE}/mixed/0.dcm", f"{BASE}/mixed/1.dcm"]
    assert errors["mixed"].error == (
        "The value of DICOM tag 'StudyInstanceUID' should be consistent across files in a series. "
        "Got [9.9] from 'mixed/1.dcm' and [1.2.2] from other files in the series."
    )
    assert "'Rows' should be consistent" in errors["sizes"].error
    assert "'SOPInstanceUID' should be unique" in errors["twice"].error
    assert "PixelSpacing (00280030)" in errors["no key"].error
    assert errors["no rows"].error == "no rows/1.dcm: DICOM tag 'Rows' is missing"
    (good,) = folder.list_items(item_types=[StorageItemType.DICOM_SERIES])
    assert (good.dicom_study_uid, good.dicom_series_uid, good.width, good.height) == ("1.2.1", "1.3.1", 64, 48)
    slices = list(good.get_child_items())
    assert [(s.dicom_instance_uid, s.width, s.height) for s in slices] == [(f"1.2.1.{n}", 64, 48) for n in range(3)]


def test_one_wrong_series_fails_the_whole_job_unless_errors_are_ignored(site: Site) -> None:
    folder = site.client().create_storage_folder("Scans")
    both = [a_series("good", tags(1, 0)), a_series("mixed", tags(2, 0), tags(2, 0))]
    job = folder.add_private_data_to_folder_start(BUCKET, DataUploadItems(dicom_series=both), ignore_errors=False)
    done = folder.add_private_data_to_folder_get_result(job)
    assert (done.status.value, done.units_done_count, done.units_error_count) == ("ERROR", 0, 1)
    assert list(folder.list_items()) == []


def test_uploaded_files_of_one_series_may_not_be_the_same_slice(site: Site, tmp_path: Path) -> None:
    folder = site.client().create_storage_folder("Scans")
    twice = [media_files.dicom(tmp_path / f"{n}.dcm", instance=1) for n in range(2)]
    with pytest.raises(EncordException, match="should be unique"):
        folder.create_dicom_series(twice, title="twice")


def test_a_series_without_tags_is_registered_with_what_stands_in_for_them(site: Site) -> None:
    folder = site.client().create_storage_folder("Scans")
    files = [DataUploadDicomSeriesDicomFile(url=f"s3://b/{n}.dcm", title=None) for n in range(2)]
    series = DataUploadDicomSeries(dicom_files=files, title="s")
    job = folder.add_private_data_to_folder_start(BUCKET, DataUploadItems(dicom_series=[series]), ignore_errors=False)
    assert folder.add_private_data_to_folder_get_result(job).units_done_count == 1
