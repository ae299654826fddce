"""What a ruling on a benchmark item changes: what counts, what is stale, what the log says; and how it is undone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmark_qa.store.action_log import ActionLog, UnknownActionError
from benchmark_qa.store.promotion import SeenTruth, TruthVersions
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.store.truth_rulings import AcceptedAnswers, RulingRefusedError, TruthRulings, scored_versions
from tests.records import NOON, PROJECT, data_hash, record

OTHER_PROJECT = "7a000000-0000-4000-8000-000000000009"
ITEM, OTHER = data_hash(0), data_hash(1)
BY = {"operator": "me@example.com", "reason": "blurred"}
RULES = {"config_fingerprint": "0123456789abcdef", "engine_version": "1"}


@pytest.fixture
def store() -> Iterator[SqlScoreStore]:
    made = SqlScoreStore("sqlite://")
    for project in (PROJECT, OTHER_PROJECT):
        made.save([record(n, production_project=project, true_positives=n + 1) for n in range(2)])
    yield made
    made.close()


@pytest.fixture
def rulings(store: SqlScoreStore) -> TruthRulings:
    return TruthRulings(store.database)


def counted(store: SqlScoreStore, project: str = PROJECT) -> float:
    """True positives that count."""
    return sum(totals["recall"].numerator for totals in store.totals(project).values() if "recall" in totals)


def accepted(rulings: TruthRulings, label: str = "label 1", item: str = ITEM, project: str = PROJECT) -> Any:
    return rulings.accept_also(project, item, label_hash=label, branch_name="encord-1", **BY)


def logged(store: SqlScoreStore) -> list[tuple[str, str, str, str]]:
    entries = ActionLog(store.database).entries(PROJECT, limit=20)
    return [(each.kind, each.subject, each.operator, each.reason) for each in entries]


def test_an_excluded_item_counts_nowhere_and_its_scores_stay(store: SqlScoreStore, rulings: TruthRulings) -> None:
    before = datetime.now(UTC)
    action = rulings.exclude(PROJECT, ITEM, **BY)
    assert (counted(store), counted(store, OTHER_PROJECT), len(store.latest(PROJECT))) == (2, 3, 2)
    (excluded,) = rulings.excluded(PROJECT).values()
    assert (excluded.data_hash, excluded.reason, excluded.operator) == (ITEM, "blurred", "me@example.com")
    assert before <= excluded.excluded_at <= datetime.now(UTC)
    assert rulings.excluded(OTHER_PROJECT) == {}
    assert (action.kind, action.subject, action.production_project) == ("exclude", ITEM, PROJECT)
    assert logged(store) == [("exclude", ITEM, "me@example.com", "blurred")]


def test_a_restored_item_counts_again(store: SqlScoreStore, rulings: TruthRulings) -> None:
    for item in (ITEM, OTHER):
        rulings.exclude(PROJECT, item, **BY)
    rulings.exclude(OTHER_PROJECT, ITEM, **BY)
    action = rulings.restore(PROJECT, ITEM, operator="you@example.com", reason="seen again")
    assert set(rulings.excluded(PROJECT)) == {OTHER}
    assert set(rulings.excluded(OTHER_PROJECT)) == {ITEM}
    assert (counted(store), counted(store, OTHER_PROJECT)) == (1, 2)
    assert action.facts == {"reason": "blurred"}
    assert logged(store)[0] == ("restore", ITEM, "you@example.com", "seen again")


def test_an_item_is_excluded_or_restored_once(store: SqlScoreStore, rulings: TruthRulings) -> None:
    with pytest.raises(RulingRefusedError, match=f"{ITEM} is not excluded"):
        rulings.restore(PROJECT, ITEM, **BY)
    rulings.exclude(PROJECT, ITEM, **BY)
    with pytest.raises(RulingRefusedError, match=f"{ITEM} is excluded already"):
        rulings.exclude(PROJECT, ITEM, **BY)
    with pytest.raises(RulingRefusedError, match=f"{OTHER} is not excluded"):
        rulings.restore(PROJECT, OTHER, **BY)
    assert counted(store) == 2
    assert len(logged(store)) == 1


def test_an_item_without_a_score_may_be_excluded(store: SqlScoreStore, rulings: TruthRulings) -> None:
    rulings.exclude(PROJECT, data_hash(7), **BY)
    assert counted(store) == 3


def stale(store: SqlScoreStore, project: str = PROJECT) -> dict[str, str]:
    marks = store.stale(project, **RULES)
    return {
        each.identity.data_hash: marks[each.identity.key]
        for each in store.latest(project)
        if each.identity.key in marks
    }


def test_another_accepted_answer_makes_the_items_scores_stale(store: SqlScoreStore, rulings: TruthRulings) -> None:
    before = datetime.now(UTC)
    action = accepted(rulings)
    (answer,) = rulings.accepted(PROJECT)[ITEM]
    assert (answer.data_hash, answer.label_hash, answer.branch_name) == (ITEM, "label 1", "encord-1")
    assert answer.operator == "me@example.com"
    assert before <= answer.accepted_at <= datetime.now(UTC)
    assert stale(store) == {ITEM: "another answer is accepted"}
    assert (stale(store, OTHER_PROJECT), rulings.accepted(OTHER_PROJECT)) == ({}, {})
    assert (action.kind, action.facts, action.taken_at) == (
        "accept-also",
        {"label_hash": "label 1"},
        answer.accepted_at,
    )
    assert logged(store) == [("accept-also", ITEM, "me@example.com", "blurred")]


def test_scores_from_before_a_ruling_are_not_current(store: SqlScoreStore, rulings: TruthRulings) -> None:
    versions = TruthVersions(store.database)
    versions.note(PROJECT, {ITEM: SeenTruth("the truth", NOON)})
    at = accepted(rulings).taken_at
    accepted(rulings, item=OTHER)
    found = versions.newest(PROJECT, [ITEM, OTHER])
    assert found[ITEM] == SeenTruth("the truth", at)
    assert (found[OTHER].label_hash, found[OTHER].edited_at >= at) == (None, True)
    late = record(0, truth_label_hash="the truth", truth_edited_at=NOON, edited=NOON + timedelta(days=1))
    assert store.save([late]) == {ITEM}


def test_a_label_row_is_accepted_once_and_several_may_be(rulings: TruthRulings) -> None:
    for label in ("label 2", "label 1"):
        accepted(rulings, label)
    with pytest.raises(RulingRefusedError, match=f"label row label 1 is accepted for data unit {ITEM} already"):
        accepted(rulings)
    accepted(rulings, item=OTHER)
    accepted(rulings, project=OTHER_PROJECT)
    found = rulings.accepted(PROJECT)
    assert {item: [each.label_hash for each in answers] for item, answers in found.items()} == {
        ITEM: ["label 1", "label 2"],
        OTHER: ["label 1"],
    }


def test_the_standing_of_an_item_is_its_answers_and_its_last_ruling(rulings: TruthRulings) -> None:
    assert rulings.standings(PROJECT, [ITEM, OTHER]) == {}
    accepted(rulings, "label 2")
    last = accepted(rulings, "label 1")
    other = accepted(rulings, item=OTHER)
    accepted(rulings, "label 9", project=OTHER_PROJECT)
    rulings.exclude(PROJECT, ITEM, **BY)
    undone = rulings.undo(rulings.exclude(PROJECT, OTHER, **BY).action_id, **BY)
    assert undone.taken_at > other.taken_at
    assert rulings.standings(PROJECT, [ITEM, OTHER, data_hash(7)]) == {
        ITEM: AcceptedAnswers(last.taken_at, ("label 1", "label 2")),
        OTHER: AcceptedAnswers(other.taken_at, ("label 1",)),
    }
    assert set(rulings.standings(PROJECT, [OTHER])) == {OTHER}


def test_a_withdrawn_answer_leaves_the_moment_of_its_withdrawal(store: SqlScoreStore, rulings: TruthRulings) -> None:
    first, second = accepted(rulings, "label 1"), accepted(rulings, "label 2")
    for item, project in ((OTHER, PROJECT), (ITEM, OTHER_PROJECT)):
        accepted(rulings, item=item, project=project)
    undone = rulings.undo(first.action_id, operator="you@example.com", reason="wrong row")
    assert rulings.standings(PROJECT, [ITEM]) == {ITEM: AcceptedAnswers(undone.taken_at, ("label 2",))}
    assert undone.taken_at > second.taken_at
    assert stale(store)[ITEM] == "an accepted answer was withdrawn"
    assert stale(store, OTHER_PROJECT)[ITEM] == "another answer is accepted"
    assert TruthVersions(store.database).newest(PROJECT, [ITEM])[ITEM].edited_at == undone.taken_at
    assert [each.label_hash for each in rulings.accepted(PROJECT)[OTHER]] == ["label 1"]
    assert [each.label_hash for each in rulings.accepted(OTHER_PROJECT)[ITEM]] == ["label 1"]
    rulings.undo(second.action_id, **BY)
    assert rulings.standings(PROJECT, [ITEM])[ITEM].label_hashes == ()


def test_an_undone_exclusion_counts_again_and_an_undone_restoration_does_not(
    store: SqlScoreStore, rulings: TruthRulings
) -> None:
    excluded = rulings.exclude(PROJECT, ITEM, **BY)
    undone = rulings.undo(excluded.action_id, operator="you@example.com", reason="a mistake")
    assert counted(store) == 3
    assert (undone.kind, undone.subject) == ("undo", ITEM)
    assert logged(store)[0] == ("undo", ITEM, "you@example.com", "a mistake")
    rulings.exclude(PROJECT, ITEM, **BY)
    restored = rulings.restore(PROJECT, ITEM, operator="you@example.com", reason="seen again")
    rulings.undo(restored.action_id, operator="she@example.com", reason="blurred indeed")
    assert counted(store) == 2
    (again,) = rulings.excluded(PROJECT).values()
    assert (again.reason, again.operator) == ("blurred", "she@example.com")
    with pytest.raises(UnknownActionError):
        rulings.undo(restored.action_id, **BY)


def test_only_rulings_are_undone_here(store: SqlScoreStore, rulings: TruthRulings) -> None:
    other = ActionLog(store.database).record(PROJECT, kind="send-back", subject=ITEM, **BY)
    with pytest.raises(UnknownActionError, match="a 'send-back' is not undone here"):
        rulings.undo(other.action_id, **BY)


def test_the_truths_of_current_scores_are_listed_by_item(store: SqlScoreStore) -> None:
    against = {"truth_label_hash": "the truth", "truth_edited_at": NOON}
    store.save([record(1, branch_name="encord-2", **against), record(2, **against)])
    store.save([record(0, edited=NOON + timedelta(days=1), **against)])
    found = scored_versions(store.database, PROJECT)
    assert {item: sorted(versions, key=str) for item, versions in found.items()} == {
        ITEM: [("the truth", NOON)],
        data_hash(2): [("the truth", NOON)],
        OTHER: [("the truth", NOON), (None, None)],
    }
    assert scored_versions(store.database, OTHER_PROJECT) == {ITEM: [(None, None)], OTHER: [(None, None)]}
