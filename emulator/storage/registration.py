"""What an upload job is asked to register, read out of both of its forms.

The SDK's own models (`dataItems`) and the customer's JSON file (`externalFiles`) name the same things differently: keys
are compared without case and underscores; a group's files stand in a list or under `objectUrl_0`, `objectUrl_1`, ...
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from emulator.errors import InvalidArgumentsError
from emulator.world import DataType

MOST_URLS = 1_000_000
MOST_ITEMS = 500_000
LONGEST_URL = 16 * 1024
LONGEST_NAME = 300

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class File:
    """One object: where it lies, and what is said of it."""

    url: str
    title: str | None = None
    placeholder: str | None = None
    facts: Fields | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """One item to be registered; `items` are those it is made of, when they are there already."""

    kind: DataType
    files: tuple[File, ...]
    title: str | None = None
    client_metadata: Fields = field(default_factory=dict)
    items: tuple[str, ...] = ()
    scene: Fields | None = None
    settings: Fields | None = None

    @property
    def urls(self) -> list[str]:
        """The URLs of its files."""
        return [file.url for file in self.files]


@dataclass(frozen=True, slots=True)
class Registration:
    """Everything that one job is asked to register."""

    units: tuple[Unit, ...]
    skip_duplicate_urls: bool = False
    upsert_metadata: bool = False


def read_registration(files: Any) -> Registration:
    """Reads either form.

    Raises:
        InvalidArgumentsError: naming the key that is wrong, or the limit that is passed.
    """
    if not isinstance(files, dict):
        raise InvalidArgumentsError("The files to register must be an object")
    switches: dict[str, bool] = {}
    units: list[Unit] = []
    _check_limit(sum(len(value) for value in files.values() if isinstance(value, list)), MOST_ITEMS, "items")
    for key, value in files.items():
        plain = _plain(key)
        if plain in _SWITCHES:
            switches[_SWITCHES[plain]] = bool(value)
        elif plain in _LISTS:
            units.extend(_read_list(key, value, _LISTS[plain]))
        else:
            raise InvalidArgumentsError(f"{key}: not a kind of data that can be registered")
    _check_limit(sum(len(unit.files) for unit in units), MOST_URLS, "URLs")
    return Registration(tuple(units), **switches)


def _check_limit(number: int, most: int, what: str) -> None:
    if number > most:
        raise InvalidArgumentsError(f"At most {most:,} {what} can be registered at a time")


def _read_list(key: str, value: Any, read: "Reader") -> Iterator[Unit]:
    if not isinstance(value, list):
        raise InvalidArgumentsError(f"{key}: must be a list")
    for index, entry in enumerate(value):
        if not isinstance(entry, dict):
            raise InvalidArgumentsError(f"{key}.{index}: must be an object")
        try:
            yield read({_plain(name): part for name, part in entry.items()})
        except KeyError as error:
            raise InvalidArgumentsError(f"{key}.{index}: {error.args[0]} is missing") from None


@lru_cache(maxsize=1024)
def _plain(key: str) -> str:
    return key.replace("_", "").lower()


def _single(kind: DataType) -> "Reader":
    """Items of one file."""

    def read(entry: Fields) -> Unit:
        file = File(entry["objecturl"], None, entry.get("placeholderitemuuid"), _facts(entry))
        return Unit(
            kind, (file,), entry.get("title"), entry.get("clientmetadata") or {}, settings=entry.get("settings")
        )

    return read


def _facts(entry: Fields) -> Fields | None:
    """What is said of a file: `imageMetadata`, `videoMetadata`, ... whatever its kind."""
    return next((value for key, value in entry.items() if key.endswith("metadata") and key != "clientmetadata"), None)


def _image_group(entry: Fields) -> Unit:
    kind: DataType = "image_sequence" if entry.get("createvideo") else "img_group"
    return Unit(kind, _files(entry, "images"), entry.get("title"), entry.get("clientmetadata") or {})


def _image_group_of_items(entry: Fields) -> Unit:
    kind: DataType = "image_sequence" if entry.get("createvideo") else "img_group"
    return Unit(kind, (), entry.get("title"), entry.get("clientmetadata") or {}, tuple(entry["imageitems"]))


def _dicom_series(entry: Fields) -> Unit:
    return Unit("dicom", _files(entry, "dicomfiles"), entry.get("title"), entry.get("clientmetadata") or {})


def _scene(entry: Fields) -> Unit:
    return Unit("scene", (), entry["title"], entry.get("clientmetadata") or {}, scene=entry["scene"])


def _files(entry: Fields, listed: str) -> tuple[File, ...]:
    _check_limit(len(entry.get(listed, entry)), MOST_URLS, "URLs")
    if listed in entry:
        parts = ({_plain(name): value for name, value in part.items()} for part in entry[listed])
        return tuple(File(p["url"], p.get("title"), p.get("placeholderitemuuid"), _facts(p)) for p in parts)
    numbered = {int(key[9:]): url for key, url in entry.items() if key.startswith("objecturl") and key[9:].isdigit()}
    if not numbered:
        raise KeyError("objectUrl_0")
    return tuple(File(numbered[index]) for index in sorted(numbered))


Reader = Callable[[Fields], Unit]

_SWITCHES = {"skipduplicateurls": "skip_duplicate_urls", "upsertmetadata": "upsert_metadata"}
_LISTS: dict[str, Reader] = {
    "images": _single("image"),
    "videos": _single("video"),
    "audio": _single("audio"),
    "audios": _single("audio"),
    "text": _single("plain_text"),
    "texts": _single("plain_text"),
    "pdf": _single("pdf"),
    "pdfs": _single("pdf"),
    "nifti": _single("nifti"),
    "niftis": _single("nifti"),
    "timeseries": _single("time_series"),
    "imagegroups": _image_group,
    "imagegroupsfromitems": _image_group_of_items,
    "dicomseries": _dicom_series,
    "scenes": _scene,
}
