"""What a plan consists of: what is to be done, by whom, and what it takes."""

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
    """Make a folder in the one above it."""

    path: str


@dataclass(frozen=True, slots=True)
class DescribeFolder:
    """Add keys to the metadata of a folder."""

    path: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ShareFolder:
    """Let groups use a folder."""

    path: str
    role: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FillFolder:
    """Register or upload what is to be in a folder and is not, or sync it."""

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
    """Link what lies in a dataset's folders and is not in it."""

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

    `create` and `change` have a `step`, which `apply` takes. `drift` is what people have made different and `fault`
    what does not fit together: both are left to people, and `remedy` says what to do. A `notice` is worth a thought and
    nothing is wrong.
    """

    kind: Kind
    subject: str
    message: str
    remedy: str = ""
    step: Step | None = None

    def to_dict(self) -> dict[str, str]:
        """For JSON."""
        written = {"kind": self.kind, "subject": self.subject, "message": self.message}
        return written | ({"remedy": self.remedy} if self.remedy else {})
