"""A label row far beyond any budget is scored or refused in bounded time and memory; its neighbours are done."""

from typing import Any

import pytest

from tests.integration.service.bad_rows import ROWS, WAYS, measure, platform_with
from tests.integration.service.sandbox import Unit

MOST_PROCESSOR_SECONDS, MOST_MEGABYTES = 10, 500


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ROWS)
def test_a_bad_row_costs_seconds_and_its_neighbours_are_done(pedestrians: dict[str, Any], kind: str, way: str) -> None:
    images = [image for image in pedestrians["images"] if image["ground_truth"]][:4]
    units = [Unit(image, stage="Score") for image in images]
    with platform_with(kind, units) as both, both.serving() as service:
        cell = measure(both, service.pid, way, units)
    assert cell.innocent_done == len(units)
    assert cell.megabytes <= MOST_MEGABYTES
    # Of the service or the command, which does not depend on what else the machine does.
    assert cell.processor_seconds <= MOST_PROCESSOR_SECONDS
