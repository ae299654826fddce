"""The set-up file: what a team wants to exist in Encord, and how that differs from what exists. Pure: no platform."""

from agents.setup.changes import Change, Step
from agents.setup.declaration import Declaration, DeclarationError, Folder, read_declaration
from agents.setup.observed import (
    Observed,
    SeenDataset,
    SeenFolder,
    SeenOntology,
    SeenProject,
    SeenStage,
    Side,
)
from agents.setup.outcome import Endpoint, endpoints, service_document
from agents.setup.plan import plan
from agents.setup.structure import Structure, complete
from agents.setup.titles import gives_away

__all__ = [
    "Change",
    "Declaration",
    "DeclarationError",
    "Endpoint",
    "Folder",
    "Observed",
    "SeenDataset",
    "SeenFolder",
    "SeenOntology",
    "SeenProject",
    "SeenStage",
    "Side",
    "Step",
    "Structure",
    "complete",
    "endpoints",
    "gives_away",
    "plan",
    "read_declaration",
    "service_document",
]
