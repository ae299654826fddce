"""The lines and steps of a plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from benchmark_qa.commands.setup.observed import Side


@dataclass(frozen=True, slots=True)
class ExtendMetadata:
    """Add keys, or options of keys, to the organisation's metadata schema."""

    types: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MakeFolder:
    """Make a folder in its parent folder."""

    path: str


@dataclass(frozen=True, slots=True)
class DescribeFolder:
    """Add keys to the metadata of a folder."""

    path: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ShareFolder:
    """Give groups access to a folder."""

    path: str
    role: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FillFolder:
    """Register, upload or sync the items that a folder should have and does not."""

    path: str


@dataclass(frozen=True, slots=True)
class MakeOntology:
    """Make the ontology."""


@dataclass(frozen=True, slots=True)
class MakeDataset:
    """Make an empty dataset."""

    title: str


@dataclass(frozen=True, slots=True)
class LinkItems:
    """Link the items of a dataset's folders that are not in it."""

    title: str


@dataclass(frozen=True, slots=True)
class MakeProject:
    """Make a project from its workflow template, with ontology and datasets."""

    side: Side


@dataclass(frozen=True, slots=True)
class AttachDatasets:
    """Attach datasets to a project."""

    side: Side
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddPeople:
    """Add people to a project."""

    side: Side
    role: str
    emails: tuple[str, ...]


Step = (
    ExtendMetadata
    | MakeFolder
    | DescribeFolder
    | ShareFolder
    | FillFolder
    | MakeOntology
    | MakeDataset
    | LinkItems
    | MakeProject
    | AttachDatasets
    | AddPeople
)

Kind = Literal["create", "change", "drift", "fault", "notice", "unchanged"]


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a plan.

    `create` and `change` have a `step`, which `apply` carries out. `drift` is a change that people have made, and
    `fault` is a contradiction: both are left to people, and `remedy` says what to do. A `notice` is a remark without a
    fault.
    """

    kind: Kind
    subject: str
    message: str
    remedy: str = ""
    step: Step | None = None

    def to_dict(self) -> dict[str, str]:
        """A dict of JSON types."""
        written = {"kind": self.kind, "subject": self.subject, "message": self.message}
        return written | ({"remedy": self.remedy} if self.remedy else {})
