"""Shapes that cover stretches of a line: bitmasks, point cloud segmentations, times, text."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.labels.labels_geometry import Indices, Numbers, Runs
from benchmark_qa.labels.labels_rle import BadRunLengthError, decode_runs
from benchmark_qa.labels.shapes import BadGeometryError, Drawing, exactly, flat_table, refuse, unfit

_BROKEN = (KeyError, TypeError, ValueError, IndexError, AttributeError)


def read_bitmasks(drawings: Sequence[Drawing]) -> Runs:
    """Masks: runs of pixels, row by row."""
    size = flat_table(drawings, lambda d: (d["bitmask"]["height"], d["bitmask"]["width"]), "bitmask", 2)
    refuse((size < 1) | (size != np.floor(size)), "has a bitmask without height or width")
    runs = _from_strings([_text(d["bitmask"], "rleString", i) for i, d in enumerate(drawings)])
    longer = np.flatnonzero(_last_end(runs) > size.prod(axis=1))
    if len(longer):
        raise BadGeometryError(int(longer[0]), "has a bitmask with more pixels than height x width")
    return Runs(runs.starts, runs.ends, runs.line, runs.offsets, size=size.astype(np.int64))


def read_segmentations(drawings: Sequence[Drawing]) -> Runs:
    """Segmentations of a point cloud: runs of point indices."""
    return _from_strings([_text(d, "segmentation", i) for i, d in enumerate(drawings)])


def read_times(drawings: Sequence[Drawing]) -> Runs:
    """Stretches of time, as long as the difference of their ends."""
    return _from_spans([_spans(d, i) for i, d in enumerate(drawings)])


def read_texts(drawings: Sequence[Drawing]) -> Runs:
    """Stretches of characters, both ends included, in plain text or in the text nodes of HTML."""
    names: dict[str, int] = {"": 0}
    rows = []
    for index, drawing in enumerate(drawings):
        if drawing.get("range_html") is None:
            rows.append([(start, end + 1, 0) for start, end, _ in _spans(drawing, index)])
            continue
        try:
            rows.append([run for item in drawing["range_html"] for run in _html_runs(item, names)])
        except _BROKEN:
            raise BadGeometryError(index, "has no well-formed range_html") from None
    return _from_spans(rows, tuple(names))


def _html_runs(item: Any, names: dict[str, int]) -> Iterable[tuple[float, float, int]]:
    """One text node: its characters. Several: the label row does not say what lies between, so the two ends count."""
    start, end = (item["start"], item["end"]) if isinstance(item, Mapping) else exactly(item, 2)
    first, last = float(start["offset"]), float(end["offset"])
    if start["xpath"] == end["xpath"]:
        yield first, last + 1, names.setdefault(str(start["xpath"]), len(names))
    else:
        yield first, first + 1, names.setdefault(f"from {start['xpath']}", len(names))
        yield last, last + 1, names.setdefault(f"to {end['xpath']}", len(names))


def _spans(drawing: Drawing, index: int) -> list[tuple[float, float, int]]:
    try:
        return [(float(start), float(end), 0) for start, end in drawing["range"]]
    except _BROKEN:
        raise BadGeometryError(index, "has no well-formed range") from None


def _text(holder: Any, key: str, index: int) -> str:
    value = holder.get(key) if isinstance(holder, Mapping) else None
    if not isinstance(value, str):
        raise BadGeometryError(index, f"has no {key}")
    return value


def _from_strings(strings: Sequence[str]) -> Runs:
    try:
        counts, offsets = decode_runs(strings)
    except BadRunLengthError as error:
        raise BadGeometryError(error.index, f"has a run-length string that {error.problem}") from None
    place = np.arange(len(counts)) - np.repeat(offsets[:-1], np.diff(offsets))
    total = np.cumsum(counts)
    base = np.concatenate((np.zeros(1, np.int64), total))[offsets[:-1]]
    ends = total - np.repeat(base, np.diff(offsets))
    covered = (place % 2 == 1) & (counts > 0)
    table = np.stack((ends - counts, ends, np.zeros(len(ends))), axis=1)[covered].astype(np.float64)
    owner = np.repeat(np.arange(len(strings)), np.diff(offsets))[covered]
    return _merged(table, owner, len(strings), ("",))


def _from_spans(rows: Sequence[Sequence[tuple[float, float, int]]], names: tuple[str, ...] = ("",)) -> Runs:
    owner = np.repeat(np.arange(len(rows)), [len(row) for row in rows]).astype(np.int64)
    table = np.array([run for row in rows for run in row], np.float64).reshape(-1, 3)
    bad = unfit(table).any(axis=1) | (table[:, 1] < table[:, 0])
    if bad.any():
        raise BadGeometryError(int(owner[bad.argmax()]), "has a range that ends before it starts or is not finite")
    order = np.lexsort((table[:, 0], table[:, 2], owner))
    return _merged(table[order], owner[order], len(rows), names)


def _merged(table: Numbers, owner: Indices, count: int, names: tuple[str, ...]) -> Runs:
    """Runs (m, 3: start, end, line), sorted by owner, line and start; those that overlap or touch are made one."""
    starts, ends, line = table.T
    fresh = np.ones(len(table), np.bool_)
    if len(table):
        same = (owner[1:] == owner[:-1]) & (line[1:] == line[:-1])
        reach = _reach(ends, np.concatenate(([True], ~same)))
        fresh[1:] = ~same | (starts[1:] > reach[:-1])
        ends = reach[np.append(np.flatnonzero(fresh)[1:] - 1, len(table) - 1)]
    offsets = np.searchsorted(owner[fresh], np.arange(count + 1)).astype(np.int64)
    return Runs(starts[fresh], ends, line[fresh].astype(np.int32), offsets, names)


def _reach(ends: Numbers, first: NDArray[np.bool_]) -> Numbers:
    """The greatest end so far within each group that starts where `first` is true."""
    group = np.cumsum(first)
    ranks = np.unique(ends, return_inverse=True)
    running = np.maximum.accumulate(group * len(ranks[0]) + ranks[1]) - group * len(ranks[0])
    return np.asarray(ranks[0][running])


def _last_end(runs: Runs) -> Numbers:
    last = np.zeros(len(runs))
    some = np.diff(runs.offsets) > 0
    last[some] = runs.ends[runs.offsets[1:][some] - 1]
    return last
