"""Label row JSON to comparable annotations (arrays), for any modality. No I/O of any kind."""

from typing import TYPE_CHECKING

from agents.deferred import deferred
from agents.labels.errors import LabelReadError
from agents.labels.ontology import Ontology

if TYPE_CHECKING:
    from agents.labels.annotations import Annotations
    from agents.labels.reader import read_label_row
else:
    __getattr__ = deferred(__name__, {"Annotations": "annotations", "read_label_row": "reader"})

__all__ = ["Annotations", "LabelReadError", "Ontology", "read_label_row"]
