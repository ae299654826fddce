"""Two instances score while the truth changes, in many random orders."""

from pathlib import Path

import pytest

from tests.unit.tasks.interleaved import Interleaved


@pytest.mark.parametrize(
    ("rounds", "seed"), [(60, 14), pytest.param(1000, 15, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])]
)
def test_no_current_record_of_an_older_truth_however_two_instances_interleave(
    tmp_path: Path, rounds: int, seed: int
) -> None:
    both = Interleaved(tmp_path, seed)
    for number in range(rounds):
        both.begin(number)
        both.run()
        assert both.faults() == []
