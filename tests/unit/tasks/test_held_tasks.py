"""No task moves before its score is in the store; where it cannot get there, the task waits or its score is owed."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark_qa.config.settings import Settings
from benchmark_qa.service.service import Service
from benchmark_qa.store.errors import StoreError
from benchmark_qa.tasks.connections import Connections
from benchmark_qa.tasks.drain import drain_scoring_stage, handle_event
from benchmark_qa.tasks.errors import NotSubmitted
from benchmark_qa.tasks.held import NowhereToPass, held
from benchmark_qa.tasks.score import Scorer
from tests.unit.tasks.fake_encord import ANNOTATE, COMPLETE, PRODUCTION, SCORE, platform, scorer_on, unit


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark_qa.store.database.READ_SECONDS", 0.0)
    monkeypatch.setattr("benchmark_qa.store.database.WRITE_SECONDS", 0.0)
    monkeypatch.setattr("benchmark_qa.store.database.SQLITE_BUSY_SECONDS", 0.2)
    held.remove(list(held._since))


def broken(kind: str) -> Callable[[Path], None]:
    """What is done to the file of the database, by what then fails."""

    def look_ups_of(table: str) -> Callable[[Path], None]:
        def rename(path: Path) -> None:
            with sqlite3.connect(path) as connection:
                connection.execute(f"ALTER TABLE {table} RENAME TO {table}_away")

        return rename

    def read_only(path: Path) -> None:
        with sqlite3.connect(path) as connection:
            connection.execute(
                "CREATE TRIGGER no_score BEFORE INSERT ON score_records BEGIN SELECT RAISE(FAIL, 'x'); END"
            )

    return read_only if kind == "writes" else look_ups_of(kind)


def mend(path: Path, kind: str) -> None:
    with sqlite3.connect(path) as connection:
        if kind == "writes":
            connection.execute("DROP TRIGGER no_score")
        else:
            connection.execute(f"ALTER TABLE {kind}_away RENAME TO {kind}")


KINDS = ["writes", "actions", "truth_versions", "score_records", "current_scores"]


def service_of(scorer: Scorer) -> Service:
    settings = Settings.model_construct(config=scorer.projects.deployment)
    service = Service(settings)
    connections = Connections(settings)
    connections.__dict__.update(projects=scorer.projects, store=scorer.store, scorer=scorer)
    service.__dict__["connections"] = connections
    return service


def drain(scorer: Scorer) -> None:
    drain_scoring_stage(scorer, scorer.projects.deployment.stages.scoring[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("right", [True, False])
def test_a_drain_moves_nothing_while_the_store_fails_and_everything_once_it_works(
    tmp_path: Path, kind: str, right: bool, caplog: pytest.LogCaptureFixture
) -> None:
    fake = platform(5, right=right)
    scorer = scorer_on(fake, tmp_path / "scores.sqlite")
    scorer.store.find(["nothing"])
    broken(kind)(tmp_path / "scores.sqlite")
    with pytest.raises(StoreError):
        drain(scorer)
    assert fake.moved == []
    assert held.number() == 5
    assert [r.__dict__["number"] for r in caplog.records if r.__dict__.get("event") == "task_held"] == [5]
    mend(tmp_path / "scores.sqlite", kind)
    drain(scorer)
    assert sorted(fake.moved) == sorted((unit(n), "Done" if right else "Redo") for n in range(5))
    assert len(scorer.store.latest(PRODUCTION)) == 5
    assert held.number() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_an_auto_call_answers_no_pathway_while_the_store_fails(tmp_path: Path, kind: str) -> None:
    scorer = scorer_on(platform(1, right=False), tmp_path / "scores.sqlite")
    service = service_of(scorer)
    scorer.store.find(["nothing"])
    broken(kind)(tmp_path / "scores.sqlite")
    with pytest.raises(StoreError):
        service._score_and_decide(PRODUCTION, unit(0))
    mend(tmp_path / "scores.sqlite", kind)
    assert service._score_and_decide(PRODUCTION, unit(0)).decision == "Redo"
    assert len(scorer.store.latest(PRODUCTION)) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("config", [{}, {"on_store_failure": "pass"}])
def test_an_event_is_never_answered_as_done_when_nothing_was_kept(
    tmp_path: Path, kind: str, config: dict[str, Any]
) -> None:
    scorer = scorer_on(platform(3), tmp_path / "scores.sqlite", **config)
    scorer.store.find(["nothing"])
    broken(kind)(tmp_path / "scores.sqlite")
    with pytest.raises(StoreError):
        handle_event(scorer, PRODUCTION, [unit(n) for n in range(3)])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("right", [True, False])
def test_under_pass_tasks_go_on_but_never_back_to_people(
    tmp_path: Path, kind: str, right: bool, caplog: pytest.LogCaptureFixture
) -> None:
    fake = platform(3, right=right)
    fake.work[unit(2)].stage = ANNOTATE
    scorer = scorer_on(fake, tmp_path / "scores.sqlite", on_store_failure="pass")
    scorer.store.find(["nothing"])
    broken(kind)(tmp_path / "scores.sqlite")
    drain(scorer)
    assert sorted(fake.moved) == sorted([(unit(0), "Done"), (unit(1), "Done")])
    assert sum(r.__dict__["number"] for r in caplog.records if "go on without" in r.getMessage()) == 2
    fake.work[unit(0)].stage = SCORE
    assert service_of(scorer)._score_and_decide(PRODUCTION, unit(0)).decision == "Done"


def test_under_pass_what_cannot_be_scored_anyway_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = platform(2)
    fake.truth[unit(0)].stage = ANNOTATE
    scorer = scorer_on(fake, tmp_path / "scores.sqlite", on_store_failure="pass")
    scorer.store.find(["nothing"])
    broken("writes")(tmp_path / "scores.sqlite")
    drain(scorer)
    assert fake.moved == [(unit(1), "Done")]


@pytest.mark.parametrize(
    "stage",
    [
        {"name": "Score", "fail_pathway": "Redo"},
        {"name": "Score", "pass_pathway": "Redo"},
        {"name": "Score", "pass_pathway": "Back", "fail_pathway": "Redo"},
    ],
)
def test_under_pass_a_task_waits_where_no_pathway_is_safe(tmp_path: Path, stage: dict[str, str]) -> None:
    fake = platform(1, pathways={"Done": COMPLETE, "Redo": ANNOTATE, "Back": ANNOTATE})
    scorer = scorer_on(fake, tmp_path / "s.sqlite", on_store_failure="pass", stages={"scoring": [stage]})
    scorer.store.find(["nothing"])
    broken("writes")(tmp_path / "s.sqlite")
    with pytest.raises(NowhereToPass):
        drain(scorer)
    with pytest.raises(NowhereToPass):
        service_of(scorer)._score_and_decide(PRODUCTION, unit(0))
    assert fake.moved == []


def test_what_was_recorded_before_the_store_failed_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = platform(4)
    scorer = scorer_on(fake, tmp_path / "scores.sqlite")
    drained = [unit(0), unit(1)]
    list(scorer.score_in_bundles(drained))
    broken("writes")(tmp_path / "scores.sqlite")
    with pytest.raises(StoreError):
        drain(scorer)
    assert sorted(h for h, _ in fake.moved) == sorted(drained)


def test_a_score_that_is_saved_and_a_move_that_fails_are_made_up_for_once(tmp_path: Path) -> None:
    fake = platform(3)
    scorer = scorer_on(fake, tmp_path / "scores.sqlite")

    class LostAnswer(Exception):
        pass

    def lose(_project: str, _stage: str, _moves: object) -> None:
        raise LostAnswer

    fake.__dict__["proceed"] = lose
    with pytest.raises(LostAnswer):
        drain(scorer)
    assert len(scorer.store.latest(PRODUCTION)) == 3
    del fake.__dict__["proceed"]
    drain(scorer)
    drain(scorer)
    assert len(fake.moved) == 3
    assert len(scorer.store.latest(PRODUCTION)) == 3


def test_a_refusal_is_not_held(tmp_path: Path) -> None:
    scorer = scorer_on(platform(1, stage=ANNOTATE), tmp_path / "scores.sqlite")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmark_qa.encord_api.reviews.PeoplesWork.submitted_parts", lambda *_: set())
        with pytest.raises(NotSubmitted):
            service_of(scorer)._score_and_decide(PRODUCTION, unit(0))
    assert held.number() == 0
