"""What the platform fills in when labels are saved: who drew them, and the numbers that the editor shows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from emulator.wire import rfc_1123

if TYPE_CHECKING:
    from emulator.labels.models import Content


@dataclass(frozen=True, slots=True)
class Author:
    """Who saves, and when."""

    email: str
    at: datetime


def sign_labels(content: "Content", author: Author) -> None:
    """Names the author of every label that names none: the SDK sends null for what its user has drawn."""
    answers = [*content.object_answers.values(), *content.classification_answers.values()]
    for label in _all_labels(content, answers):
        if "createdBy" in label and label["createdBy"] is None:
            label["createdBy"] = author.email
            label.setdefault("createdAt", rfc_1123(author.at))


def number_objects(content: "Content") -> None:
    """Gives every object the number that the editor shows: counted per ontology feature, kept once given."""
    features = {label["objectHash"]: label.get("featureHash") for label in _frame_objects(content)}
    taken: dict[Any, set[int]] = {}
    unnumbered = []
    for object_hash, answer in content.object_answers.items():
        feature = answer.get("featureHash") or features.get(object_hash)
        number = answer.get("objectNumber")
        if isinstance(number, int):
            taken.setdefault(feature, set()).add(number)
        else:
            unnumbered.append((feature, answer))
    for feature, answer in unnumbered:
        used = taken.setdefault(feature, set())
        answer["objectNumber"] = len(used) if len(used) not in used else max(used) + 1
        used.add(answer["objectNumber"])


def _all_labels(content: "Content", answers: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield from _frame_objects(content)
    yield from answers


def _frame_objects(content: "Content") -> Iterator[dict[str, Any]]:
    for labels in (*content.units.values(), *content.spaces.values()):
        yield from objects_of(labels)


def objects_of(labels: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The frame objects under one data unit's or space's `labels`, flat or by frame."""
    yield from labels.get("objects") or ()
    for frame in labels.values():
        if isinstance(frame, dict):
            yield from frame.get("objects") or ()
