"""Data units chosen for another round of labelling, and why: what finding writes and sending back reads."""

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


class Reason(BaseModel):
    """Why a data unit was chosen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ReasonKind
    strength: float = Field(ge=0, le=1)
    """How sure the finder is; comparable within one kind only"""
    text: str = Field(max_length=200)
    """For people: names classes and figures, never an answer or a place"""
    label_hash: str | None = None
    """The label row that is suspected, where it is one"""
    object_hash: str | None = None
    """The object in it, where it is one"""
    frame: int | None = None


class ChosenItem(BaseModel):
    """One data unit of the production project."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_hash: str
    title: str
    dataset_hash: str | None = None
    reasons: tuple[Reason, ...] = Field(min_length=1)

    @property
    def strength(self) -> float:
        """Of its strongest reason."""
        return max(reason.strength for reason in self.reasons)


class ChosenItems(BaseModel):
    """One choice, as a file: items in order of strength, the strongest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    project_hash: str
    name: str = Field(min_length=1, max_length=100)
    """Of the choice; the collection in Encord is named after it"""
    made_at: datetime
    items: tuple[ChosenItem, ...]

    @field_validator("items")
    @classmethod
    def _each_once(cls, items: tuple[ChosenItem, ...]) -> tuple[ChosenItem, ...]:
        if len({item.data_hash for item in items}) < len(items):
            raise ValueError("a data unit stands there more than once: give it one entry with several reasons")
        return items
