"""The evidence that is kept about each person: at any look what all records say, reading no more than is needed."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from alembic import command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, create_engine, false, select

from benchmark_qa.config.deployment import Deployment
from benchmark_qa.quality import from_store
from benchmark_qa.quality.from_store import EvidenceLook, kept_verdicts, order_in, submissions_of
from benchmark_qa.quality.verdict import Bar, Verdicts, judge
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.stats.evidence import Evidence, Gains
from benchmark_qa.store.action_log import PACE, ActionLog
from benchmark_qa.store.database import Database
from benchmark_qa.store.erasure import UnknownPersonError, erase_before, erase_person
from benchmark_qa.store.errors import StoreError
from benchmark_qa.store.kept_states import EvidenceStates
from benchmark_qa.store.migrate import configuration
from benchmark_qa.store.schema import annotator_totals
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.store.truth_rulings import RulingRefusedError, TruthRulings
from tests.records import NOON, data_hash, record

PEOPLE = ("a@x.org", "b@x.org", "c@x.org", None)
BARS = (Bar(0.7, 2), Bar(0.5, 1), Bar(0.6, 1, figure="score"), Bar(0.6, 1, figure="accuracy"))


def deployment_of(project: str) -> Deployment:
    return Deployment(
        production_project=UUID(project), benchmark_projects=(UUID("7a000000-0000-4000-8000-000000000002"),)
    )


def from_scratch(store: SqlScoreStore, project: str, bar: Bar) -> Verdicts:
    """What all records say, without what the kept evidence leaves out."""
    deployment = deployment_of(project)
    submissions = submissions_of(store, deployment)
    found = judge(submissions, bar, order_in(store, deployment, submissions))
    people = {name: replace(person, others=None, crowd=None, events=()) for name, person in found.people.items()}
    return replace(found, people=people)


def agree(store: SqlScoreStore, project: str, bars: Sequence[Bar] = BARS) -> None:
    kept = kept_verdicts(store, deployment_of(project), bars)
    for bar in bars:
        assert kept[bar] == from_scratch(store, project, bar)


def moments(last: int) -> st.SearchStrategy[timedelta]:
    return st.integers(0, last).map(lambda minutes: timedelta(minutes=minutes))


@st.composite
def records(draw: st.DrawFn) -> ScoreRecord:
    person = draw(st.sampled_from(PEOPLE))
    item = draw(st.integers(0, 7))
    edited = draw(st.none() | moments(40).map(lambda later: NOON + later))
    hits, total = draw(st.integers(0, 3)), draw(st.integers(0, 1))
    made = record(
        item,
        annotator=person,
        branch_name=draw(st.sampled_from([f"encord-{person}", "main"])),
        scored=NOON + draw(moments(100)),
        label_hash=draw(st.sampled_from([None, *(f"1abe1000-0000-4000-8000-{number:012d}" for number in range(2))])),
        truth_edited_at=draw(st.none() | moments(2).map(lambda later: NOON + later)),
        config_fingerprint=draw(st.sampled_from(["0123456789abcdef", "fedcba9876543210"])),
        late=draw(st.sampled_from([False] * 9 + [True])),
        score=draw(st.none() | st.sampled_from([0.0, 0.5, 1.0])),
        true_positives=hits if draw(st.booleans()) else 0,
        false_positives=draw(st.integers(0, 4)) if hits else 0,
        false_negatives=draw(st.integers(0, 3)) if hits else 0,
        similarity_sum=0.0,
        classifications_total=total,
        classifications_correct=float(total and draw(st.integers(0, 1))),
        details={},
    )
    return replace(made, identity=replace(made.identity, labels_edited_at=edited))


Step = Callable[[SqlScoreStore, str], object]


def saved(batch: list[ScoreRecord]) -> Step:
    def save(store: SqlScoreStore, project: str) -> object:
        own = [replace(each, identity=replace(each.identity, production_project=project)) for each in batch]
        return store.save(list({each.identity.key: each for each in own}.values()))

    return save


def submitted_in_turn(right: list[bool]) -> Step:
    """A person hands in the items one after another."""
    return saved(
        [
            record(number, annotator="a@x.org", branch_name="encord-a", edited=NOON + timedelta(hours=number))
            if is_right
            else record(
                number,
                annotator="a@x.org",
                branch_name="encord-a",
                edited=NOON + timedelta(hours=number),
                true_positives=0,
                false_negatives=3,
            )
            for number, is_right in enumerate(right)
        ]
    )


def ruled(item: int, *, out: bool) -> Step:
    def rule(store: SqlScoreStore, project: str) -> object:
        rulings = TruthRulings(store.database)
        try:
            return (rulings.exclude if out else rulings.restore)(project, data_hash(item), operator="o", reason="r")
        except RulingRefusedError:
            return None

    return rule


def affirmed(item: int, later: timedelta) -> Step:
    def affirm(store: SqlScoreStore, project: str) -> object:
        keys = [each.identity.key for each in store.history(project, data_hash(item))]
        return store.affirm(keys, as_of=NOON + later)

    return affirm


def drawn(seed: int) -> Step:
    return lambda store, project: ActionLog(store.database).record(
        project, kind=PACE, operator="pace", subject=project, reason="drawn", facts={"seed": seed}
    )


def erased(person: str | None) -> Step:
    def step(store: SqlScoreStore, _: str) -> None:
        with suppress(UnknownPersonError):  # Nothing of theirs is there yet.
            erase_person(store.database, str(person), operator="o")

    return step


def erased_before(later: timedelta) -> Step:
    return lambda store, project: erase_before(store.database, project, NOON + later)


STEPS = st.one_of(
    st.lists(records(), min_size=1, max_size=6).map(saved),
    st.lists(records(), min_size=1, max_size=12).map(saved),
    st.lists(st.booleans(), min_size=1, max_size=12).map(submitted_in_turn),
    st.sampled_from(PEOPLE[:3]).map(erased),
    moments(60).map(erased_before),
    st.builds(ruled, st.integers(0, 7), out=st.booleans()),
    st.builds(affirmed, st.integers(0, 7), moments(200)),
    st.integers(0, 3).map(drawn),
    st.just(lambda store, _: store.database.rebuild()),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(STEPS, st.booleans(), st.booleans()), min_size=1, max_size=12))
def test_whatever_happens_the_kept_evidence_is_that_of_all_records(
    url: str, steps: list[tuple[Step, bool, bool]]
) -> None:
    """Two instances write in turns; a look may come in the middle of any change, and keep what it saw afterwards.

    The sums are left out of what shows a change, so that the marks have to show every one.
    """
    with pytest.MonkeyPatch.context() as without_sums:
        without_sums.setattr("benchmark_qa.store.kept_states.totals_query", _no_totals)
        _whatever_happens(url, steps)


def _no_totals(_project: str) -> Select[Any]:
    return select(annotator_totals.c.annotator).where(false())


def _whatever_happens(url: str, steps: list[tuple[Step, bool, bool]]) -> None:
    stores, project = [SqlScoreStore(url), SqlScoreStore(url)], str(uuid4())
    for number, (step, is_looked_at, is_overtaken) in enumerate(steps):
        store = stores[number % 2]
        look = EvidenceLook(stores[1 - number % 2], project) if is_overtaken else None
        if look:
            look.verdicts(BARS[0])
        step(store, project)
        if look:
            look.keep()
        if is_looked_at:
            agree(store, project, BARS[:3] if number % 2 else BARS)
    agree(stores[0], project)
    for each in stores:
        each.close()


def turns(person: str, count: int, *, start: int = 0, project: str, **fields: object) -> list[ScoreRecord]:
    about: dict[str, Any] = {"annotator": person, "branch_name": f"encord-{person}", "production_project": project}
    return [
        record(number, edited=NOON + timedelta(hours=number), **(about | fields))
        for number in range(start, start + count)
    ]


class Counted:
    """The statements of one store, and how many rows of tasks a look has folded."""

    def __init__(self, store: SqlScoreStore) -> None:
        self.statements: list[str] = []
        store.database.listen(lambda _c, _k, statement, *_: self.statements.append(statement))

    def of_records(self) -> int:
        return sum("score_records" in each for each in self.statements)


def test_a_look_with_nothing_new_reads_no_record_and_a_new_task_folds_one_step(store: SqlScoreStore) -> None:
    project = str(uuid4())
    store.save(turns("a@x.org", 20, project=project) + turns("b@x.org", 20, project=project))
    agree(store, project)
    counted = Counted(store)
    kept_verdicts(store, deployment_of(project), BARS)
    assert counted.of_records() == 0
    assert len(counted.statements) <= 8

    before = EvidenceStates(store.database).kept(project)
    store.save(turns("a@x.org", 1, start=20, project=project))
    agree(store, project)
    after = EvidenceStates(store.database).kept(project)
    changed = {name for name, state in after.items() if state != before[name]}
    assert {name for name, _ in changed} - {""} == {"a@x.org"}, "nobody else's evidence is touched"
    assert {after[each].tasks - before[each].tasks for each in changed if each[1] != "facts" and each[0]} == {0, 1}
    newest = next(state for (name, _), state in after.items() if name == "a@x.org" and state.tasks == 21)
    assert newest.last_at == NOON + timedelta(hours=20)
    assert newest.last_task == f"{data_hash(20)}/encord-a@x.org"


def test_a_change_that_alters_no_score_folds_nothing_again_and_one_of_the_past_does(
    store: SqlScoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, folded = str(uuid4()), list[int]()
    store.save(turns("a@x.org", 20, project=project))
    agree(store, project, BARS[:1])

    real = from_store.after_all

    def watched(people: Mapping[str, tuple[Evidence, Gains]], *, cap: float) -> dict[str, Evidence]:
        folded.extend(len(gains.values) for _, gains in people.values())
        return real(people, cap=cap)

    monkeypatch.setattr(from_store, "after_all", watched)
    store.save(turns("a@x.org", 20, project=project, scored=NOON + timedelta(days=1), config_fingerprint="f" * 16))
    agree(store, project, BARS[:1])
    assert folded == [0]
    store.save(turns("a@x.org", 1, start=20, project=project))
    agree(store, project, BARS[:1])
    assert folded == [0, 1]
    again = turns("a@x.org", 1, start=3, project=project, scored=NOON + timedelta(days=2), engine_version="2")
    store.save([replace(each, true_positives=0, false_negatives=3) for each in again])
    agree(store, project, BARS[:1])
    assert folded == [0, 1, 21]


def test_a_person_who_joins_changes_the_cap_of_everybody_at_powers_of_two(store: SqlScoreStore) -> None:
    project = str(uuid4())
    poor = {"true_positives": 0, "false_positives": 3, "false_negatives": 3}
    for number in range(6):
        # Enough evidence to reach the cap, so that what was folded under another one is wrong.
        store.save(turns(f"p{number}@x.org", 30, project=project, **poor))
        agree(store, project, BARS[:1])


@pytest.mark.parametrize("edited", [NOON, None], ids=["an older edit", "edited at an unknown moment"])
def test_an_old_record_of_another_person_may_move_a_task_to_its_moment(
    store: SqlScoreStore, edited: datetime | None
) -> None:
    """It is not current, and of somebody else, but it is the first version of the branch."""
    project = str(uuid4())
    own = turns("b@x.org", 12, start=1, project=project, scored=NOON + timedelta(days=1))
    store.save([replace(each, true_positives=number % 3) for number, each in enumerate(own)])
    agree(store, project, BARS[:1])
    old = turns("a@x.org", 1, start=9, project=project, branch_name="encord-b@x.org", label_hash=None)[0]
    store.save([replace(old, identity=replace(old.identity, labels_edited_at=edited))])
    agree(store, project, BARS[:1])


def test_nothing_of_an_erased_person_is_kept_or_comes_back(store: SqlScoreStore) -> None:
    project = str(uuid4())
    store.save(turns("a@x.org", 8, project=project) + turns("b@x.org", 8, project=project))
    look = EvidenceLook(store, project)
    look.verdicts(BARS[0])
    erase_person(store.database, "a@x.org", operator="o")
    look.keep()
    assert {name for name, _ in EvidenceStates(store.database).kept(project)} == {"", "b@x.org"}
    agree(store, project)


def test_nothing_is_kept_of_people_whose_records_are_all_too_old(store: SqlScoreStore) -> None:
    project = str(uuid4())
    store.save(turns("a@x.org", 8, project=project))
    store.save(turns("b@x.org", 8, project=project, scored=NOON + timedelta(days=9)))
    agree(store, project)
    look = EvidenceLook(store, project)
    look.verdicts(BARS[0])
    erase_before(store.database, project, NOON + timedelta(days=1))
    look.keep()
    states = EvidenceStates(store.database)
    assert {name for name, _ in states.kept(project)} == {"", "b@x.org"}
    assert set(states.versions(project)) == {"b@x.org"}
    agree(store, project)


def test_work_of_an_instance_of_the_former_version_is_seen_although_it_marks_nothing(
    store: SqlScoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = str(uuid4())
    store.save(turns("a@x.org", 8, project=project))
    agree(store, project)
    with monkeypatch.context() as former:
        former.setattr("benchmark_qa.store.promotion.mark_changed", lambda *_: None)
        store.save(turns("a@x.org", 1, start=8, project=project) + turns("new@x.org", 3, project=project))
    agree(store, project)


def test_writers_and_looks_at_once_agree_in_the_end(url: str) -> None:
    project = str(uuid4())
    stores = [SqlScoreStore(url) for _ in range(3)]

    def write(number: int) -> None:
        for start in range(0, 16, 2):
            for person in ("a@x.org", "b@x.org"):
                own = turns(person, 3, start=start, project=project, scored=NOON + timedelta(days=number))
                stores[number].save([replace(each, score=number / 2) for each in own])

    def look(_: int) -> None:
        for _ in range(6):
            kept_verdicts(stores[2], deployment_of(project), BARS[:2])

    with ThreadPoolExecutor() as pool:
        done = [pool.submit(write, 0), pool.submit(write, 1), pool.submit(look, 0), pool.submit(look, 1)]
        for each in done:
            each.result(timeout=60)
    agree(stores[0], project)
    for each in stores:
        each.close()


def test_everybody_of_a_database_of_the_revision_before_is_folded_at_the_first_look(empty_url: str) -> None:
    project, database = str(uuid4()), Database(empty_url)
    database.upgrade()
    store = SqlScoreStore(empty_url)
    store.save(turns("a@x.org", 8, project=project) + turns("b@x.org", 8, project=project))
    agree(store, project)
    store.close()
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        command.downgrade(configuration(connection), "0005")
    engine.dispose()
    store = SqlScoreStore(empty_url)
    if not empty_url.startswith("sqlite"):
        with pytest.raises(StoreError):
            store.latest(project)
        store.database.upgrade()
    agree(store, project)
    store.close()
