"""The laws of `tests/unit/engine/test_random_rows.py` on 25 rows of each modality, and on 10,000 rows."""

import pytest

from tests.unit.engine.random_rows import MODALITIES
from tests.unit.engine.row_laws import assert_a_planted_edit_is_told, assert_scores_one_against_itself


@pytest.mark.timeout(1_800)  # 300 s do not do for 900 rows on a busy machine
@pytest.mark.parametrize("rows", [25 * len(MODALITIES), pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("modality", range(len(MODALITIES)), ids=MODALITIES)
def test_many_rows_score_one_against_themselves_and_tell_a_planted_edit(modality: int, rows: int) -> None:
    seeds = range(modality, rows, len(MODALITIES))
    assert sum(map(assert_scores_one_against_itself, seeds)) > len(seeds) / 4
    assert sum(map(assert_a_planted_edit_is_told, seeds)) > 0
