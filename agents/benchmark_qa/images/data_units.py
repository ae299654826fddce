"""Assign labels to the data units of a project, by the rules of `images/identity.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark_qa.formats.label_parts import Fault, Labelled, Size
from benchmark_qa.images.identity import Asked, ImageIndex, Known, Matching
from benchmark_qa.images.image_map import ImageMap

By = Literal["data-hash", "url", "title"]
ALL_WAYS: tuple[By, ...] = ("data-hash", "url", "title")


@dataclass(frozen=True, slots=True)
class DataUnit:
    """A data unit and the names it may have elsewhere."""

    data_hash: str
    title: str
    url: str | None = None
    size: Size | None = None


@dataclass(frozen=True)
class Joined:
    """Labels by the data hash of their unit, and labels without a unit."""

    found: Mapping[str, Labelled]
    faults: tuple[Fault, ...]
    matching: Matching


def joined(
    labelled: Sequence[Labelled],
    units: Sequence[DataUnit],
    by: Sequence[By] = ALL_WAYS,
    image_map: ImageMap | None = None,
) -> Joined:
    """Find the data unit of each label set; if two belong to one unit, both are refused.

    Args:
        labelled: the labels of a file, or of another project.
        units: the data units of the project that receives the labels.
        by: the kinds of names that identify data units.
        image_map: maps names to data units; it takes precedence over all other rules.
    """
    index = ImageIndex([_known(unit, by) for unit in units])
    asked = [_asked(one, by) for one in labelled]
    matching = index.all_of(asked, image_map)
    faults = [Fault(refusal.asked, refusal.reason) for refusal in matching.refused.values()]
    found: dict[str, Labelled] = {}
    for one, match in zip(labelled, matching.found, strict=True):
        if match is None:
            continue
        unit = units[match.at]
        if unit.data_hash in found:
            faults.append(Fault(one.name, f"belongs to the same data unit as {found[unit.data_hash].name!r}"))
        else:
            found[unit.data_hash] = one
    return Joined(found, tuple(faults), matching)


def _known(unit: DataUnit, by: Sequence[By]) -> Known:
    names = [unit.title] if "title" in by else []
    if "url" in by and unit.url:
        names.append(unit.url)
    return Known(tuple(names), (unit.data_hash,) if "data-hash" in by else (), size=unit.size)


def _asked(one: Labelled, by: Sequence[By]) -> Asked:
    names = [*(one.urls if "url" in by else ()), *(one.titles if "title" in by else ())]
    hashes = (one.data_hash,) if one.data_hash and "data-hash" in by else ()
    return Asked(tuple(names), hashes, one.ids if "title" in by else (), size=one.size, label=one.name)
