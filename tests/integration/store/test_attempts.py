"""Of one person and one data unit the first attempt counts, also where the second took its branch."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

from benchmark_qa.config.deployment import Deployment
from benchmark_qa.quality.from_store import current_leaderboard, report_project
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.store.score_store import SqlScoreStore
from tests.records import NOON, PROJECT, record

DEPLOYMENT = Deployment(
    production_project=UUID(PROJECT), benchmark_projects=(UUID("7a000000-0000-4000-8000-000000000002"),)
)


def scored(label_hash: str, day: int, *, hits: int, engine: str = "1") -> ScoreRecord:
    at = NOON + timedelta(days=day)
    return record(
        1,
        edited=at,
        submitted_at=at,
        scored=at,
        label_hash=label_hash,
        engine_version=engine,
        true_positives=hits,
        false_positives=0,
        false_negatives=3 - hits,
    )


def test_the_first_attempt_counts_with_its_newest_score(tmp_path: Path) -> None:
    store = SqlScoreStore(f"sqlite:///{tmp_path}/scores.sqlite")
    first, again = "1abe1000-0000-4000-8000-00000000000a", "1abe1000-0000-4000-8000-00000000000b"
    store.save([scored(first, 0, hits=1)])
    store.save([scored(first, 1, hits=2)])  # sent back and handed in again: the same attempt
    store.save([scored(again, 5, hits=3)])  # taken off the project and attached again: another one
    for board in (
        current_leaderboard(store, DEPLOYMENT),
        report_project(store, DEPLOYMENT, domain="").leaderboard,
    ):
        (line,) = board.lines
        assert (line.tasks, line.true_positives, line.false_negatives) == (1, 2, 1)
    (then,) = report_project(store, DEPLOYMENT, domain="", as_of=NOON + timedelta(hours=1)).leaderboard.lines
    assert then.true_positives == 1
    store.close()
