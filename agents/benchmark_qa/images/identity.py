"""Which labels belong to which data unit of a project: by data hash, by URL, by title."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark_qa.formats.label_parts import Fault, Labelled, Size

By = Literal["data-hash", "url", "title"]


@dataclass(frozen=True, slots=True)
class DataUnit:
    """A data unit as it may be known elsewhere."""

    data_hash: str
    title: str
    url: str | None = None
    size: Size | None = None


def matched(
    labelled: Sequence[Labelled], units: Sequence[DataUnit], by: Sequence[By] = ("data-hash", "url", "title")
) -> tuple[dict[str, Labelled], list[Fault]]:
    """Labels by the data hash of the unit that they belong to, and what belongs to none.

    A name that two data units share matches neither of them. Whatever `by` names first and matches is believed.
    """
    indices = {way: _index(units, _OF_UNIT[way]) for way in by}
    found: dict[str, Labelled] = {}
    faults = []
    for one in labelled:
        try:
            unit = _match(one, by, indices)
        except _Unmatched as refused:
            faults.append(Fault(one.name, str(refused)))
            continue
        if one.size is not None and unit.size is not None and one.size != unit.size:
            theirs, ours = (f"{width} x {height}" for width, height in (one.size, unit.size))
            faults.append(Fault(one.name, f"is {theirs} pixels in the file and {ours} on Encord"))
        elif unit.data_hash in found:
            faults.append(Fault(one.name, f"belongs to the same data unit as {found[unit.data_hash].name!r}"))
        else:
            found[unit.data_hash] = one
    return found, faults


class _Unmatched(Exception):
    """There is not exactly one data unit for these labels."""


def _match(one: Labelled, by: Sequence[By], indices: Mapping[By, Mapping[str, list[DataUnit]]]) -> DataUnit:
    shared = None
    for way in by:
        for name in _OF_LABELLED[way](one):
            candidates = indices[way].get(name, [])
            if len(candidates) == 1:
                return candidates[0]
            if candidates:
                shared = shared or f"{len(candidates)} data units have this {way.replace('-', ' ')}: {name!r}"
    raise _Unmatched(shared or "there is no such data unit in the project")


def _index(units: Iterable[DataUnit], name_of: Callable[[DataUnit], str | None]) -> dict[str, list[DataUnit]]:
    index: dict[str, list[DataUnit]] = {}
    for unit in units:
        name = name_of(unit)
        if name is not None:
            index.setdefault(name, []).append(unit)
    return index


def _own_hash(one: Labelled) -> Iterator[str]:
    if one.data_hash is not None:
        yield one.data_hash


_OF_UNIT: Mapping[By, Callable[[DataUnit], str | None]] = {
    "data-hash": lambda unit: unit.data_hash,
    "url": lambda unit: unit.url,
    "title": lambda unit: unit.title,
}
_OF_LABELLED: Mapping[By, Callable[[Labelled], Iterable[str]]] = {
    "data-hash": _own_hash,
    "url": lambda one: one.urls,
    "title": lambda one: one.titles,
}
