"""Small DICOM files, as scanners and archives write them."""

from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, MediaStorageDirectoryStorage

ACROSS = [1, 0, 0, 0, 1, 0]


def write_slice(path: Path, series: str, number: int, *, z: float | None = None, **tags: Any) -> Path:
    """A slice of 2 x 2 pixels; `z` is its place along the axis of the body."""
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    storage = tags.pop("storage", CTImageStorage)
    found.file_meta.MediaStorageSOPClassUID = storage
    found.file_meta.MediaStorageSOPInstanceUID = UID(f"{series}.{number}")
    found.SOPClassUID, found.SOPInstanceUID = storage, f"{series}.{number}"
    found.StudyInstanceUID, found.SeriesInstanceUID, found.InstanceNumber = "1.2.3", series, number
    if z is not None:
        found.ImageOrientationPatient, found.ImagePositionPatient = ACROSS, [0, 0, z]
    if not tags.pop("without_picture", False):
        found.Rows, found.Columns, found.BitsAllocated = 2, 2, 8
        found.PixelData = bytes(4)
    for name, value in tags.items():
        setattr(found, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    found.save_as(path, enforce_file_format=True)
    return path


DIRECTORY = MediaStorageDirectoryStorage
