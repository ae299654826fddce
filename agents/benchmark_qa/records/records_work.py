"""What Encord's analytics said of people's work, in short: enough for the parts of a rating."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PersonsWork:
    """One annotator's tasks at the annotation stages of the production project, benchmark items among them."""

    done: int
    """Data units submitted, and not in hand again"""
    assigned: int | None
    """Those, and what is in hand; None where it is not known"""
    reviewed: int
    """Data units that a reviewer has approved or rejected"""
    accepted_at_once: int
    """Those of them that were never rejected"""
    rejections: int


@dataclass(frozen=True)
class WorkReading:
    """What was read of one project, and when."""

    since: datetime
    """Work before that is not in it"""
    read_at: datetime
    people: Mapping[str, PersonsWork] = field(default_factory=dict)
    """By e-mail"""
    seconds: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Time at annotation stages by e-mail and data hash, of data units that have a score"""
