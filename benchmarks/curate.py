"""Curation: what the lists and duplicates find on pictures that the cuts were not chosen on, and what it costs.

    CURATE_PICTURES=FOLDER:FOLDER python -m benchmarks curate

CURATE_COUNT says how many pictures the cost is measured with (10,000); CURATE_PARTS which parts run: quality,
duplicates, clusters, cost. `benchmarks/_picture_variants.py` says where the pictures come from. CleanVision takes part
if it is installed.
"""

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmark_qa.commands.curate.index import Index
from benchmark_qa.commands.curate.indexing import default_encoder, index_source, local_source
from benchmark_qa.images.picture_groups import clusters, duplicate_groups, near_duplicate_groups
from benchmark_qa.images.quality_lists import examine, quality_lists
from benchmark_qa.images.statistics import image_statistics
from benchmark_qa.stats.failing_clusters import failing_clusters
from benchmarks._picture_variants import (
    COPIES,
    FAULTS,
    UNDECIDED,
    base_pictures,
    is_held_out,
    opened,
    with_copies,
    with_faults,
)

PARTS = ("quality", "duplicates", "clusters", "cost")
CLEANVISION = {
    "blurred": "blurry", "overexposed": "light", "dark": "dark", "flat": "low_information", "odd-size": "odd_size",
    "odd-shape": "odd_aspect_ratio",
}  # fmt: skip


def main() -> None:
    parts = os.environ.get("CURATE_PARTS", ",".join(PARTS)).split(",")
    bases = base_pictures() if {"quality", "duplicates"} & set(parts) else {}
    held_out = {name: path for name, path in bases.items() if is_held_out(name)}
    if bases:
        print(f"{len(bases)} base pictures, {len(held_out)} of them held out\n")
    if os.environ.get("CURATE_DEVELOP"):  # to look at cuts: the other half
        held_out = {name: path for name, path in bases.items() if name not in held_out}
    if "quality" in parts:
        quality(held_out)
    if "duplicates" in parts:
        duplicates(held_out)
    if "clusters" in parts:
        planted_cluster()
    if "cost" in parts:
        cost(int(os.environ.get("CURATE_COUNT", "10000")))


# --- what is found -------------------------------------------------------------------------------------------------


def quality(bases: dict[str, Path]) -> None:
    """Precision and recall of each list at the default cuts, beside CleanVision's lists."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        truth = {
            file: (name, fault)
            for name, path in bases.items()
            for file, fault in with_faults(name, opened(path), folder)
        }
        found = our_lists(folder)
        theirs = cleanvision_lists(folder, [file for file, (_, fault) in truth.items() if fault != "unreadable"])
        print("| list | made | found | precision | recall | CleanVision: precision | recall |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for fault in FAULTS:
            known = {file for file, (name, _) in truth.items() if decided(name, fault, truth[file][1])}
            wanted = {file for file, (_, made) in truth.items() if made == fault} & known
            ours = figures(found.get(fault, set()) & known, wanted)
            other = figures(theirs[fault] & known, wanted) if fault in theirs else ("", "none", "none")
            print(f"| {fault} | {len(wanted)} | {' | '.join(ours)} | {other[1]} | {other[2]} |")
            wrong = sorted((found.get(fault, set()) & known) - wanted)
            if os.environ.get("CURATE_DEVELOP"):
                print("   wrong:", wrong, "missed:", sorted(wanted - found.get(fault, set())))
    print()


def decided(name: str, fault: str, made: str) -> bool:
    """Whether a picture counts for a list: not if its base has the fault by eye, or another fault that implies it."""
    if name in UNDECIDED.get(fault, ()):
        return False
    # a tenth of the size has no fine detail, a dark or white picture has no contrast, and so on
    implied = {
        "blurred": {"flat", "odd-size", "overexposed", "dark"},
        "flat": {"overexposed", "dark"},
        "odd-size": {"odd-shape"},
        "unreadable": set[str](),
    }
    return made not in implied.get(fault, set())


def figures(found: set[str], wanted: set[str]) -> tuple[str, str, str]:
    right = len(found & wanted)
    precision = f"{right / len(found):.2f}" if found else "n/a"
    return str(len(found)), precision, f"{right / len(wanted):.2f}" if wanted else "n/a"


def our_lists(folder: Path) -> dict[str, set[str]]:
    with Index.open(folder / "x.index", make=True) as index:
        index_source(local_source(folder), index, None)
        pictures = index.pictures
        lists = quality_lists(pictures.measures, pictures.titles)
        found = {one.name: {pictures.titles[at] for at in one.indices} for one in lists}
        return found | {"unreadable": {item.title for item, _ in index.unread}}


def cleanvision_lists(folder: Path, files: list[str]) -> dict[str, set[str]]:
    """CleanVision's lists; it does not get the truncated files, which end its run."""
    try:
        from cleanvision import Imagelab  # type: ignore[import-not-found]  # noqa: PLC0415
    except ModuleNotFoundError:
        print("CleanVision is not installed\n")
        return {}
    lab = Imagelab(filepaths=[str(folder / file) for file in files])
    lab.find_issues(n_jobs=1, verbose=False)
    issues = lab.issues
    return {
        ours: {Path(path).name for path in issues.index[issues[f"is_{theirs}_issue"]]}
        for ours, theirs in CLEANVISION.items()
        if f"is_{theirs}_issue" in issues
    }


def duplicates(bases: dict[str, Path]) -> None:
    """Copies that stand in a group with their picture, and pairs of different pictures in one group."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        truth = {
            file: (name, kind) for name, path in bases.items() for file, kind in with_copies(name, opened(path), folder)
        }
        files = sorted(truth)
        contents = [(folder / file).read_bytes() for file in files]
        examined = [examine(content) for content in contents]
        encoder = default_encoder()
        vectors = np.concatenate([encoder.vectors([one.small]) for one in examined])
        hashes = [one.fingerprint for one in examined]
        digests = [str(hash(content)) for content in contents]
        ways = {
            "hash or vector, defaults": [g.members for g in duplicate_groups(digests, hashes, vectors)],
            "hash or vector, distance 0.2": [
                g.members for g in duplicate_groups(digests, hashes, vectors, distance=0.2)
            ],
            "hash alone": [g.members for g in duplicate_groups(digests, hashes, None)],
            "the hash of `benchmark choose`": old_groups(contents),
            "CleanVision": cleanvision_groups(folder, files),
        }
        print(f"| way | {' | '.join(COPIES)} | all copies | pairs right | pairs wrong |")
        print(f"| --- |{' ---: |' * (len(COPIES) + 3)}")
        for way, groups in ways.items():
            print(f"| {way} | {' | '.join(recall_of_copies(groups, files, truth))} |")
    print()


def recall_of_copies(groups: Any, files: list[str], truth: dict[str, tuple[str, str]]) -> list[str]:
    if groups is None:
        return ["not installed"] + [""] * (len(COPIES) + 2)
    group_of = {files[at]: number for number, group in enumerate(groups) for at in group}
    hits: dict[str, list[bool]] = defaultdict(list)
    for file, (name, kind) in truth.items():
        if kind:
            own = group_of.get(file)
            hits[kind].append(own is not None and own == group_of.get(f"{name}.jpg"))
    right = wrong = 0
    for group in groups:
        for one, other in combinations([truth[files[at]][0] for at in group], 2):
            right, wrong = right + (one == other), wrong + (one != other)
    every = [hit for kind in COPIES for hit in hits[kind]]
    return [*(f"{np.mean(hits[kind]):.2f}" for kind in COPIES), f"{np.mean(every):.2f}", f"{right:,}", f"{wrong:,}"]


def old_groups(contents: list[bytes]) -> list[list[int]]:
    found = [image_statistics(content).fingerprint for content in contents]
    known = [at for at, fingerprint in enumerate(found) if fingerprint is not None]
    groups = near_duplicate_groups(np.array([found[at] for at in known], dtype=np.uint64), 4)
    return [[known[at] for at in group] for group in groups]


def cleanvision_groups(folder: Path, files: list[str]) -> list[list[int]] | None:
    try:
        from cleanvision import Imagelab  # noqa: PLC0415
    except ModuleNotFoundError:
        return None
    lab = Imagelab(filepaths=[str(folder / file) for file in files])
    lab.find_issues({"near_duplicates": {}, "exact_duplicates": {}}, n_jobs=1, verbose=False)
    at = {file: number for number, file in enumerate(files)}
    sets = [*lab.info["near_duplicates"]["sets"], *lab.info["exact_duplicates"]["sets"]]
    return [[at[Path(path).name] for path in group] for group in sets]


# --- clusters of failures ------------------------------------------------------------------------------------------


def planted_cluster(draws: int = 400, found_draws: int = 40) -> None:
    """One of 50 clusters of 200 pictures fails in 30 % against 15 %; the same with nothing planted."""
    number = np.repeat(np.arange(50), 200)
    first = called = wrongly = 0
    for seed in range(draws):
        random = np.random.default_rng(seed)
        planted = int(random.integers(50))
        share = np.where(number == planted, 0.30, 0.15)
        found = failing_clusters(number, random.random(len(number)) < share)
        first += found[0].cluster == planted
        called += found[0].cluster == planted and found[0].certain
        wrongly += failing_clusters(number, random.random(len(number)) < 0.15)[0].certain
    print("| clusters | draws | planted cluster first | first and certain | called where nothing is planted |")
    print("| --- | ---: | ---: | ---: | ---: |")
    print(f"| given | {draws} | {first} | {called} | {wrongly} |")
    first = called = wrongly = 0
    for seed in range(found_draws):
        random = np.random.default_rng(1_000 + seed)
        centres = random.normal(size=(50, 64))
        vectors = np.repeat(centres, 200, axis=0) + 0.35 * random.normal(size=(len(number), 64))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        by_vector = clusters(vectors.astype(np.float32))
        planted = int(random.integers(50))
        share = np.where(number == planted, 0.30, 0.15)
        found = failing_clusters(by_vector, random.random(len(number)) < share)
        members = by_vector == found[0].cluster
        right = np.mean(number[members] == planted) > 0.5
        first, called = first + right, called + (right and found[0].certain)
        wrongly += failing_clusters(by_vector, random.random(len(number)) < 0.15)[0].certain
    print(f"| found by vector | {found_draws} | {first} | {called} | {wrongly} |\n")


# --- cost ----------------------------------------------------------------------------------------------------------


def cost(count: int) -> None:
    """Speed, memory, kills, and the commands behind the index, on one core."""
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; one core is used; processor time\n")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "pictures"
        make_pictures(folder, count)
        few = Path(place) / "few"
        make_pictures(few, max(count // 10, 1))
        bare = bare_seconds(few)
        small = run("index", "--local", few, "--index", Path(place) / "few.index", "--parallel", 1)
        whole = run("index", "--local", folder, "--index", Path(place) / "all.index", "--parallel", 1)
        print("| | |\n| --- | ---: |")
        print(f"| pictures (1280 x 720 JPEG) | {count:,} |")
        print(f"| index, pictures a second of processor time | {count / whole['cpu']:.1f} |")
        print(f"| index, pictures a second of wall time | {count / whole['wall']:.1f} |")
        bare_all = bare * count
        print(f"| index over bare decoding plus the bare net | {whole['cpu'] / bare_all:.2f} |")
        print(f"| memory, MB, {count:,} and {count // 10:,} pictures | {whole['mb']:.0f}, {small['mb']:.0f} |")
        print(f"| ratio | {whole['mb'] / small['mb']:.2f} |")
        print(f"| killed three times: pictures read in all runs | {killed(folder, Path(place) / 'killed.index'):,} |")
        for name in ("duplicates", "clusters", "map"):
            extra = [Path(place) / "map.html"] if name == "map" else []
            took = run(name, *extra, "--index", Path(place) / "all.index")
            print(f"| {name}, s of processor time | {took['cpu']:.1f} |")
        print(f"| page of the map, MB | {(Path(place) / 'map.html').stat().st_size / 1e6:.1f} |\n")


def make_pictures(folder: Path, count: int) -> None:
    """Crops of base pictures, 1280 x 720, each another one."""
    folder.mkdir()
    bases = [opened_large(path) for path in list(base_pictures().values())[:24]]
    random = np.random.default_rng(0)
    for number in range(count):
        base = bases[number % len(bases)]
        left, top = random.integers(base.width - 1280 + 1), random.integers(base.height - 720 + 1)
        base.crop((int(left), int(top), int(left) + 1280, int(top) + 720)).save(
            folder / f"{number:06d}.jpg", quality=85
        )


def opened_large(path: Path) -> Image.Image:
    picture = Image.open(path).convert("RGB")
    scale = max(1400 / picture.width, 800 / picture.height)
    return picture.resize((round(picture.width * scale), round(picture.height * scale)))


def bare_seconds(folder: Path, count: int = 200) -> float:
    """Processor seconds a picture of decoding it whole and of the net alone, in one run."""
    encoder = default_encoder()
    contents = [path.read_bytes() for path in sorted(folder.iterdir())[:count]]
    small = [examine(content).small for content in contents[:16]]
    batch = encoder.preprocessing.batch(small)
    session, name = encoder._session, encoder._input  # the bare net
    session.run(None, {name: batch})
    begin = time.process_time()
    for content in contents:
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
    for _ in range(0, len(contents), 16):
        session.run(None, {name: batch})
    return (time.process_time() - begin) / (-(-len(contents) // 16) * 16)


def command(*arguments: Any) -> list[str]:
    return [sys.executable, "-m", "benchmark_qa", "curate", *map(str, arguments)]


def run(*arguments: Any) -> dict[str, float]:
    """One command on one core: processor and wall seconds, and megabytes at most."""
    code = (
        "import os, resource, runpy, sys, time; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "begin = time.time(); sys.argv = ['benchmark-qa', *sys.argv[1:]]\n"
        "try: runpy.run_module('benchmark_qa', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "import json; print('\\n' + json.dumps({'cpu': used.ru_utime + used.ru_stime, 'wall': time.time() - begin, "
        "'mb': used.ru_maxrss / 1024}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "curate", *map(str, arguments)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def killed(folder: Path, index: Path) -> int:
    """Kill three runs, finish with a fourth; how many pictures the runs have written in all."""
    written = 0
    for at in range(4):
        before = count_of(index)
        process = subprocess.Popen(command("index", "--local", folder, "--index", index), stdout=subprocess.DEVNULL)
        wanted = before + len(list(folder.iterdir())) // 8
        while at < 3 and process.poll() is None and count_of(index) < wanted:
            time.sleep(0.2)
        if at < 3:
            process.send_signal(signal.SIGKILL)
        process.wait()
        written += count_of(index) - before
    return written


def count_of(index: Path) -> int:
    if not index.exists():
        return 0
    with Index.open(index) as opened_index:
        return len(opened_index.known())
