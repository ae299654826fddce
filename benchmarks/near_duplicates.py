"""Near-duplicates among 100,000 perceptual hashes, against comparing every pair in blocks of rows.

Half of the hashes are another one with up to six bits flipped; one hash in a hundred is the same black frame. "One
film" differs in 24 bits only: one large group. "Sparse" is a bad case: nothing is near, and half of the bits are the
same in all, so that bands rule hardly anything out.
"""

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmark_qa.images.picture_groups import near_duplicate_groups

COUNT = 100_000
BLOCK = 256


def pictures(count: int) -> NDArray[np.uint64]:
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**64, size=count, dtype=np.uint64)
    half = count // 2
    flips = np.zeros(half, dtype=np.uint64)
    for _ in range(6):
        flips |= np.uint64(1) << random.integers(0, 64, size=half, dtype=np.uint64)
    hashes[half:] = hashes[:half] ^ flips
    hashes[::100] = 0
    return hashes


def one_film(count: int) -> NDArray[np.uint64]:
    return np.random.default_rng(0).integers(0, 2**24, size=count, dtype=np.uint64) << np.uint64(20)


def sparse(count: int) -> NDArray[np.uint64]:
    return np.random.default_rng(0).integers(0, 2**32, size=count, dtype=np.uint64) << np.uint64(16)


def every_pair(hashes: NDArray[np.uint64], distance: int) -> int:
    """How many pairs are near: the comparing alone, without grouping."""
    near = 0
    for start in range(0, len(hashes), BLOCK):
        differing = np.bitwise_count(hashes[start : start + BLOCK, None] ^ hashes[None, start:])
        near += int(np.count_nonzero(differing <= distance))
    return near


def measured(work: Callable[[], object]) -> tuple[float, float]:
    started = time.process_time()
    work()
    seconds = time.process_time() - started
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return seconds, peak


def main() -> None:
    table = Table("hashes", "distance", "how", "seconds", "x every pair", "peak MB", title=f"{COUNT:,} hashes")
    hashes = pictures(COUNT)
    whole, peak = measured(lambda: every_pair(hashes, 6))
    table.add_row("half flipped", "6", "every pair", f"{whole:.2f}", "1.00", f"{peak:.0f}")
    cases = [("half flipped", hashes, distance) for distance in (2, 4, 6, 8, 10)]
    cases += [("one film", one_film(COUNT), 6), ("sparse", sparse(COUNT), 2)]
    for name, given, distance in cases:
        seconds, peak = measured(lambda given=given, distance=distance: near_duplicate_groups(given, distance))
        table.add_row(name, str(distance), "bands", f"{seconds:.2f}", f"{seconds / whole:.3f}", f"{peak:.0f}")
    Console().print(table)
