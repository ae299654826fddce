"""The story: the truth is finished, tasks are routed, people label, reviewers approve, the service scores."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from rich.console import Console

from demo.control import StuckError
from demo.people import Annotator, Operator, Reviewer
from demo.progress import Phase, phase, unreported
from demo.sandbox import Sandbox
from demo.world import ANNOTATE, COMPLETE, CONSENSUS, REFINE, REVIEW, ROUTE

PEOPLE_AT_A_TIME = 3
POLL_SECONDS = 0.1


class Story:
    """What happens, in order. Every step goes through the SDK, or is Encord calling the service."""

    def __init__(self, sandbox: Sandbox, console: Console) -> None:
        self.sandbox = sandbox
        self.world = sandbox.world
        self.console = console
        self.operator = Operator(self.world.operator, self.world.production_project, sandbox.emulator_url)
        self.reviewer = Reviewer(self.world.reviewer, self.world.production_project, sandbox.emulator_url)

    def tell(self) -> None:
        """From the first label to the last score."""
        self.finish_truth()
        self.route()
        self.hand_out_work()
        self.label()
        self.review_and_score()

    def finish_truth(self) -> None:
        """An expert labels the benchmark project and a reviewer approves: its tasks end in Complete."""
        world, url = self.world, self.sandbox.emulator_url
        units = world.benchmark_units
        operator = Operator(world.operator, world.benchmark_project, url)
        expert = Annotator(world.expert, world.benchmark_project, url)
        reviewer = Reviewer(world.reviewer, world.benchmark_project, url)
        truth = {data_hash: image.truth for data_hash, image in units.items()}
        with self.phase("An expert finishes the benchmark's truth", len(units)) as progress:
            operator.hand_out(ANNOTATE, dict.fromkeys(units, world.expert.email))
            expert.work_off(ANNOTATE, truth, unreported)
            reviewer.approve(REVIEW, progress.advance)

    def route(self) -> None:
        """Both datasets are attached to production: Encord calls the service once for each of their tasks."""
        with self.phase("The service routes production's tasks", self.tasks) as progress:
            self.sandbox.control.count_anew()
            self.operator.attach([self.world.benchmark_dataset, self.world.production_dataset])
            self.wait_for(progress, self.routed, self.tasks)
        self._show_cost_of_routing()

    def _show_cost_of_routing(self) -> None:
        """A data unit's metadata is all that a decision needs; the projects are opened once."""
        asked = self.sandbox.control.requests_of(self.world.service.email)
        decisions = asked.pop("legacy labelrowmetadata.GET", 0)
        self.console.print(
            f"[dim]  {self.tasks:,} tasks routed with {decisions:,} requests to Encord, "
            f"and {asked.total():,} to open the projects[/]"
        )

    def hand_out_work(self) -> None:
        """A consensus task to each of the people who know the image, a production task to one of them."""
        with self.phase("An operator hands the work out", self.submissions) as progress:
            self.operator.hand_out_consensus(CONSENSUS, self.world.consensus_work)
            self.operator.hand_out(ANNOTATE, self.world.production_work)
            progress.reach(self.submissions)

    def label(self) -> None:
        """Everybody labels what is theirs and submits it."""
        annotators = self.world.annotators
        with (
            self.phase(f"{len(annotators)} annotators label and submit", self.submissions) as progress,
            ThreadPoolExecutor(PEOPLE_AT_A_TIME) as people,
        ):
            work = [people.submit(self._label_as, email, progress) for email in annotators]
            try:
                for done in work:
                    done.result()
            finally:
                people.shutdown(wait=False, cancel_futures=True)

    def _label_as(self, email: str, progress: Phase) -> None:
        world = self.world
        annotator = Annotator(world.annotators[email], world.production_project, self.sandbox.emulator_url)
        benchmark = {one: image.answers.get(email, ()) for one, image in world.benchmark_units.items()}
        production = {one: image.answers.get(email, ()) for one, image in world.production_units.items()}
        annotator.work_off_consensus(CONSENSUS, benchmark, progress.advance)
        annotator.work_off(ANNOTATE, production, progress.advance)

    def review_and_score(self) -> None:
        """The reviewer approves; Encord calls the service for each benchmark task; all end in Complete."""
        with self.phase("A reviewer approves", self.tasks) as progress:
            self.reviewer.approve(REVIEW, progress.advance)
            self.reviewer.approve_consensus(REFINE, progress.advance)
        with self.phase("The service scores benchmark tasks", len(self.world.benchmark_units)) as progress:
            self.wait_for(progress, self.scored, len(self.world.benchmark_units))

    @property
    def tasks(self) -> int:
        """How many tasks production has."""
        return len(self.world.benchmark_units) + len(self.world.production_units)

    @property
    def submissions(self) -> int:
        """How many answers production waits for: one a production task, several a benchmark task."""
        return sum(map(len, self.world.consensus_work.values())) + len(self.world.production_work)

    def routed(self) -> int:
        """How many tasks have left the routing stage."""
        stages = self.sandbox.control.tasks_by_stage(self.world.production_project)
        return sum(stages.values()) - stages[ROUTE]

    def scored(self) -> int:
        """How many benchmark tasks have left the scoring stage; needs production's to be approved."""
        stages = self.sandbox.control.tasks_by_stage(self.world.production_project)
        return stages[COMPLETE] - len(self.world.production_units)

    def phase(self, description: str, total: int) -> AbstractContextManager[Phase]:
        """Show a phase of the story."""
        return phase(self.console, description, total)

    def wait_for(self, progress: Phase, count: Callable[[], int], total: int) -> None:
        """Follow tasks that move without us. Raises `StuckError` when Encord has no call left to make for them."""
        control = self.sandbox.control
        while (done := count()) < total:
            progress.reach(done)
            self.sandbox.service.check()
            self.sandbox.emulator.check()
            if control.is_idle() and count() < total:
                raise StuckError(control.failures())
            time.sleep(POLL_SECONDS)
        progress.reach(total)
