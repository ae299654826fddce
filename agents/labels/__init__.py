"""Label row JSON to comparable annotations (arrays), for any modality. No I/O of any kind."""

from agents.labels.annotations import Annotations
from agents.labels.errors import LabelReadError
from agents.labels.ontology import Ontology
from agents.labels.reader import read_label_row

__all__ = ["Annotations", "LabelReadError", "Ontology", "read_label_row"]
