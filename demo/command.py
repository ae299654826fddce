"""The command line of the demo: options in, a story told, an exit code out."""

import argparse
import contextlib
import math
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.markup import escape

from demo.chaos import StoryWithCrashes
from demo.control import StuckError
from demo.crowd import Crowd
from demo.labels import LabelSet
from demo.labels_file import LabelsFileError, read_labels_file
from demo.loop import LoopStory
from demo.loop_outcome import LoopOutcome
from demo.loop_world import LoopWorld
from demo.outcome import Outcome
from demo.processes import ProcessFailedError
from demo.run import Story
from demo.sandbox import MODES, CommandFailedError, Sandbox

IMAGES = 40
"""How many benchmark images are labelled with boxes where the call does not say; a question takes all."""

LOOP_IMAGES = 300
"""Of the loop, which splits them: fewer production images say too little about a gain."""

LEAST_LOOP_IMAGES = 100
"""With fewer, what is chosen (one of twelve) is too little for an interval."""

REPORT = Path("build/demo-report.html")
"""Where the report's page is written where the call does not say."""

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PAGE_WIDTH = 120
"""Columns where the output is no terminal."""

INTERRUPTED = 130
"""The exit code of a program ended by Ctrl-C."""


def main() -> int:
    """Run the demo. 0: every task ended where it should; 1: something did not; 2: the call was wrong."""
    options = _options()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PAGE_WIDTH)
    for end in ENDS:
        signal.signal(end, _interrupt)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    try:
        labels = _labels(options, console)
        return _run(labels, options, console)
    except LabelsFileError as error:
        print(error, file=sys.stderr)
        return 2
    except (ProcessFailedError, CommandFailedError, StuckError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; nothing is left running", file=sys.stderr)
        return INTERRUPTED


def _run(labels: LabelSet, options: argparse.Namespace, console: Console) -> int:
    console.print(f"[bold]Benchmark QA demo[/] on {escape(labels.source)}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="benchmark-qa-") as directory:
        play = _play_loop if options.loop else _play
        problems = play(labels, Path(directory), options, console, started)
    return 1 if problems else 0


def _play(
    labels: LabelSet, directory: Path, options: argparse.Namespace, console: Console, started: float
) -> Sequence[str]:
    with Sandbox(labels, directory, auto_retries=0 if options.chaos else 3, mode=options.mode) as sandbox:
        story = StoryWithCrashes(sandbox, console) if options.chaos else Story(sandbox, console)
        story.tell()
        outcome = Outcome.read(sandbox)
        outcome.show(console)
        _finish(sandbox, options, console, started)
    return outcome.problems


def _play_loop(
    labels: LabelSet, directory: Path, options: argparse.Namespace, console: Console, started: float
) -> Sequence[str]:
    with Sandbox(labels, directory, auto_retries=3, world=LoopWorld) as sandbox:
        story = LoopStory(sandbox, console, directory)
        story.tell()
        outcome = LoopOutcome.read(story)
        outcome.show(console)
        _finish(sandbox, options, console, started)
    return outcome.problems


def _finish(sandbox: Sandbox, options: argparse.Namespace, console: Console, started: float) -> None:
    _write_page(sandbox, options.report, console)
    console.print(f"{time.monotonic() - started:.1f} s")
    if options.keep:
        _wait_for_ctrl_c(sandbox, console)


def _write_page(sandbox: Sandbox, path: Path, console: Console) -> None:
    """The report as a page, with what the emulator's analytics know of people's work."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sandbox.benchmark_qa("report", "--format", "html", "--analytics-days", "1", "--output", str(path))
    console.print(f"the report as a page: {escape(str(path))}", soft_wrap=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description="A production project routed and scored.")
    parser.add_argument("--data", type=Path, metavar="PATH", help="a labels file; a simulated crowd without it")
    parser.add_argument("--images", type=_images, metavar="N|all", help="benchmark images (40; all of a question's)")
    parser.add_argument("--chaos", action="store_true", help="kill the service in mid-run, twice, and recover")
    parser.add_argument("--keep", action="store_true", help="leave both servers running until Ctrl-C")
    parser.add_argument("--report", type=Path, metavar="PATH", default=REPORT, help=f"the page written ({REPORT})")
    parser.add_argument("--loop", action="store_true", help="two rounds, and all that lies between them")
    parser.add_argument("--mode", choices=MODES, default="server", help="what runs the service")
    options = parser.parse_args()
    if options.chaos and options.mode == "lambda":
        parser.error("--chaos kills a process of the service's own, which --mode lambda has not")
    if options.loop and (options.chaos or options.mode != "server"):
        parser.error("--loop goes with neither --chaos nor --mode")
    if options.loop and (options.images or LOOP_IMAGES) < LEAST_LOOP_IMAGES:
        parser.error(f"--loop splits the images, and needs {LEAST_LOOP_IMAGES} at least")
    return options


def _images(text: str) -> float:
    if text == "all":
        return math.inf
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"a whole number above 0, or 'all', not {text!r}")
    return int(text)


def _labels(options: argparse.Namespace, console: Console) -> LabelSet:
    usual = LOOP_IMAGES if options.loop else IMAGES
    if options.data is None:
        return _simulated(options.images or usual)
    labels = read_labels_file(options.data)
    even = labels.evenly_annotated()
    if len(even) < len(labels):
        console.print(
            f"{len(labels) - len(even)} of {len(labels)} images are left out: a consensus stage takes a fixed number "
            f"of annotators, here {even.annotators_per_image}"
        )
    if options.loop and (labels.kind == "question" or len(even) < LEAST_LOOP_IMAGES):
        raise LabelsFileError(options.data, "", f"the loop needs boxes on {LEAST_LOOP_IMAGES} images at least")
    wanted = options.images or (math.inf if labels.kind == "question" else usual)
    return even.first(int(min(wanted, len(even))))


def _simulated(images: float) -> LabelSet:
    crowd = Crowd.measured()
    return crowd.label_images(crowd.measured_images if math.isinf(images) else int(images))


def _wait_for_ctrl_c(sandbox: Sandbox, console: Console) -> None:
    console.print("\nBoth servers are running. Ctrl-C ends them.")
    console.print(f"  the emulator  {sandbox.emulator_url}/_emulator/state")
    console.print(f"  the service   {sandbox.service_url}/healthz")
    console.print("For `benchmark-qa` in another terminal:")
    for key, value in sandbox.service_environment.items():
        console.print(f"  export {key}={value}", soft_wrap=True)
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """The first Ctrl-C (or its like) stops the demo; further ones must not stop it from cleaning up."""
    for end in ENDS:
        signal.signal(end, signal.SIG_IGN)
    raise KeyboardInterrupt
