"""What saving a label row has changed: labels added, edited and deleted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from emulator.labels.models import objects_of

if TYPE_CHECKING:
    from emulator.labels.models import Content

Verb = Literal["ADD", "EDIT", "DELETE"]
Json = dict[str, Any]

_BOOKKEEPING = {"lastEditedAt", "lastEditedBy", "createdAt", "createdBy"}


@dataclass(frozen=True, slots=True)
class Change:
    """One label that was added, edited or deleted; `shape` is None for classifications."""

    verb: Verb
    label_hash: str
    feature_hash: str
    name: str
    shape: str | None
    number: int | None
    ranges: tuple[tuple[int, int], ...]


def changes(before: "Content", after: "Content") -> Iterator[Change]:
    """The labels that differ between two contents of a row."""
    old, new = _labels(before), _labels(after)
    for label_hash in {**old, **new}:
        if label_hash not in old:
            yield _change("ADD", label_hash, new[label_hash])
        elif label_hash not in new:
            yield _change("DELETE", label_hash, old[label_hash])
        elif _essence(old[label_hash]) != _essence(new[label_hash]):
            yield _change("EDIT", label_hash, new[label_hash])


@dataclass(slots=True)
class _Label:
    answer: Json
    drawn: dict[int, Json]


def _labels(content: "Content") -> dict[str, _Label]:
    found = {h: _Label(a, {}) for h, a in {**content.object_answers, **content.classification_answers}.items()}
    for labels in (*content.units.values(), *content.spaces.values()):
        for frame, drawn in _by_frame(labels):
            found.setdefault(drawn["objectHash"], _Label({}, {})).drawn[frame] = drawn
    return found


def _by_frame(labels: Json) -> Iterator[tuple[int, Json]]:
    if "objects" in labels:
        yield from ((0, drawn) for drawn in objects_of(labels))
        return
    for frame, part in labels.items():
        yield from ((int(frame) if frame.isdigit() else 0, drawn) for drawn in objects_of(part))


def _essence(label: _Label) -> Any:
    drawn = {frame: _bare(part) for frame, part in label.drawn.items()}
    return _unordered(_bare(label.answer)), drawn


def _unordered(value: Any) -> Any:
    """The value without the order of its lists, which the SDK turns round on every way there and back."""
    if isinstance(value, dict):
        return {key: _unordered(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return sorted((_unordered(part) for part in value), key=repr)
    return value


def _bare(part: Json) -> Json:
    return {key: value for key, value in part.items() if key not in _BOOKKEEPING}


def _change(verb: Verb, label_hash: str, label: _Label) -> Change:
    about = next(iter(label.drawn.values()), label.answer)
    answers = label.answer.get("classifications") or [{}]
    name = about.get("name") or answers[0].get("name") or ""
    frames = sorted(label.drawn)
    ranges = tuple((frame, frame) for frame in frames) or tuple((s, e) for s, e in label.answer.get("range") or ())
    return Change(
        verb,
        label_hash,
        about.get("featureHash") or label.answer.get("featureHash") or "",
        name,
        about.get("shape"),
        label.answer.get("objectNumber"),
        ranges,
    )
