"""score(x, x) is 1 with no conflict for whatever the SDK can write, and a single planted edit is told exactly."""

import pytest

from tests.unit.engine.random_rows import MODALITIES
from tests.unit.engine.row_laws import assert_a_planted_edit_is_told, assert_scores_one_against_itself

ROWS = 8
"""For each modality; `tests/reference` looks at 25, and at 10,000 in all."""


@pytest.mark.parametrize("modality", range(len(MODALITIES)), ids=MODALITIES)
def test_a_row_scores_one_against_itself_after_any_edits(modality: int) -> None:
    scored = [assert_scores_one_against_itself(modality + len(MODALITIES) * turn) for turn in range(ROWS)]
    assert sum(scored) > ROWS / 4


@pytest.mark.parametrize("modality", range(len(MODALITIES)), ids=MODALITIES)
def test_a_single_planted_edit_is_told_exactly(modality: int) -> None:
    told = sum(assert_a_planted_edit_is_told(modality + len(MODALITIES) * turn) for turn in range(ROWS))
    assert told > 0
