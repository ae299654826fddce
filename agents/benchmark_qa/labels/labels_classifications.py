"""Classification instances, from `classification_answers`: the only place where the SDK keeps them."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmark_qa.labels.annotations import ROW, Classification
from benchmark_qa.labels.answers import read_answers, read_spans
from benchmark_qa.labels.errors import LabelReadError, hash_named
from benchmark_qa.labels.frames import FLAT, FRAMED, data_type, entries, name_of
from benchmark_qa.labels.ontology import Ontology

ROOT = "root"
"""The space of the row itself, where a row models it as one; its classifications use the entry's own range."""
UNFRAMED_SPACES = frozenset({"audio", "time_series", "text", "html", "point_cloud"})


def classifications(row: Mapping[str, Any], ontology: Ontology) -> Iterator[Classification]:
    """Every classification instance, once per space it stands on."""
    framed = data_type(row) in FLAT | FRAMED
    kinds = {name: space.get("space_type") for name, space in entries(row, "spaces")}
    for key, entry in entries(row, "classification_answers"):
        place = f"classification_answers[{key}]"
        feature = entry.get("featureHash")
        if not feature:
            continue  # the SDK skips it too
        index = ontology.classification_index.get(feature) if isinstance(feature, str) else None
        if index is None:
            raise LabelReadError(place, f"feature {hash_named(feature)} is not in the ontology")
        whole = ontology.classifications[index].whole
        answers = read_answers(entry.get("classifications") or [], ontology, f"{place}.classifications")
        name = name_of(entry, "classificationHash", key)
        spaces = {space: where for space, where in entries(entry, "spaces") if space != ROOT}
        if not spaces:
            spans = read_spans(entry.get("range") or [], f"{place}.range")
            # On no frame of something that has frames, it is not there.
            if spans or whole or not framed:
                yield Classification(name, index, ROW, () if whole else spans, answers)
        for space, where in spaces.items():
            spans = ()
            if where.get("type") in (None, "frame"):
                spans = read_spans(where.get("range") or [], f"{place}.spaces[{space}].range")
            if spans or whole or kinds.get(space) in UNFRAMED_SPACES or kinds.get(space) is None:
                yield Classification(name, index, space, () if whole else spans, answers)
