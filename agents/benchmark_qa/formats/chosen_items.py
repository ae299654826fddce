"""Chosen items: data units chosen for another round of labelling, with the reasons.

The commands that find items write this file; the command that sends them back reads it.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

ReasonKind = Literal[
    "likely_label_error",
    "failure_slice",
    "contradicting_duplicates",
    "rare_class",
    "missed_by_model",
    "low_score",
    "suspect_truth",
    "undecided",
    "control",
]


class ChosenReason(BaseModel):
    """Why a data unit was chosen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ReasonKind
    strength: float = Field(ge=0, le=1)
    """Certainty of the finder; comparable within one kind only."""
    text: str = Field(max_length=200)
    """Text for people; it names classes and figures, never an answer or a place."""
    label_hash: str | None = None
    """Hash of the suspected label row, if there is one."""
    object_hash: str | None = None
    """Hash of the suspected object in the label row, if there is one."""
    frame: int | None = None


class ChosenItem(BaseModel):
    """One data unit of the production project."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_hash: str
    title: str
    dataset_hash: str | None = None
    reasons: tuple[ChosenReason, ...] = Field(min_length=1)

    @property
    def strength(self) -> float:
        """The strength of the strongest reason."""
        return max(reason.strength for reason in self.reasons)


class ChosenItems(BaseModel):
    """The file of chosen items, the strongest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    project_hash: str
    name: str = Field(min_length=1, max_length=100)
    """Name of this set of items; the collection in Encord gets the same name."""
    made_at: datetime
    items: tuple[ChosenItem, ...]

    @field_validator("items")
    @classmethod
    def _each_once(cls, items: tuple[ChosenItem, ...]) -> tuple[ChosenItem, ...]:
        if len({item.data_hash for item in items}) < len(items):
            raise ValueError("a data unit stands there more than once: give it one entry with several reasons")
        return items


class SelectedPicture(BaseModel):
    """One picture of a selection."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    item: str = Field(min_length=1)
    """Uuid of the stored item, or the path of a local file"""
    title: str = ""


class PictureSelection(BaseModel):
    """Pictures that somebody has selected on the map or with `curate choose`. They need no project."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: Literal[1] = 1
    name: str = Field(min_length=1, max_length=100)
    made_at: datetime
    items: tuple[SelectedPicture, ...] = Field(min_length=1)

    @property
    def uuids(self) -> tuple[str, ...]:
        """The items, each once."""
        return tuple(dict.fromkeys(one.item for one in self.items))
