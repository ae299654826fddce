"""The world of the loop: benchmark images for two rounds, and production images that are none of them.

Measuring on what one has chosen by would flatter the choice: the benchmark of round 2 is not seen in round 1, and no
production image is in either.
"""

from functools import cached_property
from typing import Any

from demo.labels import LabelledImage, LabelSet
from demo.world import AgentEndpoint, DemoWorld, hash_of

HELD_OUT_DATASET = "Benchmark images, round 2"
SHARES = (2, 1, 2)
"""Of the images: benchmark of round 1, benchmark of round 2, production"""


class LoopWorld(DemoWorld):
    """A demo world whose images are split three ways."""

    def __init__(self, labels: LabelSet, route: AgentEndpoint, score: AgentEndpoint) -> None:
        super().__init__(labels, route, score)
        self.held_out_dataset = hash_of("benchmark data, round 2")
        first = len(labels) * SHARES[0] // sum(SHARES)
        second = first + len(labels) * SHARES[1] // sum(SHARES)
        self._parts = labels.images[:first], labels.images[first:second], labels.images[second:]

    @cached_property
    def benchmark_units(self) -> dict[str, LabelledImage]:
        """The benchmark of round 1, by data hash."""
        return {hash_of(f"benchmark data/{image.id}"): image for image in self._parts[0]}

    @cached_property
    def held_out_units(self) -> dict[str, LabelledImage]:
        """The benchmark of round 2: nobody has met it before, and nothing was chosen by it."""
        return {hash_of(f"benchmark data/{image.id}"): image for image in self._parts[1]}

    @cached_property
    def production_units(self) -> dict[str, LabelledImage]:
        """Images whose truth the service never learns; the demo knows it from its labels."""
        return {hash_of(f"production data/{image.id}"): image for image in self._parts[2]}

    @cached_property
    def held_out_work(self) -> dict[str, list[str]]:
        """Who labels each of the benchmark of round 2."""
        return {data_hash: sorted(image.answers) for data_hash, image in self.held_out_units.items()}

    def world_file(self, *, auto_retries: int) -> dict[str, Any]:
        """The benchmark project has both benchmarks from the start, production only what is attached to it."""
        world = super().world_file(auto_retries=auto_retries)
        world["datasets"].append(self._dataset(self.held_out_dataset, HELD_OUT_DATASET, self.held_out_units))
        world["projects"][0]["datasets"].append(self.held_out_dataset)
        return world
