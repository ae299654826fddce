"""Makes storage items of what an upload job is asked to register."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from emulator.errors import PlatformError
from emulator.media.dicom import SeriesFile, facts_of_tags, series_problem
from emulator.media.facts import Facts, UnreadableMediaError
from emulator.media.probe import probe
from emulator.organisation.models import Integration
from emulator.spec import new_uuid
from emulator.storage.models import MIME_TYPES, Folder, Item
from emulator.storage.registration import LONGEST_NAME, LONGEST_URL, File, Unit
from emulator.world import DataType

if TYPE_CHECKING:
    from emulator.platform import Platform

_PARTS: dict[DataType, DataType] = {"img_group": "image", "image_sequence": "image", "dicom": "dicom_file"}

# What stands in for the headers of cloud objects, which the emulator cannot fetch, when the caller gives no metadata.
STAND_INS: dict[DataType, Facts] = {
    "image": Facts("image/png", 640, 480),
    "video": Facts("video/mp4", 640, 480, 100, 25.0, 4.0),
    "audio": Facts("audio/wav", duration=4.0, sample_rate=44_100, bit_depth=16, codec="pcm_s16le", channels=1),
    "dicom_file": Facts("application/dicom", 512, 512, 1),
    "nifti": Facts("application/nifti", 256, 256, 64),
    "pdf": Facts("application/pdf", frames=1),
}

_FIELDS = {
    "mimeType": "mime_type",
    "height": "height",
    "width": "width",
    "fps": "fps",
    "duration": "duration",
    "sampleRate": "sample_rate",
    "bitDepth": "bit_depth",
    "codec": "codec",
    "numChannels": "channels",
    "numPages": "frames",
}

_FACTS = tuple(field.name for field in fields(Facts))

_LOCATIONS = (
    ("s3:", "s3"),
    ("amazonaws.com", "s3"),
    ("gs:", "gcp"),
    ("storage.googleapis.com", "gcp"),
    ("blob.core.windows.net", "azure"),
    ("otc.t-systems.com", "openTelekom"),
)


class UnitError(Exception):
    """One item that cannot be registered."""

    def __init__(self, urls: list[str], message: str) -> None:
        super().__init__(message)
        self.urls = urls
        self.message = message


class Registrar:
    """Makes items for one folder; nothing is stored before `keep`."""

    def __init__(self, platform: "Platform", folder: Folder, integration: Integration | None, by: str) -> None:
        self._platform = platform
        self._folder = folder
        self._integration = integration
        self._by = by

    def make(self, unit: Unit) -> list[Item]:
        """The item of a unit first, then the items that it alone is made of.

        Raises:
            UnitError: it cannot be registered.
        """
        try:
            if unit.scene is not None:
                return [self._scene(unit)]
            if unit.items:
                return [self._of_items(unit)]
            if unit.kind in _PARTS:
                return self._of_files(unit)
            return [self._single(unit)]
        except PlatformError as error:
            raise UnitError(unit.urls, error.message) from None

    def keep(self, made: list[Item]) -> Item:
        """Stores an item and its parts."""
        for item in reversed(made):
            self._platform.storage.add_item(item)
        return made[0]

    def _single(self, unit: Unit) -> Item:
        item = self._file(unit.kind, unit.files[0], unit.title)
        item.client_metadata = dict(unit.client_metadata)
        if unit.settings is not None:
            item.settings["timeseriesSettings"] = unit.settings
        return item

    def _of_files(self, unit: Unit) -> list[Item]:
        try:
            parts = [self._file(_PARTS[unit.kind], file, file.title) for file in unit.files]
        except UnitError as error:
            raise UnitError(unit.urls, error.message) from None
        if not parts:
            raise UnitError([], "A group needs at least one file")
        if unit.kind == "dicom":
            _check_series(unit.urls, parts)
        whole = self._whole(unit, parts)
        for part in parts:
            part.parent_item = whole.uuid
        return [whole, *parts]

    def _of_items(self, unit: Unit) -> Item:
        parts = [self._platform.storage.item(uuid) for uuid in unit.items]
        wrong = next((part for part in parts if part.type != "image"), None)
        if wrong is not None:
            raise UnitError([], f"{wrong.name} is not an image")
        return self._whole(unit, parts)

    def _whole(self, unit: Unit, parts: list[Item]) -> Item:
        first = parts[0]
        whole = self._item(unit.kind, unit.title or f"{unit.kind}-{first.name}", new_uuid(), MIME_TYPES[unit.kind])
        whole.client_metadata = dict(unit.client_metadata)
        whole.children = [part.uuid for part in parts]
        whole.width, whole.height = first.width, first.height
        whole.frames = sum(part.frames or 1 for part in parts)
        whole.dicom_patient_id = first.dicom_patient_id
        whole.dicom_study_uid, whole.dicom_series_uid = first.dicom_study_uid, first.dicom_series_uid
        whole.file_size = sum(part.size or 0 for part in parts)
        whole.storage_location, whole.integration = first.storage_location, first.integration
        return whole

    def _scene(self, unit: Unit) -> Item:
        item = self._item("scene", unit.title or "scene", new_uuid(), MIME_TYPES["scene"])
        item.client_metadata = dict(unit.client_metadata)
        item.scene = unit.scene
        return item

    def _file(self, kind: DataType, file: File, title: str | None) -> Item:
        upload = self._platform.uploads.of_key(file.url)
        if upload is None and file.placeholder is not None:
            upload = self._platform.uploads.upload(file.placeholder)
        if upload is None:
            return self._cloud_object(kind, file, title)
        name = title or _file_name(file.url)
        if upload.content is None:
            raise UnitError([file.url], f"No file was uploaded for {name}")
        facts = _said(kind, file, name) or _read(kind, file, name, upload.content)
        item = self._item(kind, name, upload.uuid, facts.mime_type)
        item.content = upload.content
        return _described(item, facts)

    def _cloud_object(self, kind: DataType, file: File, title: str | None) -> Item:
        if len(file.url.encode()) > LONGEST_URL:
            raise UnitError([file.url[:100]], f"A URL can be at most {LONGEST_URL:,} bytes long")
        bucket = self._integration
        if bucket is not None and bucket.objects is not None and file.url not in bucket.objects:
            raise UnitError([file.url], f"The object does not exist, or {bucket.title} has no access to it")
        name = title or _file_name(file.url)
        facts = _said(kind, file, name) or STAND_INS.get(kind) or Facts(MIME_TYPES[kind])
        item = self._item(kind, name, new_uuid(), facts.mime_type)
        item.url = file.url
        item.integration = bucket.uuid if bucket is not None else None
        item.storage_location = _location(file.url) if bucket is not None else "directAccess"
        item.file_size = (file.facts or {}).get("fileSize")
        return _described(item, facts)

    def _item(self, kind: DataType, name: str, uuid: str, mime_type: str) -> Item:
        if len(name) > LONGEST_NAME:
            raise UnitError([], f"A name can be at most {LONGEST_NAME} characters long")
        now = self._platform.now()
        kind = "html" if mime_type == "text/html" else kind
        return Item(uuid, name, kind, self._folder.uuid, self._by, now, now, mime_type)


def _said(kind: DataType, file: File, name: str) -> Facts | None:
    """What comes with the upload of a file, if anything."""
    if kind != "dicom_file" or file.facts is None:
        return _given(file, MIME_TYPES[kind])
    try:
        return facts_of_tags(file.facts.get("tags"))
    except UnreadableMediaError as error:
        raise UnitError([file.url], f"{name}: {error}") from None


def _check_series(urls: list[str], parts: list[Item]) -> None:
    files = [SeriesFile(p.name, p.dicom_study_uid, p.dicom_instance_uid, p.width, p.height) for p in parts]
    problem = series_problem(files)
    if problem is not None:
        raise UnitError(urls, problem)


def _given(file: File, mime_type: str) -> Facts | None:
    """What the caller says of a file is trusted, not checked."""
    if file.facts is None:
        return None
    said: Mapping[str, Any] = file.facts
    known = {ours: said[theirs] for theirs, ours in _FIELDS.items() if said.get(theirs) is not None}
    if "fps" in known and "duration" in known:
        known["frames"] = round(known["fps"] * known["duration"])
    return Facts(**{"mime_type": mime_type, **known})


def _read(kind: DataType, file: File, name: str, content: bytes) -> Facts:
    try:
        return probe(kind, name, content)
    except UnreadableMediaError as error:
        raise UnitError([file.url], f"{name}: {error}") from None


def _described(item: Item, facts: Facts) -> Item:
    for name in _FACTS:
        setattr(item, name, getattr(facts, name))
    return item


def _file_name(url: str) -> str:
    return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2]) or url


def _location(url: str) -> str:
    return next((name for mark, name in _LOCATIONS if mark in url), "s3Compatible")
