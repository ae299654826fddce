"""Duplicates, leaks, clusters and clusters of failures in an index of pictures."""

import csv
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.curate.index import Index, IndexedItem, IndexFileError, Pictures
from benchmark_qa.errors import did_you_mean
from benchmark_qa.formats.separated_values import opened_table, with_decimal_point
from benchmark_qa.images.draw import Stratum, TooFewItemsError, allocate, stratum_of
from benchmark_qa.images.picture_groups import (
    DuplicateGroup,
    clusters,
    duplicate_groups,
    farthest_first,
    leaks,
    nearest_distances,
    typical,
)
from benchmark_qa.images.quality_lists import LISTS, Cuts, Measures
from benchmark_qa.stats.failing_clusters import FailingCluster, failing_clusters
from benchmark_qa.stats.item_order import place_in_draw
from benchmark_qa.terminal.files import open_text

KEEP: Final = ("sharpest", "largest", "labelled")
"""Rules for the one of a group to keep"""
TYPICAL: Final = 4
"""Typical pictures of a cluster"""
CLUSTER: Final = "cluster"
"""Name of the figure in the index"""
_STEP: Final = 0.05


@dataclass(frozen=True)
class Duplicates:
    """Groups, leaks, and the histogram of nearest distances."""

    groups: Sequence[DuplicateGroup]
    leaks: Sequence[DuplicateGroup]
    between: str
    """What the leaks are between, in words"""
    histogram: Sequence[tuple[float, float, int]]
    """(from, to, pictures)"""

    def kept_instead(self, pictures: Pictures) -> dict[str, str]:
        """By item of each picture that could go: the item that is kept."""
        items = pictures.items
        return {items[at].item: items[group.keep].item for group in self.groups for at in group.members[1:]}

    def to_dict(self, titles: Sequence[str]) -> dict[str, Any]:
        """Plain values, ready for JSON."""

        def plain(group: DuplicateGroup) -> dict[str, Any]:
            return {"keep": titles[group.keep], "exact": group.exact, "pictures": [titles[at] for at in group.members]}

        return {
            "pictures": len(titles),
            "groups": [plain(group) for group in self.groups],
            "between": self.between,
            "leaks": [plain(group) for group in self.leaks],
            "nearest_distances": [{"from": a, "to": b, "pictures": count} for a, b, count in self.histogram],
        }


def duplicates_of(
    index: Index, *, bits: int, distance: float, vectors: bool, keep: str = KEEP[0], split: str | None = None
) -> Duplicates:
    """Duplicates in an index.

    Args:
        index: read before.
        bits, distance: near is at most this far, by hash or by vector.
        vectors: use vectors, not only bytes and hashes.
        keep: one of `KEEP`; ties go to the larger, then the sharper picture.
        split: client metadata field of the splits; None: leaks are between places.

    Raises:
        IndexFileError: no picture has a vector, or none has the field `split`.
    """
    pictures = index.pictures
    measures = pictures.measures
    known = index.vectors() if vectors else None
    labelled = index.figures("data_hash") if keep == "labelled" else {}
    rank = [_rank(keep, one, item.item in labelled) for one, item in zip(measures, pictures.items, strict=True)]
    flat = {at for at, one in enumerate(measures) if one.contrast < Cuts().flat}
    groups = duplicate_groups(
        pictures.digests, pictures.fingerprints, known, flat=flat, bits=bits, distance=distance, rank=rank
    )
    parts: Sequence[tuple[str, ...]] = pictures.places
    if split is not None:
        parts = [(str(item.metadata[split]),) if split in item.metadata else () for item in pictures.items]
        if not any(parts):
            raise IndexFileError(f"no picture has {split!r} in its client metadata")
    between = f"the values of {split!r}" if split else "places: " + ", ".join(sorted({p for one in parts for p in one}))
    histogram = [] if known is None else _histogram(nearest_distances(known[known.any(axis=1)]))
    return Duplicates(groups, leaks(groups, parts), between, histogram)


def _rank(keep: str, measures: Measures, labelled: bool) -> tuple[float, ...]:
    pixels = float(measures.width * measures.height)
    return {
        "sharpest": (measures.sharpness, pixels),
        "largest": (pixels, measures.sharpness),
        "labelled": (float(labelled), pixels, measures.sharpness),
    }[keep]


def _histogram(distances: NDArray[np.float32]) -> list[tuple[float, float, int]]:
    edges = np.arange(0, 2 + _STEP, _STEP)
    counts = np.histogram(distances, edges)[0]
    last = int(np.flatnonzero(counts).max(initial=0))
    return [(float(edges[at]), float(edges[at + 1]), int(counts[at])) for at in range(last + 1)]


# --- clusters ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Failures:
    """What fails, by item or title."""

    failed: Mapping[str, float]
    count: Mapping[str, float]
    """Things that can fail"""


@dataclass(frozen=True)
class Clusters:
    """The clusters of an index, with typical pictures, and those in which more fails than elsewhere."""

    pictures: int
    sizes: Sequence[int]
    typical: Sequence[Sequence[int]]
    """Indices of the pictures nearest to the middle of each cluster"""
    titles: Sequence[str]
    failing: Sequence[FailingCluster] | None
    """Every cluster, the surest failure first; None: nothing is known of failures"""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "pictures": self.pictures,
            "clusters": [
                {"cluster": number, "pictures": size, "typical": [self.titles[at] for at in self.typical[number]]}
                for number, size in enumerate(self.sizes)
            ],
            "failing": None if self.failing is None else [one.to_dict() for one in self.failing],
        }

    def lines(self, most: int) -> list[str]:
        """The clusters as lines of text, at most so many."""
        if self.failing is None:
            return [f"  cluster {n}: {self.sizes[n]:,} pictures, such as {self._such_as(n)}" for n in self._first(most)]
        certain = sum(one.certain for one in self.failing)
        heading = f"{certain:,} clusters fail more than the rest, by more than chance"
        return [heading, *(self._line(one) for one in self.failing[:most])]

    def _first(self, most: int) -> range:
        return range(min(most, len(self.sizes)))

    def _line(self, one: FailingCluster) -> str:
        return (
            f"  cluster {one.cluster}{'' if one.certain else ' (may be chance)'}: {one.inside:.0%} of {one.count:,.0f} "
            f"against {one.outside:.0%}, gap {one.gap:+.2f} [{one.gap_low:+.2f}, {one.gap_high:+.2f}], "
            f"{one.pictures:,} pictures, such as {self._such_as(one.cluster)}"
        )

    def _such_as(self, number: int) -> str:
        return ", ".join(self.titles[at] for at in self.typical[number])


def cluster(index: Index, *, least: int, failures: Failures | None = None) -> Clusters:
    """Cluster the pictures of an index, and keep the cluster numbers in it.

    Raises:
        IndexFileError: no picture has a vector, or none is named in the failures.
        ModuleNotFoundError: scikit-learn is not installed.
    """
    pictures, vectors = index.pictures, index.vectors()
    numbers = clusters(vectors, least=least)
    index.note_figures(CLUSTER, {i.item: int(n) for i, n in zip(pictures.items, numbers, strict=True) if n >= 0})
    members = [np.flatnonzero(numbers == number).tolist() for number in range(int(numbers.max(initial=-1)) + 1)]
    failing = None
    if failures is not None:
        failed = [_of(failures.failed, item.item, item.title, 0.0) for item in pictures.items]
        counts = [_of(failures.count, item.item, item.title, 0.0) for item in pictures.items]
        if not any(counts):
            raise IndexFileError("none of the failures names a picture of the index, by item or title")
        index.note_figures(
            "failed", {i.item: f / c for i, f, c in zip(pictures.items, failed, counts, strict=True) if c}
        )
        failing = failing_clusters(numbers, failed, counts)
    return Clusters(
        len(numbers),
        [len(group) for group in members],
        [typical(vectors, group, TYPICAL) for group in members],
        pictures.titles,
        failing,
    )


def cluster_fields(index: Index) -> dict[str, dict[str, str]]:
    """The cluster of each picture in words, by data hash where the index knows it, else by title."""
    numbers, hashes = index.figures(CLUSTER), index.figures("data_hash")
    return {
        hashes.get(item.item, item.title): {CLUSTER: f"cluster {numbers[item.item]}"}
        for item in index.pictures.items
        if item.item in numbers
    }


def _of(known: Mapping[str, float], item: str, title: str, default: float) -> float:
    return known.get(item, known.get(title, default))


def read_failures(path: Path) -> Failures:
    """Failures from a CSV with the columns `item` (an item or a title), `failed` and maybe `count`.

    Raises:
        IndexFileError: a column or a number is missing, or more fails than there is.
    """
    try:
        with open_text(path) as file:
            table = opened_table(file)
            rows = csv.DictReader(table.lines, delimiter=table.separator, skipinitialspace=table.skips_space)
            return _failures_of(path, rows, table.before, table.separator)
    except OSError as error:
        raise IndexFileError(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise IndexFileError(f"{path}: is not a readable table ({error})") from None


def _failures_of(path: Path, rows: "csv.DictReader[str]", before: int, separator: str) -> Failures:
    failed, count = {}, {}
    for needed in ("item", "failed"):
        if needed not in (rows.fieldnames or ()):
            raise IndexFileError(f"{path}: has no column {needed!r}; it needs item, failed and maybe count")
    for line, row in enumerate(rows, start=2 + before):
        try:
            failed[row["item"]] = float(with_decimal_point(row["failed"] or "", separator))
            count[row["item"]] = float(with_decimal_point(row.get("count") or "1", separator))
        except (ValueError, TypeError):
            raise IndexFileError(f"{path}: line {line} has no number of failures") from None
        if not 0 <= failed[row["item"]] <= count[row["item"]] < float("inf"):
            raise IndexFileError(f"{path}: line {line}: failed is between 0 and count")
    return Failures(failed, count)


# --- choosing ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wish:
    """What to choose."""

    count: int
    diverse: bool = False
    """Farthest first by vector, instead of by the seed"""
    stratify: tuple[str, ...] = ()
    """Names of figures, `place`, or fields of the client metadata"""
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    """Names of quality lists"""
    no_duplicates: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Selected:
    """Chosen pictures; `strata` has the number chosen and the number of candidates of each."""

    items: Sequence[IndexedItem]
    candidates: int
    strata: Mapping[Stratum, tuple[int, int]]


def select(index: Index, wish: Wish, left_out: Collection[str] = ()) -> Selected:
    """Choose pictures of an index.

    Raises:
        IndexFileError: a figure is missing in the index, or there are too few candidates.
    """
    pictures = index.pictures
    candidates = _candidates(index, wish, left_out)
    strata: dict[Stratum, list[int]] = defaultdict(list)
    facts = _facts(index, wish.stratify)
    for at in candidates:
        strata[stratum_of(facts[at], wish.stratify)].append(at)
    try:
        wanted = allocate({stratum: len(members) for stratum, members in strata.items()}, wish.count)
    except TooFewItemsError as error:
        raise IndexFileError(str(error)) from None
    vectors = index.vectors() if wish.diverse else None
    chosen: list[int] = []
    for stratum in sorted(strata):
        members = sorted(strata[stratum], key=lambda at: place_in_draw(pictures.items[at].item, wish.seed))
        if vectors is not None:
            members = [members[at] for at in farthest_first(vectors[members], wanted[stratum])]
        chosen += members[: wanted[stratum]]
    counts = {stratum: (wanted[stratum], len(members)) for stratum, members in sorted(strata.items())}
    return Selected([pictures.items[at] for at in chosen], len(candidates), counts)


def _candidates(index: Index, wish: Wish, left_out: Collection[str]) -> list[int]:
    items = index.pictures.items
    quality = _figures(index, "quality") if wish.only or wish.without else {}
    duplicate = _figures(index, "duplicate_of", empty=True) if wish.no_duplicates else {}
    unknown = {*wish.only, *wish.without} - set(LISTS)
    if unknown:
        raise IndexFileError(f"there is no quality list {min(unknown)!r}: {did_you_mean(min(unknown), LISTS)}")
    found = []
    for at, item in enumerate(items):
        lists = set(str(quality.get(item.item, "")).split(", "))
        wanted = (not wish.only or lists & set(wish.only)) and not lists & set(wish.without)
        if wanted and item.item not in duplicate and item.item not in left_out:
            found.append(at)
    return found


def _facts(index: Index, fields: Sequence[str]) -> list[dict[str, Any]]:
    """Values of the fields for each picture: figures first, then the place, then client metadata."""
    pictures, facts = index.pictures, [dict(item.metadata) for item in index.pictures.items]
    for name in fields:
        if name in index.figure_names():
            known = index.figures(name)
            for fact, item in zip(facts, pictures.items, strict=True):
                fact[name] = known.get(item.item)
        elif name == "place":
            for fact, places in zip(facts, pictures.places, strict=True):
                fact[name] = " + ".join(places)
        elif not any(name in fact for fact in facts):
            raise IndexFileError(f"no picture has a field {name!r}; for clusters, run 'curate clusters' first")
    return facts


def _figures(index: Index, name: str, *, empty: bool = False) -> dict[str, Any]:
    command = {"quality": "quality", "duplicate_of": "duplicates"}[name]
    if not empty and name not in index.figure_names():
        raise IndexFileError(f"run 'benchmark-qa curate {command} --index {index.path}' first")
    return index.figures(name)
