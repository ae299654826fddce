"""The same story with a service that crashes in mid-run, twice, while the emulator calls nobody a second time."""

from demo.progress import unreported
from demo.run import Story
from demo.world import REFINE, REVIEW


class StoryWithCrashes(Story):
    """What a crash makes the service miss is recovered by its own commands, run by hand."""

    def route(self) -> None:
        """The service dies when its first tasks have been routed; the rest of the calls find nobody."""
        with self.phase("Production project: the service is killed while it routes", self.tasks) as progress:
            self.operator.attach([self.world.benchmark_dataset])
            self.wait_for(progress, self.routed, 1)
            self.sandbox.service.kill()
            self.operator.attach([self.world.production_dataset])
            self._bring_back()
            progress.reach(self.routed())
            self.sandbox.benchmark_qa("route")
            self.wait_for(progress, self.routed, self.tasks)

    def review_and_score(self) -> None:
        """The service dies when its first tasks have been scored; the rest wait until `evaluate`."""
        with self.phase("A reviewer approves, the service is killed while it scores", self.tasks) as progress:
            self.reviewer.approve(REVIEW, unreported)
            self.reviewer.approve_consensus(REFINE, unreported, limit=len(self.world.benchmark_units) // 2)
            self.wait_for(progress, self.completed, len(self.world.production_units) + 1)
            self.sandbox.service.kill()
            self.reviewer.approve_consensus(REFINE, unreported)
            self._bring_back()
            progress.reach(self.completed())
            self.sandbox.benchmark_qa("evaluate")
            self.wait_for(progress, self.completed, self.tasks)

    def _bring_back(self) -> None:
        self.sandbox.control.wait_until_idle()
        self.sandbox.service.start()
        self.sandbox.service.wait_until_ready()
