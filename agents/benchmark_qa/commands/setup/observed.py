"""The state in Encord of what a set-up declares, as plain values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmark_qa.encord_api.models import SeenStage

ProjectSide = Literal["benchmark", "production"]


@dataclass(frozen=True, slots=True)
class Thing:
    """An existing object, with its current title."""

    uuid: str
    title: str


@dataclass(frozen=True, slots=True)
class SeenFolder(Thing):
    """A folder of the storage."""

    moved: bool = False
    """Whether it is in another folder than the set-up says"""
    synced_with: str | None = None
    """The bucket that Encord syncs it with"""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    """Roles by group name"""


@dataclass(frozen=True, slots=True)
class SeenOntology(Thing):
    """An ontology with Encord's ontology JSON."""

    structure: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SeenDataset(Thing):
    """A dataset, compared with the folders that the set-up gives it."""

    unlinked: int = 0
    """Items of its folders that are not in it"""
    foreign: int = 0
    """Data units in it that are in none of its folders"""
    shared: int = 0
    """For a production dataset: data units whose items are in the benchmark dataset too"""


@dataclass(frozen=True, slots=True)
class SeenProject(Thing):
    """A project with everything that the set-up declares."""

    ontology: str = ""
    datasets: Mapping[str, str] = field(default_factory=dict)
    """Titles by dataset hash"""
    users: Mapping[str, str] = field(default_factory=dict)
    """Roles by e-mail"""
    stages: tuple[SeenStage, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """The state at one moment; what does not exist is not in the mappings."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Types of metadata keys: a name, `{"ty": "enum", "values"}` or `{"ty": "embedding", "size"}`"""
    folders: Mapping[str, SeenFolder] = field(default_factory=dict)
    """By declared path"""
    waiting: Mapping[str, int] = field(default_factory=dict)
    """By declared path: missing items that should be in the folder; 1 for a sync that has not run yet"""
    groups: Mapping[str, int] = field(default_factory=dict)
    """Number of groups in the organisation by name"""
    ontology: SeenOntology | None = None
    datasets: Mapping[str, SeenDataset] = field(default_factory=dict)
    """By declared title"""
    projects: Mapping[ProjectSide, SeenProject] = field(default_factory=dict)
    telling: tuple[str, ...] = ()
    """Titles of benchmark items, existing or waiting, that reveal them as such"""


_TELLING = re.compile(r"(?<![a-z])(benchmarks?|gold|goldens?|truth|ground_?truth|honey_?pots?)(?![a-z])", re.IGNORECASE)


def gives_away(title: str) -> bool:
    """Whether a title contains a word that reveals a benchmark item."""
    return _TELLING.search(title) is not None
