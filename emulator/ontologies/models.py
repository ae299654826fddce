"""Ontologies: Encord's editor JSON with a title, dates and people."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from emulator.organisation.models import Grant
from emulator.world import DatasetRole

EMPTY_EDITOR: dict[str, Any] = {"objects": [], "classifications": []}


@dataclass(slots=True, eq=False)
class Ontology:
    """An ontology; `editor` is what the SDK calls its structure."""

    hash: str
    title: str
    description: str
    editor: dict[str, Any]
    created_at: datetime
    edited_at: datetime
    users: dict[str, DatasetRole] = field(default_factory=dict)
    groups: dict[str, Grant] = field(default_factory=dict)

    def features(self) -> set[str]:
        """The feature hashes of its objects and classifications."""
        tops = [*self.editor.get("objects", []), *self.editor.get("classifications", [])]
        return {top["featureNodeHash"] for top in tops}

    def archived_features(self) -> set[str]:
        """The feature hashes of its archived objects and classifications."""
        tops = [*self.editor.get("objects", []), *self.editor.get("classifications", [])]
        return {top["featureNodeHash"] for top in tops if top.get("archived")}
