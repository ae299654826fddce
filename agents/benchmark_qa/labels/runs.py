"""Read shapes that cover ranges: bitmasks, point cloud segmentations, times, text."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.labels.annotations import Indices, Numbers, Runs
from benchmark_qa.labels.shapes import BadGeometryError, Drawing, exactly, flat_table, refuse_geometry, unfit


class BadRunLengthError(ValueError):
    """The string at `index` is not a valid run-length string."""

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(problem)
        self.index = index
        self.problem = problem


def decode_runs(strings: Sequence[str]) -> tuple[Indices, Indices]:
    """Run lengths of all strings, concatenated, and the offsets of each string (n + 1,).

    >>> decode_runs(["63204"])
    (array([6, 3, 2, 3, 6]), array([0, 5]))
    """
    try:
        text = "".join(strings).encode("ascii")
    except UnicodeEncodeError:
        raise BadRunLengthError(_first_bad(strings), "holds a character that no run-length string has") from None
    codes = np.frombuffer(text, np.uint8).astype(np.int64) - 48
    lengths = np.fromiter(map(len, strings), np.int64, len(strings))
    ends = np.cumsum(lengths)
    if ((codes < 0) | (codes > 63)).any():
        raise BadRunLengthError(_first_bad(strings), "holds a character that no run-length string has")
    last = (codes & 0x20) == 0
    closing = np.flatnonzero(lengths)
    if not last[ends[closing] - 1].all():
        broken = closing[~last[ends[closing] - 1]]
        raise BadRunLengthError(int(broken[0]), "ends in the middle of a number")
    numbers, offsets = _numbers(codes, last, ends)
    counts = _undo_differences(numbers, offsets)
    if (counts < 0).any():
        index = int(np.searchsorted(offsets, int((counts < 0).argmax()), side="right")) - 1
        raise BadRunLengthError(index, "holds a run of negative length")
    return counts, offsets


def _numbers(codes: Indices, last: NDArray[np.bool_], ends: Indices) -> tuple[Indices, Indices]:
    """Combine groups of five bits into numbers; the last group of a number holds the sign."""
    closing = np.flatnonzero(last)
    starts = np.concatenate((np.zeros(1, np.int64), closing[:-1] + 1))[: len(closing)]
    place = np.arange(len(codes)) - np.repeat(starts, closing - starts + 1)
    if len(place) and place.max() > 11:
        raise BadRunLengthError(0, "holds a number of more than 60 bits")
    numbers = np.add.reduceat((codes & 0x1F) << (5 * place), starts) if len(closing) else np.empty(0, np.int64)
    negative = (codes[closing] & 0x10) != 0
    numbers[negative] -= np.int64(1) << (5 * (place[closing[negative]] + 1))
    offsets = np.searchsorted(closing, np.concatenate((np.zeros(1, np.int64), ends)), side="left")
    return numbers, offsets.astype(np.int64)


def _undo_differences(numbers: Indices, offsets: Indices) -> Indices:
    """counts[i] = numbers[i] + counts[i - 2] from the fourth on: a sum over every other number."""
    counts = numbers.copy()
    place = np.arange(len(numbers)) - np.repeat(offsets[:-1], np.diff(offsets))
    for parity in (1, 0):
        chosen = np.flatnonzero((place % 2 == parity) & (place > 0))
        sums = np.cumsum(numbers[chosen])
        first = np.flatnonzero(place[chosen] == (1 if parity else 2))
        before = np.concatenate((np.zeros(1, np.int64), sums))[first]
        counts[chosen] = sums - np.repeat(before, np.diff(np.append(first, len(chosen))))
    return counts


def _first_bad(strings: Sequence[str]) -> int:
    return next(i for i, s in enumerate(strings) if any(not 48 <= ord(letter) <= 111 for letter in s))


MOST_CHARACTERS, MOST_CHARACTERS_OF_ONE = 4_000_000, 1_000_000
"""Characters of all run-length strings of a shape, and of one; a run takes about four, and comparing it 150 bytes."""
CHARACTERS_AT_ONCE = 500_000
"""Characters that are decoded in one batch; limits memory."""
LONGEST_SIDE = 1_000_000
"""Most pixels of a mask's height or width."""
MOST_RANGES = 250_000
"""Ranges of times or characters of all drawings of a shape."""


_BROKEN = (KeyError, TypeError, ValueError, IndexError, AttributeError)


def read_bitmasks(drawings: Sequence[Drawing]) -> Runs:
    """Bitmasks: runs of pixels, row by row."""
    size = flat_table(drawings, lambda d: (d["bitmask"]["height"], d["bitmask"]["width"]), "bitmask", 2)
    refuse_geometry((size < 1) | (size != np.floor(size)), "has a bitmask without height or width")
    refuse_geometry(size > LONGEST_SIDE, f"has a bitmask of more than {LONGEST_SIDE:,} rows or columns")
    runs = _from_strings([_text(d["bitmask"], "rleString", i) for i, d in enumerate(drawings)])
    longer = np.flatnonzero(_last_end(runs) > size.prod(axis=1))
    if len(longer):
        raise BadGeometryError(int(longer[0]), "has a bitmask with more pixels than height x width")
    return Runs(runs.starts, runs.ends, runs.line, runs.offsets, size=size.astype(np.int64))


def read_segmentations(drawings: Sequence[Drawing]) -> Runs:
    """Segmentations of a point cloud: runs of point indices."""
    return _from_strings([_text(d, "segmentation", i) for i, d in enumerate(drawings)])


def read_times(drawings: Sequence[Drawing]) -> Runs:
    """Time ranges; the length of a range is the difference of its ends."""
    return _from_spans([_spans(d, i) for i, d in enumerate(drawings)])


def read_texts(drawings: Sequence[Drawing]) -> Runs:
    """Ranges of characters that include both ends, in plain text or in the text nodes of HTML."""
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
    """The characters of a range in HTML.

    A range within one text node is one run. For a range over several nodes the label row does not hold the text
    between, so only its two end characters count.
    """
    start, end = (item["start"], item["end"]) if isinstance(item, Mapping) else exactly(item, 2)
    first, last = float(start["offset"]), float(end["offset"])
    if start["xpath"] == end["xpath"]:
        yield first, last + 1, names.setdefault(str(start["xpath"]), len(names))
    else:
        yield first, first + 1, names.setdefault(f"from {start['xpath']}", len(names))
        yield last, last + 1, names.setdefault(f"to {end['xpath']}", len(names))


def _spans(drawing: Drawing, index: int) -> list[tuple[float, float, int]]:
    try:
        ranges = drawing["range"]
        if len(ranges) <= MOST_RANGES:
            return [(float(start), float(end), 0) for start, end in ranges]
    except _BROKEN:
        raise BadGeometryError(index, "has no well-formed range") from None
    raise BadGeometryError(index, f"has more than {MOST_RANGES:,} ranges")


def _text(holder: Any, key: str, index: int) -> str:
    value = holder.get(key) if isinstance(holder, Mapping) else None
    if not isinstance(value, str):
        raise BadGeometryError(index, f"has no {key}")
    return value


def _from_strings(strings: Sequence[str]) -> Runs:
    lengths = np.fromiter(map(len, strings), np.int64, len(strings))
    so_far = np.cumsum(lengths)
    over = np.flatnonzero(lengths > MOST_CHARACTERS_OF_ONE)
    if len(over):
        raise BadGeometryError(
            int(over[0]), f"has a run-length string of more than {MOST_CHARACTERS_OF_ONE:,} characters"
        )
    if len(strings) and so_far[-1] > MOST_CHARACTERS:
        at = int(np.searchsorted(so_far, MOST_CHARACTERS, side="right"))
        raise BadGeometryError(at, f"is beyond the {MOST_CHARACTERS:,} characters of run-length strings of a label row")
    cuts = (np.flatnonzero(np.diff(so_far // CHARACTERS_AT_ONCE)) + 1).tolist()
    parts = [_decoded(strings[start:end], start) for start, end in pairwise([0, *cuts, len(strings)])]
    if len(parts) == 1:
        return parts[0]
    before = np.cumsum([0, *(len(part.starts) for part in parts)])
    offsets = [part.offsets[:-1] + start for part, start in zip(parts, before[:-1], strict=True)]
    return Runs(
        np.concatenate([part.starts for part in parts]),
        np.concatenate([part.ends for part in parts]),
        np.concatenate([part.line for part in parts]),
        np.concatenate([*offsets, before[-1:]]),
    )


def _decoded(strings: Sequence[str], number: int) -> Runs:
    """The runs of some strings; `number` is the index of the first among all of them."""
    try:
        counts, offsets = decode_runs(strings)
    except BadRunLengthError as error:
        raise BadGeometryError(number + error.index, f"has a run-length string that {error.problem}") from None
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
    if len(owner) > MOST_RANGES:
        raise BadGeometryError(int(owner[MOST_RANGES]), f"is beyond the {MOST_RANGES:,} ranges of a label row")
    table = np.array([run for row in rows for run in row], np.float64).reshape(-1, 3)
    bad = unfit(table).any(axis=1) | (table[:, 1] < table[:, 0])
    if bad.any():
        raise BadGeometryError(int(owner[bad.argmax()]), "has a range that ends before it starts or is not finite")
    order = np.lexsort((table[:, 0], table[:, 2], owner))
    return _merged(table[order], owner[order], len(rows), names)


def _merged(table: Numbers, owner: Indices, count: int, names: tuple[str, ...]) -> Runs:
    """Runs (m, 3: start, end, line) with overlapping and touching runs merged.

    They must be sorted by owner, line and start.
    """
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
    """The greatest end so far within each group; a group starts where `first` is true."""
    group = np.cumsum(first)
    ranks = np.unique(ends, return_inverse=True)
    running = np.maximum.accumulate(group * len(ranks[0]) + ranks[1]) - group * len(ranks[0])
    return np.asarray(ranks[0][running])


def _last_end(runs: Runs) -> Numbers:
    last = np.zeros(len(runs))
    some = np.diff(runs.offsets) > 0
    last[some] = runs.ends[runs.offsets[1:][some] - 1]
    return last
