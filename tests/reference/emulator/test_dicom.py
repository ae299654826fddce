"""DICOM: files as pydicom reads them, tags that come with an upload, and the rules of a series."""

import io
import os
import warnings
from pathlib import Path
from typing import Any

import pydicom
import pytest

from emulator.media.dicom import GIVEN_TAGS, SeriesFile, facts_of_tags, series_problem
from emulator.media.facts import UnreadableMediaError
from emulator.media.probe import probe

# What pydicom brings with it for its own tests; nothing is fetched.
FILES = sorted(
    path
    for path in (Path(pydicom.__file__).parent / "data" / "test_files").rglob("*")
    if path.is_file() and "TINY_ALPHA" not in path.parts
)
NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "Rows", "Columns")


def read(path: Path) -> pydicom.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, stop_before_pixels=True, force=True)


def is_complete(found: pydicom.Dataset) -> bool:
    frames = str(found.get("NumberOfFrames") or 1)
    return all(found.get(name) for name in NEEDED) and frames.isdigit()


COMPLETE = [path for path in FILES if is_complete(read(path))]
LACKING = [path for path in FILES if path not in COMPLETE]


def test_pydicom_brings_files_of_both_kinds() -> None:
    assert len(COMPLETE) > 80
    assert len(LACKING) > 20


@pytest.mark.parametrize("path", COMPLETE, ids=lambda path: path.name)
def test_a_file_is_read_as_pydicom_reads_it(path: Path) -> None:
    expected = read(path)
    facts = probe("dicom_file", path.name, path.read_bytes())
    assert (facts.width, facts.height) == (expected.Columns, expected.Rows)
    assert facts.frames == int(expected.get("NumberOfFrames") or 1)
    identifiers = (facts.dicom_study_uid, facts.dicom_series_uid, facts.dicom_instance_uid)
    assert identifiers == (expected.StudyInstanceUID, expected.SeriesInstanceUID, expected.SOPInstanceUID)
    assert (facts.dicom_patient_id or "") == (expected.get("PatientID") or "")


@pytest.mark.parametrize("path", LACKING, ids=lambda path: path.name)
def test_a_file_without_what_the_platform_needs_is_refused(path: Path) -> None:
    with pytest.raises(UnreadableMediaError, match=r"not a DICOM file|DICOM tag '\w+'"):
        probe("dicom_file", path.name, path.read_bytes())


def test_files_that_are_cut_short_are_read_or_refused() -> None:
    whole = next(path for path in COMPLETE if path.name == "CT_small.dcm").read_bytes()
    refused = 0
    for length in range(0, 4000, 37):
        try:
            probe("dicom_file", "cut", whole[:length])
        except UnreadableMediaError:
            refused += 1
    assert 0 < refused < 109


def test_random_bytes_are_no_dicom() -> None:
    for _ in range(20):
        with pytest.raises(UnreadableMediaError):
            probe("dicom_file", "noise", os.urandom(3000))


def tags(**changes: Any) -> dict[str, Any]:
    """Tags as pydicom writes them, of one slice; `changes` by the tag's name."""
    dataset = pydicom.Dataset()
    dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2", "1.3"
    dataset.PatientID, dataset.Rows, dataset.Columns = "P1", 48, 64
    for name, value in changes.items():
        setattr(dataset, name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written = dataset.to_json_dict()
    return {key: written.get(key) for key in GIVEN_TAGS}


def test_the_tags_of_an_upload_give_size_and_identifiers() -> None:
    facts = facts_of_tags(tags(NumberOfFrames=3))
    assert (facts.width, facts.height, facts.frames) == (64, 48, 3)
    assert (facts.dicom_study_uid, facts.dicom_series_uid, facts.dicom_instance_uid) == ("1.2", "1.3", "1.2.3")
    assert facts.dicom_patient_id == "P1"


def test_a_patient_may_be_empty_and_a_tags_key_in_lower_case() -> None:
    given = {key.lower(): value for key, value in tags(PatientID="").items()}
    assert facts_of_tags(given).dicom_patient_id is None


@pytest.mark.parametrize("key", GIVEN_TAGS)
def test_every_tag_must_be_there_if_only_as_null(key: str) -> None:
    given = tags()
    del given[key]
    with pytest.raises(UnreadableMediaError, match=GIVEN_TAGS[key]):
        facts_of_tags(given)


@pytest.mark.parametrize("name", [*NEEDED, "PatientID"])
def test_a_critical_tag_may_not_be_null(name: str) -> None:
    key = next(key for key, known in GIVEN_TAGS.items() if known == name)
    with pytest.raises(UnreadableMediaError, match=f"'{name}' is missing"):
        facts_of_tags({**tags(), key: None})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"StudyInstanceUID": "1" * 65}, "1 to 64 characters"),
        ({"SOPInstanceUID": "1.2 3"}, "not allowed"),
        ({"Rows": 0}, "positive number"),
        ({"NumberOfFrames": 0}, "positive number"),
    ],
    ids=["long", "blank", "no rows", "no frames"],
)
def test_a_tag_with_a_value_that_cannot_be_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UnreadableMediaError, match=said):
        facts_of_tags(tags(**changes))


@pytest.mark.parametrize("given", [None, [], {**tags(), "00280010": 48}, {**tags(), "00280010": {"Value": 48}}])
def test_tags_of_another_form_are_refused(given: Any) -> None:
    with pytest.raises(UnreadableMediaError):
        facts_of_tags(given)


def series(*changes: dict[str, Any]) -> list[SeriesFile]:
    """Files of a good series, each changed in these fields."""
    base = {"study_uid": "1.2", "width": 64, "height": 48}
    return [
        SeriesFile(**{"title": f"{n}.dcm", "instance_uid": f"1.4.{n}", **base, **change})
        for n, change in enumerate(changes)
    ]


def test_a_good_series_has_no_problem_and_what_is_not_known_is_none() -> None:
    unknown = {"study_uid": None, "instance_uid": None, "width": None, "height": None}
    assert series_problem(series({}, {}, {})) is None
    assert series_problem(series({}, unknown, unknown)) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"study_uid": "9.9"},
            "The value of DICOM tag 'StudyInstanceUID' should be consistent across files in a series. "
            "Got [9.9] from '1.dcm' and [1.2] from other files in the series.",
        ),
        (
            {"width": 32},
            "The value of DICOM tag 'Columns' should be consistent across files in a series. "
            "Got [32] from '1.dcm' and [64] from other files in the series.",
        ),
        (
            {"height": 32},
            "The value of DICOM tag 'Rows' should be consistent across files in a series. "
            "Got [32] from '1.dcm' and [48] from other files in the series.",
        ),
        (
            {"instance_uid": "1.4.0"},
            "The value of DICOM tag 'SOPInstanceUID' should be unique in a series. Got [1.4.0] from '0.dcm', '1.dcm'.",
        ),
    ],
    ids=["study", "width", "height", "instance"],
)
def test_a_file_that_does_not_fit_into_its_series_is_named(change: dict[str, Any], said: str) -> None:
    assert series_problem(series({}, change, {})) == said


def test_a_dataset_written_by_pydicom_is_read_back() -> None:
    dataset = read(COMPLETE[0])
    stream = io.BytesIO()
    dataset.save_as(stream)
    assert probe("dicom_file", "again", stream.getvalue()).width == dataset.Columns
