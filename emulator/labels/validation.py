"""What the platform refuses to store, and what it stores but calls invalid."""

from collections.abc import Iterator
from typing import Any

from emulator.errors import AnswerDictionaryError, FeatureDoesNotExistError
from emulator.labels.models import Content, objects_of
from emulator.ontologies.models import Ontology


def refuse_nonsense(content: Content, ontology: Ontology) -> None:
    """Refuses labels that no reader could make sense of.

    Raises:
        FeatureDoesNotExistError: an object or classification of a feature that the ontology does not have.
        AnswerDictionaryError: an object without an entry in the object answers.
    """
    known = ontology.features()
    drawn = list(_frame_objects(content))
    answers = [*content.object_answers.values(), *content.classification_answers.values()]
    for label in (*drawn, *answers):
        feature = label.get("featureHash")
        if feature is not None and feature not in known:
            raise FeatureDoesNotExistError(f"The ontology has no feature {feature}")
    for label in drawn:
        if label.get("objectHash") not in content.object_answers:
            raise AnswerDictionaryError(f"Object {label.get('objectHash')} has no entry in the object answers")


def problems(content: Content, ontology: Ontology) -> list[str]:
    """Why labels are not valid: required classifications and required attributes without an answer."""
    return [*_missing_classifications(content, ontology), *_missing_attributes(content, ontology)]


def _missing_classifications(content: Content, ontology: Ontology) -> Iterator[str]:
    given = {answer.get("featureHash") for answer in content.classification_answers.values()}
    for classification in ontology.editor.get("classifications", []):
        attribute = classification["attributes"][0]
        if attribute.get("required") and classification["featureNodeHash"] not in given:
            yield f"Classification {attribute['name']!r} is required"


def _missing_attributes(content: Content, ontology: Ontology) -> Iterator[str]:
    features = {thing["featureNodeHash"]: thing for thing in ontology.editor.get("objects", [])}
    feature_of = {label["objectHash"]: label.get("featureHash") for label in _frame_objects(content)}
    for object_hash, answer in content.object_answers.items():
        feature = features.get(answer.get("featureHash") or feature_of.get(object_hash))
        if feature is None:
            continue
        actions = content.object_actions.get(object_hash, {}).get("actions", [])
        given = {entry["featureHash"] for entry in (*answer.get("classifications", []), *actions)}
        for attribute in feature.get("attributes") or ():
            if attribute.get("required") and attribute["featureNodeHash"] not in given:
                yield f"Attribute {attribute['name']!r} of object {object_hash} is required"


def _frame_objects(content: Content) -> Iterator[dict[str, Any]]:
    for labels in (*content.units.values(), *content.spaces.values()):
        yield from objects_of(labels)
