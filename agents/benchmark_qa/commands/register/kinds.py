"""What can be registered, and under which key of a registration file it stands."""

from enum import StrEnum


class Kind(StrEnum):
    """The kinds of items that a manifest may name."""

    VIDEO = "video"
    IMAGE = "image"
    IMAGE_GROUP = "image_group"
    IMAGE_SEQUENCE = "image_sequence"
    DICOM_SERIES = "dicom_series"
    NIFTI = "nifti"
    AUDIO = "audio"
    TEXT = "text"
    HTML = "html"
    PDF = "pdf"

    @property
    def of_many_files(self) -> bool:
        """Whether an item of this kind is made of several files, in order."""
        return self in _OF_MANY_FILES


_OF_MANY_FILES = frozenset({Kind.IMAGE_GROUP, Kind.IMAGE_SEQUENCE, Kind.DICOM_SERIES})

_ENDINGS: dict[str, Kind] = {
    **dict.fromkeys(("png", "jpg", "jpeg", "gif", "bmp", "webp", "tif", "tiff", "avif"), Kind.IMAGE),
    **dict.fromkeys(("mp4", "mov", "webm", "mkv", "avi", "m4v"), Kind.VIDEO),
    **dict.fromkeys(("wav", "mp3", "flac", "ogg", "m4a", "aac", "eac3"), Kind.AUDIO),
    **dict.fromkeys(("txt", "md", "json", "xml"), Kind.TEXT),
    **dict.fromkeys(("html", "htm"), Kind.HTML),
    **dict.fromkeys(("dcm", "dicom"), Kind.DICOM_SERIES),
    **dict.fromkeys(("nii", "nii.gz"), Kind.NIFTI),
    "pdf": Kind.PDF,
}


def kind_by_name(path: str) -> Kind | None:
    """The kind that a file's name tells by its ending; None for endings not known here."""
    name = path.rpartition("/")[2].lower()
    rest, _, ending = name.rpartition(".")
    if not rest:
        return None
    return _ENDINGS.get(f"{rest.rpartition('.')[2]}.{ending}") or _ENDINGS.get(ending)
