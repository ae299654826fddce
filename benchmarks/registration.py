"""Registration files of large manifests: time and memory as the manifest grows, and the check of what was built.

Half of the files are single images with metadata, half are frames of image sequences of forty, shuffled. Each size runs
in a process of its own, so that its peak memory is its own. Times are those of the processor beside those of the clock:
what else the machine does lengthens only the latter.
"""

import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.table import Table

from benchmark_qa.commands.register.build import build
from benchmark_qa.commands.register.check import check
from benchmark_qa.commands.register.listing import Location
from benchmark_qa.commands.register.manifest import csv_rows
from benchmark_qa.commands.register.rows import ManifestRules

SIZES = (10_000, 100_000, 1_000_000)
FRAMES = 40


class Directory:
    def __init__(self, path: Path) -> None:
        self.path = path

    def part(self, number: int) -> BinaryIO:
        return (self.path / f"registration-{number:04d}.json").open("wb")

    def data_groups(self) -> BinaryIO:
        return (self.path / "data-groups.jsonl").open("wb")


def write_manifest(path: Path, urls: int) -> None:
    """Rows in random order: the build must put them in order itself."""
    numbers = list(range(urls))
    random.Random(0).shuffle(numbers)
    with path.open("w") as out:
        out.write("url,group,metadata.hour,metadata.weather\n")
        for n in numbers:
            if n % 2:
                out.write(
                    f"s3://pictures/camera-{n % 97:02d}/{n % 977:04d}/image {n}.jpg,,{n % 24},sun\n".replace(" ", "-")
                )
            else:
                group = n // (2 * FRAMES)
                out.write(f"s3://pictures/walks/{group:06d}/frame-{n}.jpg,walk-{group:06d},,\n")


def measure(directory: Path, mode: str) -> None:
    """In a process of its own: one step, and what it took."""
    started, used = time.perf_counter(), time.process_time()
    if mode == "build":
        with (directory / "manifest.csv").open(newline="") as text:
            build(csv_rows(text), ManifestRules(location=Location.S3), Directory(directory))
    else:
        for path in sorted(directory.glob("registration-*.json")):
            with path.open() as text:
                assert check(text).total_faults == 0
    seconds, processor = time.perf_counter() - started, time.process_time() - used
    print(seconds, processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measured(directory: Path, mode: str) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.registration", str(directory), mode]
    return [float(figure) for figure in subprocess.check_output(command, text=True).split()]


def main() -> None:
    table = Table(
        "URLs", "step", "seconds", "processor", "us a URL", "x first size", "peak MB", title="registration files"
    )
    first: dict[str, float] = {}
    for urls in SIZES:
        with tempfile.TemporaryDirectory() as scratch:
            directory = Path(scratch)
            write_manifest(directory / "manifest.csv", urls)
            for mode in ("build", "check"):
                seconds, processor, peak = measured(directory, mode)
                each = 1e6 * processor / urls
                ratio = each / first.setdefault(mode, each)
                figures = (f"{seconds:.1f}", f"{processor:.1f}", f"{each:.0f}", f"{ratio:.2f}", f"{peak:.0f}")
                table.add_row(f"{urls:,}", mode, *figures)
    Console().print(table)


if __name__ == "__main__":
    measure(Path(sys.argv[1]), sys.argv[2])
