"""The manifest of an export: each file's name, hash, contents and origin, and what it could not hold.

Nothing in it depends on when or where the export ran, so that two exports of one snapshot have the same manifest.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any, Self

import orjson

from benchmark_qa.config.deployment import Deployment
from benchmark_qa.formats.class_mapping import Classes
from benchmark_qa.formats.encord_writer import canonical_bytes
from benchmark_qa.formats.writer import AnnotatorWeights, ExportedRow
from benchmark_qa.quality.from_store import report_project
from benchmark_qa.store.score_store import SqlScoreStore

MANIFEST_VERSION = 1


@dataclass
class LabelCounts:
    """Counts of what the label rows hold, in any format, to compare with Encord's own figures."""

    rows: int = 0
    rows_without_labels: int = 0
    data_units: Counter[str] = field(default_factory=Counter)
    """Data units by kind"""
    splits: Counter[str] = field(default_factory=Counter)
    """Data units by split"""
    images: int = 0
    """Images, and frames with labels"""
    objects: Counter[str] = field(default_factory=Counter)
    """Object instances by class"""
    drawings: Counter[str] = field(default_factory=Counter)
    """Objects on images by class: a video object counts once per frame"""
    shapes: Counter[str] = field(default_factory=Counter)
    """Drawings by shape"""
    classifications: Counter[str] = field(default_factory=Counter)
    """Classification instances by class"""

    def add(self, exported: ExportedRow, classes: Classes) -> None:
        """Count one label row."""
        labels = exported.labels
        self.rows += 1
        self.rows_without_labels += not labels.instances and not labels.classifications
        self.data_units[str(exported.row["data_type"])] += 1
        self.splits[exported.split] += 1
        self.images += len(labels.images)
        self.objects.update(classes.names[feature] for feature in labels.instances.values())
        drawn = [item for image in labels.images for item in image.objects] + list(labels.elsewhere)
        self.drawings.update(classes.names[item.feature] for item in drawn)
        self.shapes.update(item.shape.value for item in drawn)
        given = {item.classification_hash: item.feature for item in labels.classifications}
        self.classifications.update(classes.ontology.classifications[feature].name for feature in given.values())

    def to_dict(self) -> dict[str, Any]:
        """JSON types only, sorted."""
        return {
            name: dict(sorted(value.items())) if isinstance(value, Counter) else value
            for name, value in vars(self).items()
        }


def structure_hash(editor: Mapping[str, Any]) -> str:
    """SHA-256 of the ontology's structure: it changes when a class, a question or an option does."""
    return sha256(canonical_bytes(editor)).hexdigest()


def manifest_bytes(content: Mapping[str, Any]) -> bytes:
    """The bytes of the manifest file."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps({"manifest_version": MANIFEST_VERSION, **content}, option=options)


@dataclass(frozen=True)
class JudgedPeople:
    """Verdicts and weights as of a moment."""

    below_the_bar: frozenset[str]
    weights: AnnotatorWeights
    """By annotator, the shrunk figure of the verdict; without one, the pooled figure"""


def judged_people(store: SqlScoreStore, deployment: Deployment, *, as_of: datetime | None) -> JudgedPeople:
    """Verdicts and weights from the score records, equal to those of the report.

    Raises:
        StoreError
    """
    board = report_project(store, deployment, domain="", as_of=as_of).leaderboard
    pooled = board.pooled_figure
    weights = {line.annotator: round(line.shrunk, 6) for line in board.lines if line.shrunk is not None}
    return JudgedPeople(
        frozenset(line.annotator for line in board.lines if line.verdict == "below the bar"),
        AnnotatorWeights(weights, 1.0 if pooled is None else round(float(pooled), 6)),
    )


IMAGE_SUFFIXES = frozenset(
    {
        ".avif",
        ".bmp",
        ".dng",
        ".heic",
        ".heif",
        ".jp2",
        ".jpeg",
        ".jpg",
        ".mpo",
        ".pfm",
        ".png",
        ".tif",
        ".tiff",
        ".webp",
    }
)


_OTHER_SUFFIXES = frozenset(
    {".avi", ".dcm", ".gif", ".html", ".m4v", ".mkv", ".mov", ".mp3", ".mp4", ".nii", ".pdf", ".txt", ".wav", ".webm"}
)


_SUFFIX_OF_TYPE = {
    "image/avif": ".avif",
    "image/bmp": ".bmp",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/tiff": ".tif",
    "image/webp": ".webp",
}


_UNFIT = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff<>:"/\\|?*]')
"""Characters that some file system rejects, and characters that end a line in a list of names"""


_OF_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names of devices on Windows, with any extension"""


_LIKE_A_FRAME = re.compile(r".*_f\d{6,}")


_LONGEST = 150
"""Bytes of a stem: file systems allow 255, and frames, spaces and hashes are added"""


class FileNames:
    """Names of image files: the title; if two titles clash, both get the data hash added.

    Stems must differ, not only names: YOLO's label file of `a.jpg` and of `a.png` is the same. Upper and lower case are
    equal, as on some file systems. So a new data unit in the export can add the hash to another one's name.
    """

    def __init__(self, titles: Iterable[str]) -> None:
        self._stems = Counter(_stem(title).casefold() for title in titles)

    def of_image(self, title: str, data_hash: str, mime_type: str = "") -> str:
        """The name of an image's file."""
        return self._own_stem(title, data_hash) + suffix_of(title, mime_type)

    def of_frame(self, title: str, data_hash: str, space: str, frame: int, mime_type: str = "") -> str:
        """The name of one frame of a video, group or series: `STEM_f000012.jpg`, or `STEM_SPACE_f000012.jpg`."""
        within = f"_{_UNFIT.sub('_', space)}" if space else ""
        suffix = _SUFFIX_OF_TYPE.get(mime_type, ".jpg")
        return f"{self._own_stem(title, data_hash)}{within}_f{frame:06d}{suffix}"

    def _own_stem(self, title: str, data_hash: str) -> str:
        stem = _stem(title)
        alone = self._stems[stem.casefold()] <= 1 and not _LIKE_A_FRAME.fullmatch(stem)
        return stem if stem and alone else f"{stem}_{data_hash}".lstrip("_")


def suffix_of(title: str, mime_type: str) -> str:
    """The title's extension if it is an image's, else that of the MIME type, else `.jpg`."""
    suffix = PurePosixPath(title).suffix
    return suffix if suffix.lower() in IMAGE_SUFFIXES else _SUFFIX_OF_TYPE.get(mime_type, ".jpg")


def _stem(title: str) -> str:
    """The title without its extension, with characters that every file system accepts."""
    name = unicodedata.normalize("NFC", title)
    suffix = PurePosixPath(name).suffix
    if suffix.lower() in IMAGE_SUFFIXES | _OTHER_SUFFIXES:
        name = name[: -len(suffix)]
    name = _UNFIT.sub("_", name).strip(". ")
    if _OF_WINDOWS.fullmatch(name):
        name = f"_{name}"
    return name.encode()[:_LONGEST].decode(errors="ignore").rstrip(". ")


class SplitError(ValueError):
    """The text is not a split."""


@dataclass(frozen=True)
class Splits:
    """Parts of a data set by name and share; a data unit's part depends on its hash alone."""

    shares: tuple[tuple[str, float], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `train=0.8,val=0.2`.

        Raises:
            SplitError
        """
        shares = []
        for part in text.split(","):
            name, _, share = part.strip().partition("=")
            try:
                number = float(share)
            except ValueError:
                number = 0.0
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) or not 0 < number <= 1:
                raise SplitError(f"{part.strip()!r} is no part of a split: write train=0.8,val=0.2")
            shares.append((name, number))
        if abs(sum(share for _, share in shares) - 1) > 1e-9 or len({name for name, _ in shares}) < len(shares):
            raise SplitError(f"the shares of {text!r} do not add up to 1, or a name is there twice")
        return cls(tuple(shares))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parts, in the order given."""
        return tuple(name for name, _ in self.shares)

    def of(self, data_hash: str) -> str:
        """The part of a data unit with all its frames; other data units have no effect on it."""
        point = int.from_bytes(hashlib.sha256(data_hash.encode()).digest()[:8]) / 2**64
        for name, share in self.shares:
            point -= share
            if point < 0:
                return name
        return self.shares[-1][0]

    def __str__(self) -> str:
        return ",".join(f"{name}={share:g}" for name, share in self.shares)
