"""The manifest of an export: each file's hash, contents and origin, and what it could not hold.

Nothing in it depends on when or where the export ran, so that two exports of one snapshot have the same manifest.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from benchmark_qa.config.deployment import Deployment
from benchmark_qa.formats.classes import Classes
from benchmark_qa.formats.encord_writer import canonical_bytes
from benchmark_qa.formats.writer import ExportedRow, Weights
from benchmark_qa.quality.from_store import report_project
from benchmark_qa.store.score_store import SqlScoreStore

MANIFEST_VERSION = 1


@dataclass
class Counts:
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
class Standing:
    """Verdicts and weights as of a moment."""

    below_the_bar: frozenset[str]
    weights: Weights
    """By annotator, the shrunk figure of the verdict; without one, the pooled figure"""


def standing(store: SqlScoreStore, deployment: Deployment, *, as_of: datetime | None) -> Standing:
    """Verdicts and weights from the score records, equal to those of the report.

    Raises:
        StoreError
    """
    board = report_project(store, deployment, domain="", as_of=as_of).leaderboard
    pooled = board.pooled_figure
    weights = {line.annotator: round(line.shrunk, 6) for line in board.lines if line.shrunk is not None}
    return Standing(
        frozenset(line.annotator for line in board.lines if line.verdict == "below the bar"),
        Weights(weights, 1.0 if pooled is None else round(float(pooled), 6)),
    )
