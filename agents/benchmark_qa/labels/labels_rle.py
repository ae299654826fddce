"""Run-length strings of bitmasks and point cloud segmentations, decoded many at once.

The compression is COCO's (`rleFrString` in cocoapi/common/maskApi.c): numbers in groups of five bits, low first, 32
says that more follow, 48 added to make a character; from the fourth number on, the difference to the one two before.
Encord's runs go through the pixels row by row, COCO's column by column.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


class BadRunLengthError(ValueError):
    """The string at `index` is not a run-length string."""

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(problem)
        self.index = index
        self.problem = problem


def decode_runs(strings: Sequence[str]) -> tuple[Indices, Indices]:
    """Run lengths of every string, one after the other, and where each string's begin and end (n + 1,).

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
    """Put the groups of five bits together, with the sign of the last group."""
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
    """counts[i] = numbers[i] + counts[i - 2] from the fourth on: a running sum over every other number."""
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
