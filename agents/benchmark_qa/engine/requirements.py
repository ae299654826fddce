"""Requirements (filter, metric, threshold) and their results for one task."""

import numpy as np

from benchmark_qa.engine.config import Filter, Requirement
from benchmark_qa.engine.result import TaskScore, Verdict
from benchmark_qa.labels.annotations import Annotations, Classification, Span
from benchmark_qa.labels.ontology import Ontology


def verdict(requirement: Requirement, value: float | None, score: TaskScore) -> Verdict:
    """The result of a resolved requirement for a value."""
    metric, threshold = requirement.metric or "", requirement.threshold or 0.0
    if value is None:
        return Verdict(requirement.name, metric, threshold, None, None, _why(metric, score))
    return Verdict(requirement.name, metric, threshold, value, value >= threshold - 1e-9)


def _why(metric: str, score: TaskScore) -> str:
    reasons = {
        **score.objects.not_applicable,
        "score": score.reason,
        "worst_class_f1": score.objects.not_applicable.get("f1"),
        "classification_accuracy": score.classifications.not_applicable,
        "attribute_accuracy": score.attributes.not_applicable,
        "idf1": score.identity.not_applicable,
        "hota": score.identity.not_applicable,
    }
    return reasons.get(metric) or f"{metric} does not apply to these labels"


def filtered(annotations: Annotations, chosen: Filter, ontology: Ontology) -> Annotations:
    """The annotations that match the filter."""
    if chosen == Filter():
        return annotations
    classes = [
        (not chosen.features or not {item.hash, item.name}.isdisjoint(chosen.features))
        and (not chosen.shapes or item.shape in chosen.shapes)
        for item in ontology.objects
    ]
    keep = np.array(classes, np.bool_)
    first = chosen.first_frame or 0
    last = chosen.last_frame if chosen.last_frame is not None else np.inf
    drawings = {
        shape: drawn.take(np.flatnonzero(keep[drawn.feature] & (drawn.frame >= first) & (drawn.frame <= last)))
        for shape, drawn in annotations.drawings.items()
    }
    asked = [
        not chosen.shapes and (not chosen.features or not {item.hash, item.name}.isdisjoint(chosen.features))
        for item in ontology.classifications
    ]
    kept = (c for c in annotations.classifications if asked[c.feature])
    return annotations.only(drawings, tuple(part for c in kept if (part := _within(c, first, last)) is not None))


def _within(item: Classification, first: float, last: float) -> Classification | None:
    """The classification limited to some frames; one of the whole data unit is kept whole."""
    if not item.spans:
        return item
    spans: list[Span] = [
        (max(start, first), min(end, last)) for start, end in item.spans if start <= last and end >= first
    ]
    return Classification(item.hash, item.feature, item.space, tuple(spans), item.answers) if spans else None
