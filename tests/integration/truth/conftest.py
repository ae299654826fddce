"""The pedestrians on an emulator: images that wait for their truth, and the command line run against it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from click.testing import Result
from encord.objects import LabelRowV2
from typer.testing import CliRunner

from benchmark_qa.cli import app
from tests.integration.service.sandbox import BENCHMARK, Sandbox, Unit, platform

Change = Callable[[dict[str, Any]], dict[str, Any]]


class Bench:
    """A sandbox whose benchmark project waits for its truth."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def run(self, *arguments: Any) -> Result:
        """`benchmark-qa ARGUMENTS` in this process: interpreters take their time to start."""
        return CliRunner().invoke(app, [str(each) for each in arguments], env=dict(self.sandbox.environment))

    def rows(self, project: str = BENCHMARK) -> dict[str, LabelRowV2]:
        """Label rows by title, with their labels where they have any."""
        sdk = self.sandbox.client().get_project(project)
        rows = sdk.list_label_rows_v2()
        with sdk.create_bundle() as bundle:
            for row in rows:
                if row.label_hash is not None:
                    row.initialise_labels(bundle=bundle)
        return {row.data_title: row for row in rows}

    def stages(self, project: str = BENCHMARK) -> dict[str, int]:
        """Tasks by the title of their stage."""
        projects = self.sandbox.control("GET", "state")["projects"]
        found = next(each for each in projects if each["hash"] == project)
        return {stage["title"]: stage["tasks"] for stage in found["stages"]}

    def writes(self) -> int:
        """Requests since the last `forget_requests` that save or create label rows, or move tasks."""
        asked = self.sandbox.requests_of_service()
        return sum(
            count
            for name, count in asked.items()
            if name in {"legacy labelrow.POST", "legacy labelrow.PUT", "legacy labelworkflowgraphnode.POST"}
        )


Open = Callable[..., AbstractContextManager[Bench]]


@contextmanager
def bench(
    pedestrians: Mapping[str, Any], images: int | None = None, *, labelled: bool = False, change: Change = dict
) -> Iterator[Bench]:
    """The first so many pedestrian images, with or without their truth on the benchmark project."""
    units = [Unit(image, truth_stage="Complete" if labelled else "Annotate")
             for image in pedestrians["images"][:images]]  # fmt: skip

    def without_truth(world: dict[str, Any]) -> dict[str, Any]:
        return change(world if labelled else {**world, "labels": []})

    with platform(units, change_world=without_truth) as sandbox:
        yield Bench(sandbox)


@pytest.fixture
def opened(pedestrians: dict[str, Any]) -> Open:
    """Opens a bench of pedestrians."""

    def open_bench(images: int | None = None, **options: Any) -> AbstractContextManager[Bench]:
        return bench(pedestrians, images, **options)

    return open_bench
