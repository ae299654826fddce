"""DICOM: what the platform reads of a file or of the tags that come with an upload, and its rules for a series.

The rules are those of Encord's public example of registering DICOM with its tags (encord-team/dicom-metadata-upload).
"""

import io
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.media.facts import Facts, UnreadableMediaError

if TYPE_CHECKING:
    from pydicom import Dataset

_INSTANCE, _STUDY, _SERIES = "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"
_PATIENT, _ROWS, _COLUMNS, _FRAMES = "PatientID", "Rows", "Columns", "NumberOfFrames"

# The tags that must come with an upload, if only as null: encord.orm.storage says so of
# CustomerProvidedDicomSeriesDicomFileMetadata.
GIVEN_TAGS = {
    "00080018": _INSTANCE,
    "00100020": _PATIENT,
    "00180050": "SliceThickness",
    "00181114": "EstimatedRadiographicMagnificationFactor",
    "00181164": "ImagerPixelSpacing",
    "0020000D": _STUDY,
    "0020000E": _SERIES,
    "00200013": "InstanceNumber",
    "00200032": "ImagePositionPatient",
    "00200037": "ImageOrientationPatient",
    "00209113": "PlanePositionSequence",
    "00209116": "PlaneOrientationSequence",
    "00280004": "PhotometricInterpretation",
    "00280008": _FRAMES,
    "00280010": _ROWS,
    "00280011": _COLUMNS,
    "00280030": "PixelSpacing",
    "00281050": "WindowCenter",
    "00281051": "WindowWidth",
    "00289110": "PixelMeasuresSequence",
    "52009229": "SharedFunctionalGroupsSequence",
    "52009230": "PerFrameFunctionalGroupsSequence",
}

_NEEDED = (_STUDY, _SERIES, _INSTANCE, _ROWS, _COLUMNS)
_LONGEST_UID = 64


def dicom_facts(data: bytes) -> Facts:
    """Size and identifiers of one DICOM file.

    Raises:
        UnreadableMediaError: when it is none, or lacks one of them.
    """
    from pydicom import dcmread  # noqa: PLC0415 - a third of a second that most runs do not need

    wanted = [*_NEEDED, _PATIENT, _FRAMES]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Files without a preamble are read too: what is no DICOM then lacks its tags.
            found = dcmread(io.BytesIO(data), stop_before_pixels=True, force=True, specific_tags=wanted)
            tags = {name: _read(found, name) for name in wanted if name in found}
    except Exception:  # damaged files fail in every way that Python knows
        raise UnreadableMediaError("not a DICOM file") from None
    if not tags:
        raise UnreadableMediaError("not a DICOM file")
    return _facts(tags)


def facts_of_tags(tags: Any) -> Facts:
    """Size and identifiers out of the tags that come with an upload, as pydicom's `to_json_dict` writes them.

    Raises:
        UnreadableMediaError: naming the tag that is missing or wrong.
    """
    if not isinstance(tags, Mapping):
        raise UnreadableMediaError("tags must be an object")
    given = {str(key).upper(): element for key, element in tags.items()}
    missing = [f"{name} ({key})" for key, name in GIVEN_TAGS.items() if key not in given]
    if missing:
        raise UnreadableMediaError(f"DICOM tags are missing: {', '.join(missing)}")
    names = [*_NEEDED, _PATIENT, _FRAMES]
    present = {name: given[key] for key, name in GIVEN_TAGS.items() if name in names and given[key] is not None}
    if _PATIENT not in present:
        raise UnreadableMediaError(f"DICOM tag '{_PATIENT}' is missing")
    return _facts({name: _given_value(name, element) for name, element in present.items()})


def _read(found: "Dataset", name: str) -> Any:
    value = found[name].value
    return None if value in (None, "") else value


def _given_value(name: str, element: Any) -> Any:
    values = element.get("Value", []) if isinstance(element, Mapping) else None
    if not isinstance(values, list):
        raise UnreadableMediaError(f"DICOM tag '{name}' is not written as pydicom's to_json_dict writes it")
    return values[0] if values else None


def _facts(tags: Mapping[str, Any]) -> Facts:
    for name in _NEEDED:
        if tags.get(name) is None:
            raise UnreadableMediaError(f"DICOM tag '{name}' is missing")
    patient = tags.get(_PATIENT)
    return Facts(
        "application/dicom",
        width=_number(tags, _COLUMNS),
        height=_number(tags, _ROWS),
        frames=_number(tags, _FRAMES) if tags.get(_FRAMES) is not None else 1,
        dicom_patient_id=None if patient is None else str(patient),
        dicom_instance_uid=_uid(tags, _INSTANCE),
        dicom_study_uid=_uid(tags, _STUDY),
        dicom_series_uid=_uid(tags, _SERIES),
    )


def _number(tags: Mapping[str, Any], name: str) -> int:
    try:
        number = int(str(tags[name]))
    except ValueError:
        number = 0
    if number < 1:
        raise UnreadableMediaError(f"The value of DICOM tag '{name}' should be a positive number. Got [{tags[name]}]")
    return number


def _uid(tags: Mapping[str, Any], name: str) -> str:
    """An identifier; spellings that the standard does not know are taken, as on the platform."""
    uid = str(tags[name])
    if not 1 <= len(uid) <= _LONGEST_UID:
        raise UnreadableMediaError(
            f"The value of DICOM tag '{name}' should have 1 to {_LONGEST_UID} characters. Got [{uid}]"
        )
    if not (uid.isascii() and uid.isprintable()) or " " in uid:
        raise UnreadableMediaError(f"The value of DICOM tag '{name}' has characters that are not allowed. Got [{uid}]")
    return uid


@dataclass(frozen=True, slots=True)
class SeriesFile:
    """A file of a series, as far as the rules of a series go; what is not known stays None."""

    title: str
    study_uid: str | None
    instance_uid: str | None
    width: int | None
    height: int | None


def series_problem(files: Sequence[SeriesFile]) -> str | None:
    """What is wrong with a series: another study, another size, an instance twice; None: nothing."""
    return (
        _differing(_STUDY, [(file.title, file.study_uid) for file in files])
        or _differing(_COLUMNS, [(file.title, file.width) for file in files])
        or _differing(_ROWS, [(file.title, file.height) for file in files])
        or _repeated(files)
    )


def _differing(name: str, values: Sequence[tuple[str, Any]]) -> str | None:
    known = [(title, value) for title, value in values if value is not None]
    for title, value in known:
        if value != known[0][1]:
            return (
                f"The value of DICOM tag '{name}' should be consistent across files in a series. "
                f"Got [{value}] from '{title}' and [{known[0][1]}] from other files in the series."
            )
    return None


def _repeated(files: Sequence[SeriesFile]) -> str | None:
    counts = Counter(file.instance_uid for file in files if file.instance_uid is not None)
    for uid, times in counts.items():
        if times > 1:
            titles = ", ".join(f"'{file.title}'" for file in files if file.instance_uid == uid)
            return f"The value of DICOM tag '{_INSTANCE}' should be unique in a series. Got [{uid}] from {titles}."
    return None
