"""What there is in Encord of what a set-up declares: plain values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmark_qa.encord_api.models import SeenStage

Side = Literal["benchmark", "production"]


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that exists, under the title that it has now."""

    uuid: str
    title: str


@dataclass(frozen=True, slots=True)
class SeenFolder(Thing):
    """A folder of the storage."""

    moved: bool = False
    """It lies in another folder than the set-up says"""
    synced_with: str | None = None
    """The bucket that Encord keeps it in step with"""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    """Roles by name of the group"""


@dataclass(frozen=True, slots=True)
class SeenOntology(Thing):
    """An ontology with Encord's ontology JSON."""

    structure: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SeenDataset(Thing):
    """A dataset beside the folders that the set-up names for it."""

    unlinked: int = 0
    """Items of its folders that are not in it"""
    foreign: int = 0
    """Data units of it that are in none of its folders"""
    shared: int = 0
    """Of a production dataset: data units whose items are in the benchmark dataset, too"""


@dataclass(frozen=True, slots=True)
class SeenProject(Thing):
    """A project with all that the set-up has a say in."""

    ontology: str = ""
    datasets: Mapping[str, str] = field(default_factory=dict)
    """Titles by dataset hash"""
    users: Mapping[str, str] = field(default_factory=dict)
    """Roles by e-mail"""
    stages: tuple[SeenStage, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything at one look; what does not exist is not in the mappings."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Types of the client metadata keys: a name, `{"ty": "enum", "values"}` or `{"ty": "embedding", "size"}`"""
    folders: Mapping[str, SeenFolder] = field(default_factory=dict)
    """By declared path"""
    waiting: Mapping[str, int] = field(default_factory=dict)
    """By declared path: items that are to go into the folder and are not there; 1 for a sync that has not been"""
    groups: Mapping[str, int] = field(default_factory=dict)
    """How many groups the organisation has of each name"""
    ontology: SeenOntology | None = None
    datasets: Mapping[str, SeenDataset] = field(default_factory=dict)
    """By declared title"""
    projects: Mapping[Side, SeenProject] = field(default_factory=dict)
    telling: tuple[str, ...] = ()
    """Titles of benchmark items, there or waiting, that give them away"""


_TELLING = re.compile(r"(?<![a-z])(benchmarks?|gold|goldens?|truth|ground_?truth|honey_?pots?)(?![a-z])", re.IGNORECASE)


def gives_away(title: str) -> bool:
    """Whether a title has a word in it by which people would know a benchmark item."""
    return _TELLING.search(title) is not None
