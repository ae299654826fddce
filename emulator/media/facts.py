"""The facts about a file that the platform reads when it registers one."""

from dataclasses import dataclass


class UnreadableMediaError(Exception):
    """A file that is not what it was uploaded as."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Sizes in pixels, durations in seconds; what a format does not have stays None."""

    mime_type: str
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    fps: float | None = None
    duration: float | None = None
    sample_rate: int | None = None
    bit_depth: int | None = None
    codec: str | None = None
    channels: int | None = None
    dicom_patient_id: str | None = None
    dicom_instance_uid: str | None = None
    dicom_study_uid: str | None = None
    dicom_series_uid: str | None = None
