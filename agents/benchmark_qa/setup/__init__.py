"""The set-up file: what a team wants to exist in Encord, and how that differs from what exists. Pure: no platform."""

from benchmark_qa.setup.changes import Change, Step
from benchmark_qa.setup.declaration import Declaration, DeclarationError, Folder, read_declaration
from benchmark_qa.setup.observed import (
    Observed,
    SeenDataset,
    SeenFolder,
    SeenOntology,
    SeenProject,
    SeenStage,
    Side,
)
from benchmark_qa.setup.outcome import Endpoint, endpoints, service_document
from benchmark_qa.setup.plan import plan
from benchmark_qa.setup.structure import Structure, complete
from benchmark_qa.setup.titles import gives_away

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
