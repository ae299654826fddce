"""The same story with a service that crashes in mid-run, twice, while the emulator calls nobody a second time."""

from demo.progress import unreported
from demo.run import Story
from demo.world import REFINE, REVIEW


class StoryWithCrashes(Story):
    """What a crash makes the service miss is recovered by its own commands, run by hand."""

    def route(self) -> None:
        """The service dies when its first tasks have been routed; the rest of the calls find nobody."""
        with self.phase("The service is killed while it routes", self.tasks) as progress:
            self.operator.attach([self.world.benchmark_dataset])
            self.wait_for(progress, self.routed, 1)
            self.sandbox.service.kill()
            self.operator.attach([self.world.production_dataset])
            self._bring_back()
            self._say(f"{self.tasks - self.routed()} of {self.tasks} tasks were not routed; `benchmark-qa route`")
            self.sandbox.benchmark_qa("route")
            self.wait_for(progress, self.routed, self.tasks)

    def review_and_score(self) -> None:
        """The service dies when its first tasks have been scored; the rest wait until `evaluate`."""
        tasks = len(self.world.benchmark_units)
        self.reviewer.approve(REVIEW, unreported)
        with self.phase("The service is killed while it scores", tasks) as progress:
            self.reviewer.approve_consensus(REFINE, unreported, limit=max(1, tasks // 2))
            self.wait_for(progress, self.scored, 1)
            self.sandbox.service.kill()
            self.reviewer.approve_consensus(REFINE, unreported)
            self._bring_back()
            self._say(f"{tasks - self.scored()} of {tasks} tasks were not scored; `benchmark-qa evaluate`")
            self.sandbox.benchmark_qa("evaluate")
            self.wait_for(progress, self.scored, tasks)

    def _bring_back(self) -> None:
        self.sandbox.control.wait_until_idle()
        self.sandbox.service.start()
        self.sandbox.service.wait_until_ready()

    def _say(self, what: str) -> None:
        self.console.print(f"[dim]  {what}[/]")
