"""Reading a label row: some features only, without archived ones, with the reviews of its labels."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from emulator.labels.models import Content, objects_of
from emulator.ontologies.models import Ontology
from emulator.workflow.reviews import LabelReview, LabelReviews

Wanted = Callable[[str | None], bool]


def part_of(content: Content, payload: dict[str, Any], ontology: Ontology) -> Content:
    """The labels that a request asks for; everything when it asks for nothing in particular."""
    archived = set() if payload.get("include_archived") else ontology.archived_features()
    objects = payload.get("include_object_feature_hashes")
    classifications = payload.get("include_classification_feature_hashes")
    if objects is None and classifications is None and not archived:
        return content
    return _filtered(content, _among(objects, archived), _among(classifications, archived))


def _among(features: list[str] | None, archived: set[str]) -> Wanted:
    return lambda feature: feature not in archived and (features is None or feature in features)


def _filtered(content: Content, objects: Wanted, classifications: Wanted) -> Content:
    drawn = {label["objectHash"]: label.get("featureHash") for part in _parts(content) for label in objects_of(part)}

    def kept(object_hash: str, answer: dict[str, Any]) -> bool:
        return objects(answer.get("featureHash") or drawn.get(object_hash))

    answers = {key: answer for key, answer in content.object_answers.items() if kept(key, answer)}
    return replace(
        content,
        units={unit: _without(labels, objects) for unit, labels in content.units.items()},
        spaces={space: _without(labels, objects) for space, labels in content.spaces.items()},
        object_answers=answers,
        object_actions={key: action for key, action in content.object_actions.items() if key in answers},
        classification_answers={
            key: answer
            for key, answer in content.classification_answers.items()
            if classifications(answer.get("featureHash"))
        },
    )


def _parts(content: Content) -> list[dict[str, Any]]:
    return [*content.units.values(), *content.spaces.values()]


def _without(labels: dict[str, Any], wanted: Wanted) -> dict[str, Any]:
    """Labels, flat or by frame, with the objects of wanted features only."""
    found: dict[str, Any] = {}
    for key, value in labels.items():
        if key == "objects":
            found[key] = [label for label in value if wanted(label.get("featureHash"))]
        elif isinstance(value, dict):
            found[key] = _without(value, wanted)
        else:
            found[key] = value
    return found


def with_reviews(content: Content, reviews: LabelReviews | None) -> Content:
    """The labels as they are read: each with the list of its reviews, which is empty unless they are asked for."""
    by_label = {review.label_id: _review(review) for review in reviews.all()} if reviews is not None else {}

    def of(label_id: Any) -> list[dict[str, Any]]:
        return [by_label[label_id]] if label_id in by_label else []

    return replace(
        content,
        units={unit: _reviewed(labels, of) for unit, labels in content.units.items()},
        spaces={space: _reviewed(labels, of) for space, labels in content.spaces.items()},
        classification_answers={
            key: {**answer, "reviews": of(key)} for key, answer in content.classification_answers.items()
        },
    )


def _review(review: LabelReview) -> dict[str, Any]:
    """One review; what else stands in it on the platform is not documented."""
    return {"reviewUuid": review.uuid, "status": review.status, "comment": review.comment}


def _reviewed(labels: dict[str, Any], of: Callable[[Any], list[dict[str, Any]]]) -> dict[str, Any]:
    """Labels, flat or by frame, whose objects have their reviews."""
    found: dict[str, Any] = {}
    for key, value in labels.items():
        if key == "objects":
            found[key] = [{**label, "reviews": of(label.get("objectHash"))} for label in value]
        elif isinstance(value, dict):
            found[key] = _reviewed(value, of)
        else:
            found[key] = value
    return found
