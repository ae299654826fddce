"""Datasets and their data rows."""

from dataclasses import dataclass, field
from datetime import datetime

from emulator.organisation.models import Grant
from emulator.spec import new_uuid
from emulator.storage.models import Item
from emulator.world import DatasetRole


@dataclass(slots=True, eq=False)
class DataRow:
    """A storage item as a data unit of one dataset: the thing that has a data hash."""

    dataset: "Dataset"
    item: Item
    title: str
    created_at: datetime
    edited_at: datetime
    hash: str = field(default_factory=new_uuid)


@dataclass(slots=True, eq=False)
class Dataset:
    """A dataset; `rows` by data hash."""

    title: str
    description: str
    created_at: datetime
    edited_at: datetime
    hash: str = field(default_factory=new_uuid)
    users: dict[str, DatasetRole] = field(default_factory=dict)
    groups: dict[str, Grant] = field(default_factory=dict)
    rows: dict[str, DataRow] = field(default_factory=dict)
    backing_folder: str | None = None
