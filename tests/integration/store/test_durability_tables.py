"""The tables of docs/operations.md with real processes: every cell holds, and a crowd loses no score."""

import pytest

from benchmarks import crowded, durability
from tests.integration.store.failing import operated_server
from tests.postgresql import NoServerError


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("failure", durability.FAILURES)
def test_no_task_moves_without_its_scores_and_in_the_end_all_are_there_once(failure: str) -> None:
    try:
        with operated_server(slow_seconds=durability.SLOW_SECONDS) as operator:
            cells = durability.column(operator, failure, list(durability.WAYS))
    except NoServerError as missing:
        pytest.skip(str(missing))
    if "not tried" in cells.values():
        pytest.skip(f"{failure} cannot be tried here")
    assert {way: cell for way, cell in cells.items() if cell not in durability.HOLDS} == {}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_three_instances_with_forty_calls_at_once_lose_no_score_in_a_small_database() -> None:
    try:
        figures = crowded.measure()
    except NoServerError as missing:
        pytest.skip(str(missing))
    assert figures["scores lost"] == figures["scores doubled"] == figures["other answers"] == 0
    assert figures["share of 503"] <= crowded.LARGEST_SHARE_OF_503
    assert figures["seconds"] <= crowded.MOST_SECONDS
