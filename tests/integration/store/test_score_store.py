"""Score records: upserts under deterministic keys, history, what counts, and the sums kept along."""

import json
import random
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text

from benchmark_qa.records.figures import totals_of
from benchmark_qa.records.score import FIGURES, PersonsWork, ScoreRecord, WorkReading
from benchmark_qa.records.sketch import Answered, Mark, Sketch
from benchmark_qa.store.action_log import ActionLog
from benchmark_qa.store.erasure import erase_before, erase_person
from benchmark_qa.store.errors import StoreError
from benchmark_qa.store.exposure import KeptWork
from benchmark_qa.store.promotion import promote
from benchmark_qa.store.schema import columns_of, score_records
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.store.truth_rulings import TruthRulings
from tests.records import NOON, PROJECT, data_hash, record

SKETCH = Sketch(
    frame=3,
    frames=2,
    aspect=1.777778,
    truth=(Mark("pedestrian", 0.1, 0.2, 0.3, 0.4),),
    answers=(Answered("QQ", "Indigo Bunting", "yes", None),),
    left_out=1,
)


def assert_sums_are_those_of(store: SqlScoreStore, records: list[ScoreRecord]) -> None:
    """The kept sums, and what the records that count add up to."""
    kept = store.totals(PROJECT)
    annotators = {each.annotator for each in records}
    assert set(kept) == annotators
    for annotator in annotators:
        fresh = totals_of(each for each in records if each.annotator == annotator)
        assert set(kept[annotator]) == set(fresh)
        for figure in fresh:
            sums = fresh[figure]
            assert kept[annotator][figure].tasks == sums.tasks
            assert kept[annotator][figure].tasks_with_shortfall == sums.tasks_with_shortfall
            assert kept[annotator][figure].numerator == pytest.approx(sums.numerator, abs=1e-9)
            assert kept[annotator][figure].product == pytest.approx(sums.product, abs=1e-9)


def at_once(count: int, work: Callable[[int], None]) -> None:
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_what_is_saved_is_found_again_field_by_field(store: SqlScoreStore) -> None:
    whole = record(
        sketch=SKETCH, dataset_hash="da7a0000-0000-4000-8000-000000000001", attributes_correct=1.5, attributes_total=2
    )
    store.save([whole])
    assert store.find([whole.identity.key]) == {whole.identity.key: whole}
    # PostgreSQL and SQLite write the same JSON with other spaces.
    documents = (whole.details, SKETCH.to_dict())
    assert store.size_of_details([whole.identity.key, "no such key"]) == pytest.approx(
        sum(len(json.dumps(document, ensure_ascii=False)) for document in documents), rel=0.2
    )
    assert store.size_of_details([]) == 0
    assert store.latest(PROJECT) == store.history(PROJECT, whole.identity.data_hash) == [whole]


def test_the_same_delivery_twice_changes_nothing(store: SqlScoreStore) -> None:
    store.save([record()])
    store.save([replace(record(), scored_at=NOON + timedelta(hours=1), score=0.9), record()])
    assert store.latest(PROJECT) == [record()]
    assert_sums_are_those_of(store, [record()])


def test_a_score_of_changed_labels_is_a_new_version_and_the_newest_counts(store: SqlScoreStore) -> None:
    later = NOON + timedelta(days=1)
    new = record(edited=later, scored=later, score=0.8, true_positives=5)
    store.save([record()])
    store.save([new])
    assert store.latest(PROJECT) == [new]
    assert store.history(PROJECT, data_hash(0)) == [record(), new]
    assert_sums_are_those_of(store, [new])


def test_versions_that_arrive_in_the_wrong_order_end_as_if_in_the_right_one(store: SqlScoreStore) -> None:
    later = NOON + timedelta(days=1)
    store.save([record(edited=later, scored=later, score=0.8)])
    store.save([record()])
    assert [each.score for each in store.latest(PROJECT)] == [0.8]


def test_the_past_can_be_asked_for(store: SqlScoreStore) -> None:
    later = NOON + timedelta(days=1)
    store.save([record(0), record(0, edited=later, scored=later, score=0.8), record(1, scored=later)])
    assert store.as_of(PROJECT, NOON + timedelta(hours=1)) == [record(0)]
    assert store.as_of(PROJECT, later) == store.latest(PROJECT)
    assert store.as_of(PROJECT, NOON - timedelta(hours=1)) == []


def test_a_branch_that_another_annotator_takes_over_leaves_the_first_ones_sums(store: SqlScoreStore) -> None:
    later = NOON + timedelta(days=1)
    store.save([record(annotator="a@x.org"), record(1, annotator="a@x.org")])
    store.save([record(annotator="b@x.org", edited=later, scored=later)])
    assert {name: totals["tasks"].tasks for name, totals in store.totals(PROJECT).items()} == {
        "a@x.org": 1,
        "b@x.org": 1,
    }


def random_record(random_: random.Random) -> ScoreRecord:
    minutes = random_.randrange(5)
    tp, total = random_.randrange(4), random_.randrange(3)
    return record(
        random_.randrange(12),
        branch_name=f"encord-{random_.randrange(3)}",
        edited=NOON + timedelta(minutes=minutes),
        scored=NOON + timedelta(minutes=minutes),
        annotator=random_.choice(["a@x.org", "b@x.org", None]),
        score=random_.choice([None, random_.random()]),
        passed=random_.choice([None, True, False]),
        true_positives=tp,
        false_positives=random_.randrange(3),
        false_negatives=random_.randrange(3),
        similarity_sum=tp * random_.uniform(0.5, 1.0),
        classifications_correct=total * random_.random(),
        classifications_total=total,
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_kept_sums_are_those_of_what_counts_whatever_happens(store: SqlScoreStore, seed: int) -> None:
    random_ = random.Random(seed)
    rulings = TruthRulings(store.database)
    excluded: set[str] = set()
    for _ in range(25):
        store.save([random_record(random_) for _ in range(random_.randrange(1, 12))])
        item = data_hash(random_.randrange(12))
        if item in excluded:
            rulings.restore(PROJECT, item, operator="me", reason="looked at")
        else:
            rulings.exclude(PROJECT, item, operator="me", reason="odd")
        excluded ^= {item}
        counted = [each for each in store.latest(PROJECT) if each.identity.data_hash not in excluded]
        assert_sums_are_those_of(store, counted)
    assert store.latest(PROJECT) == store.as_of(PROJECT, NOON + timedelta(days=1))


def test_eight_writers_with_duplicates_lose_and_double_nothing(store: SqlScoreStore) -> None:
    everything = [random_record(random.Random(number)) for number in range(300)]
    unique = {each.identity.key: each for each in reversed(everything)}

    def write(number: int) -> None:
        mine = list(unique.values())
        random.Random(number).shuffle(mine)
        for start in range(0, len(mine), 25):
            store.save(mine[start : start + 25])

    at_once(8, write)
    latest = store.latest(PROJECT)
    assert {each.identity.key for each in store.find(list(unique)).values()} == set(unique)
    assert latest == store.as_of(PROJECT, NOON + timedelta(days=1))
    assert_sums_are_those_of(store, latest)


def test_items_excluded_while_scores_arrive_leave_the_sums_right(store: SqlScoreStore) -> None:
    rulings = TruthRulings(store.database)

    def work(number: int) -> None:
        if number == 0:
            for item in range(10):
                rulings.exclude(PROJECT, data_hash(item), operator="me", reason="odd")
        else:
            for item in range(20):
                store.save([record(item, branch_name=f"encord-{number}")])

    at_once(4, work)
    counted = [each for each in store.latest(PROJECT) if each.identity.data_hash >= data_hash(10)]
    assert len(counted) == 30
    assert_sums_are_those_of(store, counted)


def test_scores_made_by_other_rules_or_marked_are_stale_until_a_new_one_counts(store: SqlScoreStore) -> None:
    later = NOON + timedelta(days=1)
    store.save([record(0), record(1), record(2, config_fingerprint="other"), record(3, engine_version="0")])
    store.mark_stale(PROJECT, [data_hash(1)], "the ground truth has changed")

    def stale() -> dict[str, str]:
        return store.stale(PROJECT, config_fingerprint="0123456789abcdef", engine_version="1")

    assert stale() == {
        record(1).identity.key: "the ground truth has changed",
        record(2, config_fingerprint="other").identity.key: "the scoring rules have changed",
        record(3, engine_version="0").identity.key: "the engine has changed",
    }
    store.save([record(1, truth_edited_at=later, scored=later), record(2, scored=later), record(3, scored=later)])
    assert stale() == {}


def test_going_back_to_old_rules_lets_the_old_score_count_again(store: SqlScoreStore) -> None:
    old, new = record(score=0.4), record(config_fingerprint="new", scored=NOON + timedelta(days=1), score=0.6)
    store.save([old])
    store.save([new])
    later = NOON + timedelta(days=2)
    store.affirm([old.identity.key], as_of=later)
    assert store.latest(PROJECT) == [old]
    assert_sums_are_those_of(store, [old])
    store.affirm([old.identity.key], as_of=later)
    assert_sums_are_those_of(store, [old])


def test_a_score_of_newer_labels_made_while_an_older_one_is_looked_up_stays_the_one_that_counts(
    store: SqlScoreStore,
) -> None:
    """Somebody looks up the old score, somebody else scores new labels, and only then the old score is affirmed."""
    old, looked_up = record(score=0.4), NOON + timedelta(hours=1)
    new = record(edited=NOON + timedelta(hours=2), scored=NOON + timedelta(hours=2), score=0.6)
    store.save([old])
    store.save([new])
    store.affirm([old.identity.key, new.identity.key], as_of=looked_up)
    assert store.latest(PROJECT) == [new]
    assert_sums_are_those_of(store, [new])


def test_a_person_is_forgotten_everywhere(store: SqlScoreStore) -> None:
    store.save([record(0, annotator="a@x.org"), record(1, annotator="a@x.org"), record(2, annotator="b@x.org")])
    log = ActionLog(store.database)
    facts = {"tasks": [{"uuid": "1", "assignee": "a@x.org"}]}
    log.record(PROJECT, kind="release-tasks", operator="me", subject="a@x.org", reason="below the bar", facts=facts)
    assert erase_person(store.database, "a@x.org", operator="me") == 2
    assert "a@x.org" not in str([vars(entry) for entry in log.entries(PROJECT)])
    assert [each.annotator for each in store.latest(PROJECT)] == ["b@x.org"]
    assert_sums_are_those_of(store, store.latest(PROJECT))


def test_records_past_their_time_are_deleted_with_their_share_of_the_sums(store: SqlScoreStore) -> None:
    later = NOON + timedelta(days=30)
    new = record(0, edited=later, scored=later)
    store.save([record(0), new, record(1)])
    assert erase_before(store.database, PROJECT, NOON + timedelta(days=1)) == 2
    assert store.latest(PROJECT) == store.history(PROJECT, data_hash(0)) == [new]
    assert_sums_are_those_of(store, [new])


def test_exposure_counts_label_versions_and_not_scores(store: SqlScoreStore) -> None:
    later = NOON + timedelta(days=1)
    store.save([record(0), record(0, engine_version="2", scored=later), record(0, edited=later, scored=later)])
    assert store.exposures(PROJECT) == {data_hash(0): {"zoë@example.com": 2}}


def test_scorings_from_the_editor_are_counted_across_writers(store: SqlScoreStore) -> None:
    numbers: list[int] = []
    at_once(4, lambda _: numbers.extend(store.count_editor_scoring(PROJECT, data_hash(0)) for _ in range(5)))
    assert sorted(numbers) == list(range(1, 21))
    assert store.count_editor_scoring(PROJECT, data_hash(1)) == 1


def test_tens_of_thousands_of_keys_and_odd_names_are_no_trouble(store: SqlScoreStore) -> None:
    odd = record(0, annotator="O'Brien \N{SNOWMAN}; DROP TABLE score_records@例え.jp", data_title="x" * 5000)
    store.save([odd, *(record(number) for number in range(1, 1200))])
    assert store.latest(PROJECT)[0] == odd
    assert len(store.find([record(number).identity.key for number in range(1, 1200)])) == 1199
    assert odd.annotator in store.totals(PROJECT)


def test_an_unreachable_database_says_so_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="score store"):
        SqlScoreStore(f"sqlite:///{tmp_path}/no/such/folder/scores.sqlite").latest(PROJECT)
    for url in ("oracle+nothing://user:hunter2@host/db", "postgresql+psycopg://user:hunter2@127.0.0.1:1/db"):
        with pytest.raises(StoreError) as refused:
            SqlScoreStore(url).latest(PROJECT)
        assert "hunter2" not in str(refused.value)


def test_an_error_of_the_database_quotes_no_label_and_no_name(store: SqlScoreStore) -> None:
    with store.database.writing() as connection:
        connection.execute(text("DROP TABLE score_records"))
    with pytest.raises(StoreError) as failed:
        store.save([record()])
    quoted = "".join(traceback.format_exception(failed.value))
    assert "INSERT INTO score_records" in quoted
    assert "zoë" not in quoted
    assert "spurious" not in quoted


def test_the_store_works_again_once_the_database_is_back(tmp_path: Path) -> None:
    store = SqlScoreStore(f"sqlite:///{tmp_path}/later/scores.sqlite")
    with pytest.raises(StoreError):
        store.save([record()])
    (tmp_path / "later").mkdir()
    store.save([record()])
    assert store.latest(PROJECT) == [record()]


def test_every_figure_fits_its_column() -> None:
    assert max(map(len, FIGURES)) <= 24


@pytest.mark.parametrize(
    "field", ["production_project", "data_hash", "branch_name", "label_hash", "config_fingerprint", "engine_version"]
)
def test_every_part_of_the_identity_changes_the_key(field: str) -> None:
    other: dict[str, Any] = {field: "something else"}
    changed = replace(record().identity, **other)
    assert changed.key != record().identity.key


def test_times_keep_their_moment_whatever_zone_they_come_in(store: SqlScoreStore) -> None:
    tokyo = datetime.fromisoformat("2026-03-02T01:30:00+09:00")
    store.save([record(scored=tokyo)])
    assert store.latest(PROJECT)[0].scored_at == tokyo
    assert store.as_of(PROJECT, datetime.fromisoformat("2026-03-01T16:29:00+00:00")) == []


def test_a_score_that_is_replaced_while_it_is_purged_leaves_the_sums_once(store: SqlScoreStore) -> None:
    """A newer score takes the old one's place, and is committed while the deletion is under way."""
    new = record(edited=NOON + timedelta(days=1), scored=NOON + timedelta(days=1), score=0.8)
    store.save([record()])
    past = NOON + timedelta(hours=1)
    deletion = threading.Thread(target=erase_before, args=(store.database, PROJECT, past))
    with store.database.writing() as connection:
        columns = columns_of([new])
        connection.execute(insert(score_records).values({name: values[0] for name, values in columns.items()}))
        promote(connection, [new])
        deletion.start()
        deletion.join(timeout=0.5)  # as far as it gets
    deletion.join()
    assert store.latest(PROJECT) == [new]
    assert store.history(PROJECT, data_hash(0)) == [new]
    assert_sums_are_those_of(store, [new])


def test_of_two_readings_at_once_one_is_kept_whole(store: SqlScoreStore) -> None:
    def reading(number: int) -> WorkReading:
        work = PersonsWork(done=number, assigned=None, reviewed=0, accepted_at_once=0, rejections=0)
        people = {f"{number}-{person}@example.com": work for person in range(20)}
        moment = NOON + timedelta(minutes=number)
        return WorkReading(moment, moment, people, {(person, data_hash(number)): 1.0 for person in people})

    kept = KeptWork(store.database)

    def keep(number: int) -> None:
        for _ in range(5):
            kept.replace(PROJECT, reading(number))

    at_once(8, keep)
    last = kept.last(PROJECT)
    assert last in [reading(number) for number in range(8)]
