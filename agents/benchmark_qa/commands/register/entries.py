"""Entries of a registration file, and the SDK's payload models of the same items.

Files are written in the form that Encord documents (`image_groups` with `objectUrl_0`, `objectUrl_1`, ...). Both forms
are read: keys are compared without case and underscores, and a group's files may be a list as in the SDK.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from encord.orm.storage import (
    DataUploadAudio,
    DataUploadDicomSeries,
    DataUploadImage,
    DataUploadImageGroup,
    DataUploadImageGroupFromItems,
    DataUploadNifti,
    DataUploadPDF,
    DataUploadScene,
    DataUploadText,
    DataUploadTimeSeries,
    DataUploadVideo,
)
from pydantic import ValidationError

from benchmark_qa.commands.register.errors import EntryError
from benchmark_qa.config.explain import explain
from benchmark_qa.encord_api.models import Model

MOST_URLS = 1_000_000
"""URLs in one registration file"""


MOST_ITEMS = 500_000
"""Items in one registration file"""


LONGEST_URL = 16 * 1024
"""Bytes of a URL"""


LONGEST_NAME = 300
"""Characters of a name"""


MODELS: dict[str, type[Model]] = {
    "videos": DataUploadVideo,
    "images": DataUploadImage,
    "image_groups": DataUploadImageGroup,
    "dicom_series": DataUploadDicomSeries,
    "nifti": DataUploadNifti,
    "audio": DataUploadAudio,
    "text": DataUploadText,
    "pdfs": DataUploadPDF,
    "time_series": DataUploadTimeSeries,
    "scenes": DataUploadScene,
    "image_groups_from_items": DataUploadImageGroupFromItems,
}
"""Model of the entries by key, in the form that Encord documents"""


_FILES_OF = {"image_groups": "images", "dicom_series": "dicomFiles"}


_NUMBERED = re.compile(r"objecturl(\d+)")


_SPACE = re.compile(r"\s")


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def plain(key: str) -> str:
    """A key without case and underscores."""
    return key.replace("_", "").lower()


_KEYS = {plain(key): key for key in MODELS} | {"pdf": "pdfs", "texts": "text", "audios": "audio", "niftis": "nifti"}


_FIELDS = {
    key: {plain(field.alias or name): field.alias or name for name, field in model.model_fields.items()}
    for key, model in MODELS.items()
}


def key_of(written: str) -> str | None:
    """The documented key that is meant; None if there is none."""
    return _KEYS.get(plain(written))


def entry_of(model: Model) -> dict[str, Any]:
    """An item as an entry of a registration file; empty values are left out."""
    entry = model.to_dict()
    del entry["externalFileType"]
    if not entry["clientMetadata"]:
        del entry["clientMetadata"]
    if isinstance(model, DataUploadAudio) and "audioMetadata" in entry:
        entry["audiometadata"] = entry.pop("audioMetadata")
    if isinstance(model, DataUploadImageGroup):
        _number(entry, "images")
        if not entry["createVideo"]:
            del entry["createVideo"]
    elif isinstance(model, DataUploadDicomSeries):
        _number(entry, "dicomFiles")
    return entry


def _number(entry: dict[str, Any], listed: str) -> None:
    entry.update({f"objectUrl_{n}": file["url"] for n, file in enumerate(entry.pop(listed))})


def model_of(key: str, entry: Any) -> Model:
    """The SDK's model of an entry under a documented key.

    Raises:
        EntryError: Encord would not accept the entry.
    """
    if not isinstance(entry, Mapping):
        raise EntryError("must be an object")
    fields = _known_fields(key, entry)
    try:
        return MODELS[key].model_validate(fields)
    except ValidationError as error:
        raise EntryError(explain(error, MODELS[key]).splitlines()[0]) from None


def _known_fields(key: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    known, fields, numbered = _FIELDS[key], dict[str, Any](), dict[int, Any]()
    for written, value in entry.items():
        name = plain(written)
        number = _NUMBERED.fullmatch(name) if key in _FILES_OF else None
        if number is not None:
            numbered[int(number[1])] = value
        elif name in known:
            fields[known[name]] = value
        else:
            raise EntryError(f"{written!r} is no field of an entry of {key}")
    if numbered:
        fields[_FILES_OF[key]] = [{"url": numbered[n], "title": None} for n in sorted(numbered)]
    if key in _FILES_OF or key == "image_groups_from_items":
        fields.setdefault("title", None)
    return fields


def urls_of(model: Model) -> Iterator[str]:
    """The URLs of an item's files, in order."""
    if isinstance(model, DataUploadImageGroup):
        yield from (image.url for image in model.images)
    elif isinstance(model, DataUploadDicomSeries):
        yield from (file.url for file in model.dicom_files)
    elif not isinstance(model, DataUploadScene | DataUploadImageGroupFromItems):
        yield model.object_url


def check_limits(model: Model) -> None:
    """Check Encord's limits on names and URLs.

    Raises:
        EntryError: with the limit that is exceeded.
    """
    check_title(model.title)
    if isinstance(model, DataUploadImageGroup | DataUploadDicomSeries):
        if not model.title:
            raise EntryError("a group or series needs a title")
        if next(urls_of(model), None) is None:
            raise EntryError("a group or series needs at least one file")
    for url in urls_of(model):
        check_url(url)


def check_title(title: str | None) -> None:
    """Refuse a title that is too long.

    Raises:
        EntryError
    """
    if title is not None and len(title) > LONGEST_NAME:
        raise EntryError(f"the title has {len(title):,} characters, at most {LONGEST_NAME} are allowed")


def check_url(url: str) -> None:
    """Refuse a text that cannot be the URL of an object.

    Raises:
        EntryError
    """
    if not url:
        raise EntryError("the URL is empty")
    if len(url) > LONGEST_URL or len(url.encode(errors="surrogatepass")) > LONGEST_URL:
        raise EntryError(f"the URL is longer than {LONGEST_URL:,} bytes")
    if _SPACE.search(url):
        raise EntryError("the URL has white space in it, which must be percent-encoded")
    if _CONTROL.search(url):
        raise EntryError("the URL has a control character in it")
    if not url.isascii() and any("\ud800" <= letter <= "\udfff" for letter in url):
        raise EntryError("the URL is not valid Unicode")
