"""Issues: an anchor, what was said, tags, and how often it was resolved and reopened."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from emulator.errors import InvalidArgumentsError
from emulator.spec import new_uuid

# What an anchor of each type must say besides the data unit.
_REQUIRED: dict[str, tuple[str, ...]] = {
    "dataUnit": (),
    "frame": ("frameIndex",),
    "frameCoordinate": ("frameIndex", "x", "y"),
    "sceneCoordinate": ("frameIndex", "x", "y", "z"),
    "annotation": ("annotationId",),
}


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody said."""

    content: str
    author: str
    at: datetime


@dataclass(slots=True, eq=False)
class Issue:
    """An issue; `anchor` as the SDK sent it, `tags` by uuid."""

    anchor: dict[str, Any]
    comments: list[Comment]
    tags: list[str]
    uuid: str = field(default_factory=new_uuid)

    @property
    def data_hash(self) -> str:
        """The data unit that it is about."""
        return str(self.anchor["dataUuid"])


class Issues:
    """The issues and issue tags of one project."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}
        self._issues: dict[str, Issue] = {}
        self._by_data: dict[str, dict[str, Issue]] = {}

    def add_tags(self, names: list[str]) -> None:
        """Makes tags of these names; those that are there already stay."""
        known = set(self.tags.values())
        self.tags.update({new_uuid(): name for name in dict.fromkeys(names) if name not in known})

    def add(self, issue: Issue) -> None:
        """Notes an issue."""
        self._issues[issue.uuid] = issue
        self._by_data.setdefault(issue.data_hash, {})[issue.uuid] = issue

    def of_data(self, data_hash: str) -> list[Issue]:
        """The issues of a data unit, oldest first."""
        return list(self._by_data.get(data_hash, {}).values())

    def delete(self, uuids: list[str]) -> None:
        """Deletes issues: all of them or, when one does not exist, none."""
        missing = next((uuid for uuid in uuids if uuid not in self._issues), None)
        if missing is not None:
            raise InvalidArgumentsError(f"There is no issue {missing}")
        for uuid in uuids:
            issue = self._issues.pop(uuid)
            del self._by_data[issue.data_hash][uuid]

    def tag_uuids(self, names: list[str]) -> list[str]:
        """The tags of these names.

        Raises:
            InvalidArgumentsError: when the project has no tag of that name.
        """
        by_name = {name: uuid for uuid, name in self.tags.items()}
        unknown = next((name for name in names if name not in by_name), None)
        if unknown is not None:
            raise InvalidArgumentsError(f"The project has no issue tag {unknown!r}")
        return [by_name[name] for name in names]


def check_anchor(anchor: dict[str, Any]) -> None:
    """Refuses anchors of unknown types and with missing parts."""
    kind = anchor.get("type")
    if kind not in _REQUIRED:
        raise InvalidArgumentsError(f"Issues cannot be anchored at a {kind!r}")
    for key in ("dataUuid", *_REQUIRED[kind]):
        if anchor.get(key) is None:
            raise InvalidArgumentsError(f"anchor.{key}: field required")
