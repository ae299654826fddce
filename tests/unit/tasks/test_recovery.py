"""`evaluate` and `rescore`: what passed a scoring stage without a score is made up for, as it was handed in."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from benchmark_qa.encord_api.analytics import TaskAction
from benchmark_qa.encord_api.errors import AccessRefused
from benchmark_qa.encord_api.tasks import QueuedRow
from benchmark_qa.tasks import recovery
from benchmark_qa.tasks.recovery import evaluate_project
from benchmark_qa.tasks.recovery import rescore_project as rescore
from benchmark_qa.tasks.score import Scorer
from tests.unit.tasks.fake_encord import (
    ANNOTATE,
    COMPLETE,
    DATASET,
    LONG_AGO,
    OTHER,
    PRODUCTION,
    REVIEW,
    RIGHT,
    SCORE,
    FakeEncord,
    platform,
    scorer_on,
    unit,
)

HANDED_IN = LONG_AGO + timedelta(hours=1)
PATHWAYS = {"Done": REVIEW, "Redo": ANNOTATE}


def submitted(data_hash: str) -> TaskAction:
    return TaskAction(HANDED_IN, "submit", "ann@example.com", data_hash, ANNOTATE)


def rejected(data_hash: str) -> TaskAction:
    return TaskAction(HANDED_IN + timedelta(hours=1), "reject", "rev@example.com", data_hash, REVIEW)


@pytest.fixture
def history(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeEncord, list[TaskAction]], None]:
    """Says what the emulated platform would answer about its tasks and their history."""

    def say(fake: FakeEncord, actions: list[TaskAction]) -> None:
        monkeypatch.setattr(recovery, "_actions", lambda _: iter(actions))
        monkeypatch.setattr(
            recovery,
            "queued_rows",
            lambda *_: [QueuedRow(h, DATASET, row.stage, None) for h, row in fake.work.items()],
        )

    return say


def scores_of(scorer: Scorer) -> dict[str, float | None]:
    return {record.identity.data_hash: record.score for record in scorer.store.latest(PRODUCTION)}


def test_tasks_at_and_past_the_scoring_stage_are_scored_wherever_they_stand(
    tmp_path: Path, history: Callable[[FakeEncord, list[TaskAction]], None]
) -> None:
    fake = platform(5, pathways=PATHWAYS)
    for number, stage in enumerate((SCORE, REVIEW, COMPLETE, ANNOTATE, ANNOTATE)):
        fake.work[unit(number)].stage = stage
    hashes = [unit(n) for n in range(5)]
    history(fake, [*map(submitted, hashes[:4]), rejected(unit(3))])
    scorer = scorer_on(fake, tmp_path / "scores.sqlite")
    outcome = evaluate_project(scorer)
    assert scores_of(scorer) == {unit(n): 1.0 for n in range(4)}, "the fifth was never handed in"
    assert (outcome.moved, outcome.refused, outcome.late) == (1, (), 0)
    assert fake.moved == [(unit(0), "Done")]
    again = evaluate_project(scorer)
    assert (again.moved, again.refused) == (0, ())
    assert sum(len(scorer.store.history(PRODUCTION, h)) for h in hashes) == 4


@pytest.mark.parametrize("stage", [REVIEW, COMPLETE, ANNOTATE])
def test_labels_edited_since_are_late_and_count_nowhere(
    tmp_path: Path, stage: str, history: Callable[[FakeEncord, list[TaskAction]], None]
) -> None:
    fake = platform(2, pathways=PATHWAYS)
    for number in range(2):
        fake.work[unit(number)].stage = stage
    history(fake, [each for n in range(2) for each in (submitted(unit(n)), rejected(unit(n)))])
    fake.edit(fake.work[unit(1)], OTHER)
    scorer = scorer_on(fake, tmp_path / "scores.sqlite")
    outcome = evaluate_project(scorer)
    assert scores_of(scorer)[unit(0)] == 1.0
    (late,) = scorer.store.history(PRODUCTION, unit(1))
    assert late.identity.late
    assert outcome.late == 1
    assert (unit(1) in scores_of(scorer)) is False


def test_where_nobody_can_tell_when_it_was_handed_in_nobody_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, history: Callable[[FakeEncord, list[TaskAction]], None]
) -> None:
    fake = platform(1, stage=REVIEW, pathways=PATHWAYS)
    history(fake, [])

    def refuse(_: object) -> None:
        raise AccessRefused("no")

    monkeypatch.setattr(recovery, "_actions", refuse)
    scorer = scorer_on(fake, tmp_path / "scores.sqlite")
    ((data_hash, reason),) = evaluate_project(scorer).refused
    assert data_hash == unit(0)
    assert "analytics" in reason
    assert scores_of(scorer) == {}


def test_rescore_says_how_many_it_made_changed_and_left(tmp_path: Path) -> None:
    fake = platform(4, stage=COMPLETE)
    scorer = scorer_on(fake, tmp_path / "scores.sqlite")
    list(scorer.score_in_bundles([unit(n) for n in range(4)]))
    fake.edit(fake.truth[unit(0)], OTHER)
    fake.edit(fake.truth[unit(1)], RIGHT)
    scorer.truth.forget([unit(0), unit(1)])
    outcome = rescore(scorer)
    assert (outcome.made, outcome.changed, outcome.left, outcome.refused) == (2, 1, 2, ())
    outcome = rescore(scorer)
    assert (outcome.made, outcome.changed, outcome.left) == (0, 0, 4)
