"""Label row JSON to comparable annotations (arrays), for any modality. No I/O of any kind."""

from typing import TYPE_CHECKING

from benchmark_qa.deferred import deferred
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.labels.ontology import Ontology

if TYPE_CHECKING:
    from benchmark_qa.labels.annotations import Annotations
    from benchmark_qa.labels.reader import read_label_row
else:
    __getattr__ = deferred(__name__, {"Annotations": "annotations", "read_label_row": "reader"})

__all__ = ["Annotations", "LabelReadError", "Ontology", "read_label_row"]
