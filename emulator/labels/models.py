"""Label rows: one per data unit and branch, with the content that annotators save."""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from emulator.clock import Clock
from emulator.errors import CorruptedLabelError, ResourceNotFoundError
from emulator.spec import new_uuid
from emulator.wire import rfc_1123

MAIN_BRANCH = "main"


@dataclass(slots=True)
class Content:
    """What annotators draw: labels by data unit hash, the answers, and labels of spaces by space id."""

    units: dict[str, dict[str, Any]] = field(default_factory=dict)
    object_answers: dict[str, Any] = field(default_factory=dict)
    classification_answers: dict[str, Any] = field(default_factory=dict)
    object_actions: dict[str, Any] = field(default_factory=dict)
    spaces: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of_label_row(cls, label_row: dict[str, Any]) -> "Content":
        """The content of a label row as the SDK writes it.

        Raises:
            CorruptedLabelError: when a part has the wrong form.
        """
        units = _dict_of(label_row, "data_units")
        spaces = _dict_of(label_row, "spaces")
        return cls(
            units={unit_hash: dict(_dict_of(unit, "labels")) for unit_hash, unit in units.items()},
            object_answers=_dict_of(label_row, "object_answers"),
            classification_answers=_dict_of(label_row, "classification_answers"),
            object_actions=_dict_of(label_row, "object_actions"),
            spaces={space_id: dict(_dict_of(space, "labels")) for space_id, space in spaces.items()},
        )


@dataclass(frozen=True, slots=True)
class Author:
    """Who saves, and when."""

    email: str
    at: datetime


@dataclass(slots=True, eq=False)
class LabelRow:
    """The labels of one data unit on one branch; without a label hash it has never been opened."""

    data_hash: str
    branch_name: str
    created_at: datetime
    edited_at: datetime
    label_hash: str | None = None
    label_status: str = "NOT_LABELLED"
    content: Content = field(default_factory=Content)
    version: int = 0
    errors: list[str] = field(default_factory=list)


class LabelRows:
    """Every label row of a project, by data unit and branch and by label hash."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_data: dict[str, dict[str, LabelRow]] = {}
        self._by_hash: dict[str, LabelRow] = {}
        self._aside: dict[str, list[LabelRow]] = {}

    def ensure(self, data_hash: str, branch_name: str) -> LabelRow:
        """The row of a data unit on a branch; an unopened one is made when there is none."""
        branches = self._by_data.setdefault(data_hash, {})
        row = branches.get(branch_name)
        if row is None:
            now = self._clock.now()
            row = branches[branch_name] = LabelRow(data_hash, branch_name, now, now)
        return row

    def find(self, data_hash: str, branch_name: str) -> LabelRow | None:
        """The row of a data unit on a branch, if there is one."""
        return self._by_data.get(data_hash, {}).get(branch_name)

    def branches(self, data_hash: str) -> Iterable[LabelRow]:
        """The rows of a data unit, `main` first."""
        return self._by_data.get(data_hash, {}).values()

    def find_hash(self, label_hash: str) -> LabelRow | None:
        """The row of that label hash, if there is one."""
        return self._by_hash.get(label_hash)

    def of_hash(self, label_hash: str) -> LabelRow:
        """The row of that label hash."""
        try:
            return self._by_hash[label_hash]
        except KeyError:
            raise ResourceNotFoundError(f"There is no label row {label_hash}") from None

    def all(self) -> Iterator[LabelRow]:
        """Every row, opened or not."""
        for branches in self._by_data.values():
            yield from branches.values()

    def open(self, row: LabelRow, label_hash: str | None = None) -> LabelRow:
        """Gives a row its label hash; what is open stays as it is."""
        if row.label_hash is None:
            row.label_hash = label_hash or new_uuid()
            row.created_at = row.edited_at = self._clock.now()
            row.label_status = "LABEL_IN_PROGRESS"
            self._by_hash[row.label_hash] = row
        return row

    def save(self, row: LabelRow, content: Content, by: str) -> None:
        """Replaces the labels of a row: the last writer wins."""
        row.edited_at = self._clock.now()
        drop_read_only(content)
        sign_labels(content, Author(by, row.edited_at))
        number_objects(content)
        row.content = content
        row.version += 1

    def mark(self, data_hash: str, branch_name: str, label_status: str) -> None:
        """Sets the label status of a row that has been opened."""
        row = self.find(data_hash, branch_name)
        if row is not None and row.label_hash is not None:
            row.label_status = label_status

    def copy(self, data_hash: str, source: str, target: str) -> LabelRow | None:
        """Copies the labels of one branch to another; None when the source has never been opened."""
        row = self.find(data_hash, source)
        if row is None or row.label_hash is None:
            return None
        copied = self.open(self.ensure(data_hash, target))
        copied.content = deepcopy(row.content)
        copied.label_status = row.label_status
        copied.edited_at = self._clock.now()
        copied.version += 1
        return copied

    def set_aside(self, data_hash: str) -> None:
        """Takes every row of a data unit away until `restore` is called for it."""
        self._aside[data_hash] = list(self._by_data.get(data_hash, {}).values())
        self.drop(data_hash)

    def restore(self, data_hash: str) -> None:
        """Brings back the rows of a data unit that were set aside, if any."""
        for row in self._aside.pop(data_hash, ()):
            self._by_data.setdefault(data_hash, {})[row.branch_name] = row
            if row.label_hash is not None:
                self._by_hash[row.label_hash] = row

    def drop(self, data_hash: str) -> None:
        """Forgets every row of a data unit."""
        for row in self._by_data.pop(data_hash, {}).values():
            if row.label_hash is not None:
                del self._by_hash[row.label_hash]


def _dict_of(holder: dict[str, Any], key: str) -> dict[str, Any]:
    value = holder.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise CorruptedLabelError(f"{key} must be an object")
    return value


def drop_read_only(content: Content) -> None:
    """Takes out what label rows tell and nobody can write: reviews of labels, metadata of slices."""
    for label in _all_labels(content, content.classification_answers.values()):
        label.pop("reviews", None)
    for labels in content.units.values():
        for frame in labels.values():
            if isinstance(frame, dict):
                frame.pop("metadata", None)


def sign_labels(content: Content, author: Author) -> None:
    """Names the author of every label that names none: the SDK sends null for what its user has drawn."""
    answers = [*content.object_answers.values(), *content.classification_answers.values()]
    for label in _all_labels(content, answers):
        if "createdBy" in label and label["createdBy"] is None:
            label["createdBy"] = author.email
            label.setdefault("createdAt", rfc_1123(author.at))


def number_objects(content: Content) -> None:
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


def _all_labels(content: Content, answers: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield from _frame_objects(content)
    yield from answers


def _frame_objects(content: Content) -> Iterator[dict[str, Any]]:
    for labels in (*content.units.values(), *content.spaces.values()):
        yield from objects_of(labels)


def objects_of(labels: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The frame objects under one data unit's or space's `labels`, flat or by frame."""
    yield from labels.get("objects") or ()
    for frame in labels.values():
        if isinstance(frame, dict):
            yield from frame.get("objects") or ()
