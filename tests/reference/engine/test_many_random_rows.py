"""The laws of `tests/unit/engine/test_random_rows.py` on 10,000 rows."""

import pytest

from tests.unit.engine.random_rows import MODALITIES
from tests.unit.engine.row_laws import assert_a_planted_edit_is_told, assert_scores_one_against_itself

ROWS = 10_000


@pytest.mark.slow
@pytest.mark.parametrize("modality", range(len(MODALITIES)), ids=MODALITIES)
def test_ten_thousand_rows_score_one_against_themselves_and_tell_a_planted_edit(modality: int) -> None:
    seeds = range(modality, ROWS, len(MODALITIES))
    assert sum(map(assert_scores_one_against_itself, seeds)) > len(seeds) / 4
    assert sum(map(assert_a_planted_edit_is_told, seeds)) > 0
