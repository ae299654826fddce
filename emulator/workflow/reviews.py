"""Label reviews: at a review stage every object and classification of a task is approved or rejected by itself."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from emulator.errors import InvalidArgumentsError
from emulator.labels.models import Content
from emulator.spec import new_uuid

_AFTER = {"APPROVE": "APPROVED", "REJECT": "REJECTED", "REOPEN": "REOPENED"}


@dataclass(slots=True, eq=False)
class LabelReview:
    """The review of one label."""

    label_type: str
    label_id: str
    uuid: str = field(default_factory=new_uuid)
    status: str = "NEW"
    comment: str | None = None
    tags: list[str] = field(default_factory=list)


class LabelReviews:
    """The reviews of one task, by label; they outlast a return to the annotator."""

    def __init__(self) -> None:
        self._by_label: dict[str, LabelReview] = {}

    def open(self, content: Content) -> None:
        """Begins a review of every label that has none; labels that are gone are forgotten."""
        labels = [
            *(("Object", object_hash) for object_hash in content.object_answers),
            *(("Classification", classification_hash) for classification_hash in content.classification_answers),
        ]
        self._by_label = {
            label_id: self._by_label.get(label_id) or LabelReview(label_type, label_id)
            for label_type, label_id in labels
        }

    def all(self) -> Iterable[LabelReview]:
        """Every review."""
        return self._by_label.values()

    def settle(self, status: str, *, of: Iterable[str]) -> None:
        """Gives the reviews that are in one of these states another."""
        states = set(of)
        for review in self._by_label.values():
            if review.status in states:
                review.status = status

    def act(self, actions: list[dict[str, Any]]) -> None:
        """Does all of these actions, or none."""
        by_uuid = {review.uuid: review for review in self._by_label.values()}
        for action in actions:
            if action.get("action") not in _AFTER:
                raise InvalidArgumentsError(f"{action.get('action')!r} is not an action of a label review")
            if str(action.get("reviewUuid")) not in by_uuid:
                raise InvalidArgumentsError(f"The task has no label review {action.get('reviewUuid')}")
        for action in actions:
            review = by_uuid[str(action["reviewUuid"])]
            review.status = _AFTER[action["action"]]
            review.comment = action.get("comment") or review.comment
            review.tags = action.get("commentTags") or review.tags
