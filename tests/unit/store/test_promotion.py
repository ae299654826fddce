"""Which of several records of a task is current, what the sums then say, and which are against an older truth."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.store import promotion as module
from benchmark_qa.store.promotion import SeenTruth, TruthVersions, promote, truths_of
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.store.truth_rulings import TruthRulings
from tests.records import NOON, PROJECT, data_hash, record

OTHER_PROJECT = "7a000000-0000-4000-8000-000000000009"
RULES = {"config_fingerprint": "0123456789abcdef", "engine_version": "1"}


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def version(
    number: int = 0, *, truth: float | None = 1, edited: float | None = 1, scored: float = 1, **fields: Any
) -> Any:
    """A record against the truth of one minute, of labels edited in another, scored in a third."""
    return record(
        number,
        scored=at(scored),
        labels_edited_at=None if edited is None else at(edited),
        truth_label_hash="the truth",
        truth_edited_at=None if truth is None else at(truth),
        **fields,
    )


@pytest.fixture
def store() -> Iterator[SqlScoreStore]:
    made = SqlScoreStore("sqlite://")
    yield made
    made.close()


def sums(store: SqlScoreStore, project: str = PROJECT) -> dict[str | None, tuple[float, float]]:
    """True positives and tasks by annotator: what the report adds up."""
    totals = store.totals(project)
    return {name: (each["recall"].numerator, each["recall"].tasks) for name, each in totals.items() if "recall" in each}


def saved(store: SqlScoreStore, *records: ScoreRecord) -> list[frozenset[str]]:
    return [store.save([each]) for each in records]


def right(number: int, **fields: Any) -> ScoreRecord:
    """With so many true positives, so that the sums tell which record counts."""
    made: ScoreRecord = version(true_positives=number, false_negatives=0, **fields)
    return made


ORDERED = {
    "newer truth before everything": [right(1, truth=1, edited=9, scored=9), right(2, truth=2, edited=1, scored=1)],
    "a later edit before the time of scoring": [right(1, edited=1, scored=9), right(2, edited=2, scored=1)],
    "of the same labels the later scoring": [
        right(1, scored=1, engine_version="1"),
        right(2, scored=2, engine_version="2"),
    ],
    "no truth at all is the oldest": [right(1, truth=None, edited=9, scored=9), right(2, truth=0)],
    "labels without an edit are the oldest": [right(1, edited=None, scored=9), right(2, edited=0)],
}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("kind", ORDERED)
def test_the_newer_record_is_current_in_whatever_order_they_come(
    store: SqlScoreStore, kind: str, together: bool
) -> None:
    older, newer = ORDERED[kind]
    for first, second in permutations((older, newer)):
        if together:
            store.save([first, second])
        else:
            saved(store, first, second)
        assert store.latest(PROJECT) == [newer]
        assert sums(store) == {"zoë@example.com": (2, 1)}
        store.database.rebuild()
        assert store.latest(PROJECT) == [newer]
        with store.database.writing() as connection:
            for table in (module.current_scores, module.score_records, module.truth_versions):
                connection.execute(table.delete())
        store.database.rebuild()


def test_of_records_that_are_alike_in_all_moments_the_same_one_is_current_everywhere(store: SqlScoreStore) -> None:
    twins = [right(1, engine_version="1"), right(2, engine_version="2")]
    winner = min(twins, key=lambda each: each.identity.key)
    for order in permutations(twins):
        store = SqlScoreStore("sqlite://")
        saved(store, *order)
        assert store.latest(PROJECT) == [winner]
        together = SqlScoreStore("sqlite://")
        together.save(order)
        assert together.latest(PROJECT) == [winner]
        together.database.rebuild()
        assert together.latest(PROJECT) == [winner]


def test_branches_data_units_and_projects_are_tasks_of_their_own(store: SqlScoreStore) -> None:
    records = [
        right(1),
        right(2, branch_name="encord-2"),
        version(1, true_positives=4, false_negatives=0),
        right(8, production_project=OTHER_PROJECT),
    ]
    store.save(records)
    assert len(store.latest(PROJECT)) == 3
    assert sums(store) == {"zoë@example.com": (7, 3)}
    assert sums(store, OTHER_PROJECT) == {"zoë@example.com": (8, 1)}
    store.save([right(16, edited=2), right(32, edited=2, production_project=OTHER_PROJECT)])
    assert sums(store) == {"zoë@example.com": (22, 3)}
    assert sums(store, OTHER_PROJECT) == {"zoë@example.com": (32, 1)}


def test_the_sums_follow_when_a_record_is_replaced_by_another_annotators(store: SqlScoreStore) -> None:
    saved(store, right(1), right(2, edited=2, annotator="ben@example.com"))
    assert {name: each for name, each in sums(store).items() if each[1]} == {"ben@example.com": (2, 1)}


def test_a_record_saved_twice_counts_once(store: SqlScoreStore) -> None:
    saved(store, right(1), right(1))
    store.save([right(1), right(1)])
    assert sums(store) == {"zoë@example.com": (1, 1)}


def test_an_affirmed_record_stays_and_is_as_of_the_moment(store: SqlScoreStore) -> None:
    store.save([right(1)])
    store.mark_stale(PROJECT, [data_hash(0)], "changed")
    store.affirm([right(1).identity.key], as_of=at(9))
    assert store.stale(PROJECT, **RULES) == {}
    assert sums(store) == {"zoë@example.com": (1, 1)}


def test_an_older_record_that_is_affirmed_replaces_one_scored_before_that_moment(store: SqlScoreStore) -> None:
    first, second = right(1, scored=1, engine_version="1"), right(2, scored=2, engine_version="2")
    saved(store, first, second)
    store.affirm([first.identity.key], as_of=at(1))
    assert store.latest(PROJECT) == [second]
    store.affirm([first.identity.key], as_of=at(3))
    assert store.latest(PROJECT) == [first]
    assert sums(store) == {"zoë@example.com": (1, 1)}
    assert store.scored_data_units(PROJECT, since=at(3)) == [data_hash(0)]


def test_a_record_that_is_current_already_does_not_stop_the_others(store: SqlScoreStore) -> None:
    def of(number: int, engine: str, scored: int) -> ScoreRecord:
        made: ScoreRecord = version(number, scored=scored, engine_version=engine)
        return made

    store.save([of(n, engine, scored) for n in range(3) for engine, scored in (("1", 1), ("2", 2))])
    store.affirm([of(1, "2", 2).identity.key, *(of(n, "1", 1).identity.key for n in (0, 2))], as_of=at(9))
    assert [each.identity.engine_version for each in store.latest(PROJECT)] == ["1", "2", "1"]


def test_a_replacement_is_no_longer_stale_and_has_its_own_time(store: SqlScoreStore) -> None:
    store.save([right(1)])
    store.mark_stale(PROJECT, [data_hash(0)], "changed")
    store.save([right(2, edited=2, scored=5)])
    assert store.stale(PROJECT, **RULES) == {}
    assert store.scored_data_units(PROJECT, since=at(5)) == [data_hash(0)]


def test_a_late_record_is_never_current_and_does_not_say_what_the_truth_is(store: SqlScoreStore) -> None:
    assert store.save([right(1, truth=5, late=True)]) == frozenset()
    assert (store.latest(PROJECT), store.totals(PROJECT)) == ([], {})
    assert store.save([right(2, truth=1), right(4, truth=9, edited=9, late=True)]) == frozenset()
    assert sums(store) == {"zoë@example.com": (2, 1)}


def test_records_against_an_older_truth_are_named_and_do_not_count(store: SqlScoreStore) -> None:
    TruthVersions(store.database).note(PROJECT, {data_hash(0): SeenTruth("the truth", at(2))})
    others = version(1, true_positives=4, false_negatives=0)
    assert store.save([right(1, truth=1), right(2, truth=None, branch_name="encord-2"), others]) == {data_hash(0)}
    assert store.latest(PROJECT) == [others]
    assert sums(store) == {"zoë@example.com": (4, 1)}
    assert store.save([right(8, truth=2)]) == frozenset()
    assert sums(store) == {"zoë@example.com": (12, 2)}


def test_of_records_saved_together_the_newest_truth_is_known_to_all(store: SqlScoreStore) -> None:
    newer = right(2, truth=2, branch_name="encord-2")
    assert store.save([right(1, truth=1), newer]) == {data_hash(0)}
    assert store.latest(PROJECT) == [newer]
    assert TruthVersions(store.database).newest(PROJECT, [data_hash(0)]) == {
        data_hash(0): SeenTruth("the truth", at(2))
    }


def test_where_another_row_became_the_truth_scores_against_the_old_one_give_way(store: SqlScoreStore) -> None:
    store.save([right(1, truth=5, edited=5, scored=5)])
    TruthVersions(store.database).note(PROJECT, {data_hash(0): SeenTruth("another row", at(2))}, instead=True)
    again = right(2, truth=2, edited=1, scored=6)
    assert store.save([again]) == frozenset()
    assert store.latest(PROJECT) == [again]
    assert sums(store) == {"zoë@example.com": (2, 1)}


def test_a_score_without_a_truth_does_not_give_way_to_an_older_one(store: SqlScoreStore) -> None:
    newer, older = right(2, truth=None, edited=2), right(1, truth=None, edited=1)
    saved(store, newer, older)
    assert store.latest(PROJECT) == [newer]


def test_the_score_of_an_excluded_item_becomes_current_and_adds_to_no_sum(store: SqlScoreStore) -> None:
    rulings = TruthRulings(store.database)
    store.save([right(1), version(1, true_positives=4, false_negatives=0)])
    rulings.exclude(PROJECT, data_hash(0), operator="me", reason="blurred")
    assert sums(store) == {"zoë@example.com": (4, 1)}
    newer = right(2, edited=2)
    store.save([newer, right(8, branch_name="encord-2"), right(16, production_project=OTHER_PROJECT)])
    assert newer in store.latest(PROJECT)
    assert sums(store) == {"zoë@example.com": (4, 1)}
    assert sums(store, OTHER_PROJECT) == {"zoë@example.com": (16, 1)}
    rulings.restore(PROJECT, data_hash(0), operator="me", reason="seen again")
    assert sums(store) == {"zoë@example.com": (14, 3)}


def test_nothing_to_promote_writes_nothing(store: SqlScoreStore) -> None:
    with store.database.writing() as connection:
        assert promote(connection, []) == frozenset()
        assert promote(connection, [right(1, late=True)]) == frozenset()
    assert store.latest(PROJECT) == []


def seen(minutes: float, label: str = "label") -> SeenTruth:
    return SeenTruth(label, at(minutes))


def test_the_newest_truth_that_anybody_saw_is_kept(store: SqlScoreStore) -> None:
    versions = TruthVersions(store.database)
    first, second = data_hash(0), data_hash(1)
    versions.note(PROJECT, {second: seen(5), first: seen(5)})
    versions.note(PROJECT, {first: seen(4, "older"), second: seen(6, "newer")})
    versions.note(PROJECT, {first: seen(5, "as old")})
    versions.note(OTHER_PROJECT, {first: seen(9)})
    versions.note(PROJECT, {})
    assert versions.newest(PROJECT, [first, second, data_hash(2)]) == {first: seen(5), second: seen(6, "newer")}
    assert versions.newest(PROJECT, []) == {}
    versions.note(PROJECT, {first: seen(1, "another row")}, instead=True)
    assert versions.newest(PROJECT, [first]) == {first: seen(1, "another row")}


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_versions_are_found_however_many_are_asked_for(
    store: SqlScoreStore, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(module, "_HASHES_PER_QUERY", 2)
    versions = {data_hash(n): seen(n) for n in range(number)}
    TruthVersions(store.database).note(PROJECT, versions)
    assert TruthVersions(store.database).newest(PROJECT, [*versions, *versions]) == versions


@pytest.mark.parametrize(("minutes", "newer"), [(2, False), (2.001, False), (1.999, True), (None, True)])
def test_a_truth_is_newer_than_a_score_only_if_it_was_edited_later(minutes: float | None, newer: bool) -> None:
    assert seen(2).is_newer_than(None if minutes is None else at(minutes)) is newer


def test_the_truth_of_records_is_the_newest_of_each_item() -> None:
    def of(number: int, minutes: float | None, label: str, **fields: Any) -> ScoreRecord:
        moment = None if minutes is None else at(minutes)
        return record(number, truth_label_hash=label, truth_edited_at=moment, **fields)

    records: Sequence[ScoreRecord] = [
        of(0, None, "none"),
        of(0, 2, "newest"),
        of(0, 1, "older"),
        of(0, 2, "as new"),
        of(1, None, "none"),
        of(2, 3, "the truth", production_project=OTHER_PROJECT),
    ]
    assert truths_of(records) == {
        PROJECT: {data_hash(0): seen(2, "newest")},
        OTHER_PROJECT: {data_hash(2): seen(3, "the truth")},
    }
