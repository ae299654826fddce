"""The loop: labelled, exported, a model held against it, chosen, sent back, labelled again, and measured again.

Every step is a command of the service, as an operator types it, or people at work through the SDK.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console

from demo.labels import LabelledImage
from demo.loop_model import predictions
from demo.loop_people import Relabeller
from demo.loop_world import LoopWorld
from demo.people import Annotator, Operator, Reviewer
from demo.progress import Phase, unreported
from demo.run import PEOPLE_AT_A_TIME, Story
from demo.sandbox import Sandbox
from demo.world import ANNOTATE, COMPLETE, CONSENSUS, REFINE, REVIEW

SHARE_CHOSEN = 5
"""One of so many production images is chosen, each way"""
CHOICES = ("found", "by scores", "control")
"""By a model against the labels; by the annotators' scores; at random, as many as were found"""


class LoopStory(Story):
    """Two rounds with everything between them. `rounds` fills as the story is told."""

    def __init__(self, sandbox: Sandbox, console: Console, directory: Path) -> None:
        super().__init__(sandbox, console)
        if not isinstance(sandbox.world, LoopWorld):
            raise TypeError("the loop is told in a LoopWorld")
        self.loop_world = sandbox.world
        self.directory = directory
        self.reports: list[dict[str, Any]] = []
        """`benchmark-qa report --json` of each round"""
        self.exports: list[dict[str, Any]] = []
        """Production labels of each round, as COCO"""
        self.evaluation: dict[str, Any] = {}
        """The model against the labels of round 1"""
        self.choices: dict[str, list[str]] = {}
        """Data hashes by the name of the choice"""
        self.sent: dict[str, dict[str, Any]] = {}
        """`benchmark-qa send-back --json` of each choice"""
        self.sent_again: dict[str, Any] = {}
        """The same of the first choice's second run"""
        self.second_annotators: dict[str, str] = {}
        """Who labels each re-opened image in round 2"""

    def tell(self) -> None:
        """Round 1, the loop, round 2."""
        super().tell()
        self.report_and_export()
        self.evaluate_model()
        self.choose()
        self.send_back()
        self.start_round_two()
        self.label_again()
        self.review_again()
        self.report_and_export()

    def finish_truth(self) -> None:
        """The truth of both benchmarks is finished before anything starts."""
        world, url = self.loop_world, self.sandbox.emulator_url
        units = world.benchmark_units | world.held_out_units
        truth = {data_hash: image.truth for data_hash, image in units.items()}
        with self.phase("An expert finishes both benchmarks' truth", len(units)) as progress:
            Operator(world.operator, world.benchmark_project, url).hand_out(
                ANNOTATE, dict.fromkeys(units, world.expert.email)
            )
            Annotator(world.expert, world.benchmark_project, url).work_off(ANNOTATE, truth, unreported)
            Reviewer(world.reviewer, world.benchmark_project, url).approve(REVIEW, progress.advance)

    def report_and_export(self) -> None:
        """How good everybody is, and production's labels as they are now, frozen under a name."""
        number = len(self.exports) + 1
        with self.phase(f"Round {number}: report, and export for training", 2) as progress:
            self.reports.append(json.loads(self.sandbox.benchmark_qa("report", "--json")))
            progress.advance()
            out = self._file(f"round-{number}")
            self.sandbox.benchmark_qa("export", "--out", str(out), "--format", "coco", "--snapshot", f"round-{number}")
            (document,) = out.glob("coco/**/*.json")
            self.exports.append(json.loads(document.read_text()) | {"path": str(document)})
            progress.advance()

    def evaluate_model(self) -> None:
        """The model's predictions held against the labels that it is to learn from."""
        with self.phase("A model's predictions are evaluated", 1) as progress:
            export = self.exports[0]
            (category,) = export["categories"]
            images = {image["id"]: self.loop_world.production_units[image["data_hash"]] for image in export["images"]}
            self._predictions.write_text(json.dumps(predictions(images, category["id"])))
            self.evaluation = json.loads(
                self.sandbox.benchmark_qa("evaluate-predictions", export["path"], str(self._predictions), "--json")
            )
            progress.advance()

    def choose(self) -> None:
        """Three choices of the same size."""
        project = self.world.production_project
        most = str(max(len(self.loop_world.production_units) // SHARE_CHOSEN, 1))
        with self.phase("What is to be labelled again is chosen", len(CHOICES)) as progress:
            found, by_scores, control = (str(self._choice(name)) for name in CHOICES)
            labels = (self.exports[0]["path"], str(self._predictions))
            self.sandbox.benchmark_qa(
                "find", *labels, "--output", found, "--project", project, "--name", CHOICES[0], "--most", most,
                "--least-strength", "0",
            )  # fmt: skip
            progress.advance()
            scores = ("--undecided", "--no-suspects", "--most", most)
            self.sandbox.benchmark_qa("choose", by_scores, "--name", CHOICES[1], *scores)
            progress.advance()
            self.sandbox.benchmark_qa("choose", control, "--control-of", found)
            progress.advance()
        for name in CHOICES:
            items = json.loads(self._choice(name).read_text())["items"]
            self.choices[name] = [item["data_hash"] for item in items]

    def send_back(self) -> None:
        """Each choice goes back; the first goes once more, which must add nothing."""
        with self.phase("The choices are sent back, one twice", len(CHOICES) + 1) as progress:
            for name in CHOICES:
                self.sent[name] = self._sent_back(name)
                progress.advance()
            self.sent_again = self._sent_back(CHOICES[0])
            progress.advance()
        sizes = ", ".join(f"{len(hashes)} {name}" for name, hashes in self.choices.items())
        self.console.print(f"[dim]  {len(self.sent_back)} images go back: {sizes}; some are in two choices[/]")

    def _sent_back(self, name: str) -> dict[str, Any]:
        command = ("send-back", str(self._choice(name)), "--json", "--operator", self.world.operator.email)
        sent: dict[str, Any] = json.loads(self.sandbox.benchmark_qa(*command))
        return sent

    def start_round_two(self) -> None:
        """Re-opened tasks go to the best of those who know the image; new benchmark images come among the work."""
        world = self.loop_world
        with self.phase("Round 2: work, and new benchmark images", self.tasks_of_both_rounds) as progress:
            self.operator.attach([world.held_out_dataset])
            self.wait_for(progress, self.routed, self.tasks_of_both_rounds)
            self.second_annotators = {one: self._best_for(one, world.production_units[one]) for one in self.sent_back}
            self.operator.hand_out(ANNOTATE, self.second_annotators)
            self.operator.hand_out_consensus(CONSENSUS, world.held_out_work)

    def label_again(self) -> None:
        """The chosen images by other people than before, the new benchmark images by everybody who knows them."""
        world = self.loop_world
        work = len(self.second_annotators) + sum(map(len, world.held_out_work.values()))
        with (
            self.phase(f"{len(world.annotators)} annotators label and submit", work) as progress,
            ThreadPoolExecutor(PEOPLE_AT_A_TIME) as people,
        ):
            for done in [people.submit(self._label_again_as, email, progress) for email in world.annotators]:
                done.result()

    def review_again(self) -> None:
        """As in round 1."""
        with self.phase("A reviewer approves, the service scores", self.tasks_of_both_rounds) as progress:
            self.reviewer.approve(REVIEW, unreported)
            self.reviewer.approve_consensus(REFINE, unreported)
            self.wait_for(progress, self._complete, self.tasks_of_both_rounds)

    @property
    def sent_back(self) -> list[str]:
        """Every image of any choice, once."""
        return sorted({data_hash for hashes in self.choices.values() for data_hash in hashes})

    @property
    def tasks_of_both_rounds(self) -> int:
        """How many tasks production has at the end."""
        return self.tasks + len(self.loop_world.held_out_units)

    def first_annotator(self, data_hash: str) -> str:
        """Who labelled a production image in round 1."""
        return self.world.production_work[data_hash]

    def _best_for(self, data_hash: str, image: LabelledImage) -> str:
        """By the report of round 1, whose place allows for few tasks: of those who know the image, but for the first.

        In a labels file people have answers for the images they saw, and for no others.
        """
        places: Mapping[str, int] = {line["annotator"]: line["place"] for line in self.reports[0]["annotators"]}
        last = len(places) + 1
        others = sorted(email for email in image.answers if email != self.first_annotator(data_hash))
        return min(others, key=lambda email: places.get(email) or last)

    def _label_again_as(self, email: str, progress: Phase) -> None:
        world = self.loop_world
        person = Relabeller(world.annotators[email], world.production_project, self.sandbox.emulator_url)
        benchmark = {one: image.answers.get(email, ()) for one, image in world.held_out_units.items()}
        production = {one: image.answers.get(email, ()) for one, image in world.production_units.items()}
        person.work_off_consensus(CONSENSUS, benchmark, progress.advance)
        person.relabel(ANNOTATE, production, progress.advance)

    def _complete(self) -> int:
        return self.sandbox.control.tasks_by_stage(self.world.production_project)[COMPLETE]

    @property
    def _predictions(self) -> Path:
        return self._file("predictions.json")

    def _choice(self, name: str) -> Path:
        return self._file(f"{name}.json")

    def _file(self, name: str) -> Path:
        return self.directory / name
