"""Report, alerts and actions say the same of every annotator: simulated people, and the real labels where they are."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmark_qa.alerts.alerts import fire_alerts, states_of, verdicts_by_rule
from benchmark_qa.config.deployment import Actions, AlertRule, Deployment
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.quality.actions import Actor
from benchmark_qa.quality.assigning import Assigner
from benchmark_qa.quality.from_store import current_leaderboard, report_project, submissions_of
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.stats.item_order import place_in_draw
from benchmark_qa.store.action_log import PACE, ActionLog
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks.ground_truth import GroundTruth
from benchmark_qa.tasks.projects import ServedProjects
from benchmark_qa.tasks.score import Scorer
from demo.crowd import Crowd
from tests.fakes.encord import FakeEncord
from tests.real_records import bluebird_records, pedestrian_records
from tests.records import NOON, PROJECT, record

DEPLOYMENT = Deployment(
    production_project=UUID(PROJECT),
    benchmark_projects=(UUID("7a000000-0000-4000-8000-000000000002"),),
    alerts=(AlertRule(name="below"), AlertRule(name="the same in full", figure=None, threshold=0.7, minimum_tasks=5)),
    actions=Actions(retire_failing_items=True),
)


def simulated_records() -> Iterable[ScoreRecord]:
    """Forty-one people, some of them poor, each with sixty items of the same hundred in an order of their own."""
    random = Random(7)
    for person in range(41):
        for place, item in enumerate(random.sample(range(100), 60)):
            hit = int(random.random() < 0.2 + 0.02 * person)
            yield record(
                item,
                annotator=f"p{person:02}@x.org",
                branch_name=f"encord-{person}",
                edited=NOON + timedelta(hours=place, minutes=person),
                true_positives=hit,
                false_positives=1 - hit,
                false_negatives=1 - hit,
            )


def in_random_order(records: Iterable[ScoreRecord]) -> list[ScoreRecord]:
    """Every person's items in an order of their own: nobody knows in which they were really done."""
    random = Random(11)
    at: dict[str, int] = {}
    shuffled = sorted(records, key=lambda each: (each.annotator or "", each.identity.data_hash))
    random.shuffle(shuffled)
    moved = []
    for each in shuffled:
        place = at[each.annotator or ""] = at.get(each.annotator or "", 0) + 1
        identity = replace(each.identity, labels_edited_at=NOON + timedelta(minutes=place))
        moved.append(replace(each, identity=identity, sketch=None, details={"conflicts": []}))
    return moved


def in_the_order_of_the_queue(records: Iterable[ScoreRecord], seed: int) -> list[ScoreRecord]:
    """Everybody's items in the order in which `pace` has drawn the queue."""
    moved = []
    for each in records:
        at = NOON + timedelta(seconds=(place_in_draw(each.identity.data_hash, seed) >> 40))
        moved.append(replace(each, identity=replace(each.identity, labels_edited_at=at)))
    return moved


def demo_records() -> Iterable[ScoreRecord]:
    """The annotators of `make demo`, scored by the engine: 41 people, each of whom has met about 100 of 600 scenes."""
    scenes = Crowd.measured().label_images(600)
    about = [
        {"id": one.id, "width": one.width, "height": one.height, "ground_truth": one.truth, "annotations": one.answers}
        for one in scenes
    ]
    return pedestrian_records({"images": about})


@pytest.fixture(params=["simulated", "demo", "pedestrians", "bluebirds"])
def records(request: pytest.FixtureRequest) -> list[ScoreRecord]:
    if request.param == "simulated":
        return list(simulated_records())
    if request.param == "demo":
        return in_random_order(demo_records())
    data: dict[str, Any] = request.getfixturevalue(request.param)  # skips where there is none
    make: Callable[[dict[str, Any]], Iterable[ScoreRecord]] = (
        pedestrian_records if request.param == "pedestrians" else bluebird_records
    )
    return in_random_order(make(data))


def words_everywhere(store: SqlScoreStore) -> dict[str, str]:
    """The verdict about everybody, which report, leaderboard, actions and alerts agree on."""
    page = report_project(store, DEPLOYMENT, domain="")
    reported: dict[str, str] = {line.annotator: line.verdict for line in page.leaderboard.lines}
    table = {line.annotator: line.verdict for line in current_leaderboard(store, DEPLOYMENT).lines}
    projects = ServedProjects(cast(Encord, FakeEncord()), DEPLOYMENT)
    scorer = Scorer(projects, GroundTruth(projects, ttl_seconds=1), store)
    plan = Actor(scorer).plan()
    acted = {name: person.words for name, person in plan.verdicts.people.items()}
    assert reported == table == acted
    below = {name for name, words in reported.items() if words == "below the bar"}
    assert Assigner(scorer).below_the_bar(submissions_of(store, DEPLOYMENT)) == below
    for judged in verdicts_by_rule(store, DEPLOYMENT).values():
        assert {name: person.words for name, person in judged.people.items()} == reported
        assert {name for name, state in states_of(judged).items() if state == "below"} == below
    return reported


def test_everybody_is_told_the_same_of_everybody(records: list[ScoreRecord], tmp_path: Path) -> None:
    store = SqlScoreStore(f"sqlite:///{tmp_path}/scores.sqlite")
    store.save(records)
    reported = words_everywhere(store)
    assert {"below the bar", "above the bar"} <= set(reported.values())
    store.save(scored_again(records, [n % 7 for n in range(len(records))]))
    assert words_everywhere(store) == reported
    store.close()


def scored_again(records: Iterable[ScoreRecord], days: Sequence[int]) -> list[ScoreRecord]:
    """The same scores, made by another engine, days later."""
    return [
        replace(
            each,
            scored_at=each.scored_at + timedelta(days=1 + days[number % len(days)]),
            identity=replace(each.identity, engine_version=f"{each.identity.engine_version}, later"),
        )
        for number, each in enumerate(records)
    ]


def told(store: SqlScoreStore) -> dict[str, Any]:
    """Whatever the product says of people by their work: verdicts with events, weeks, drift, actions, alerts."""
    page = report_project(store, DEPLOYMENT, domain="")
    projects = ServedProjects(cast(Encord, FakeEncord()), DEPLOYMENT)
    plan = Actor(Scorer(projects, GroundTruth(projects, ttl_seconds=1), store)).plan()
    alerts: list[dict[str, Any]] = []
    fire_alerts(store, DEPLOYMENT, lambda payload: alerts.append({**payload, "changed_at": None}))
    return {
        "verdicts": words_everywhere(store),
        "weeks": page.weeks,
        "of people": [(person.line, person.weeks) for person in page.people],
        "drift": page.drift,
        "actions": plan.to_dict(),
        "sent": sorted(map(repr, alerts)),
        "alerts": {rule: states_of(judged) for rule, judged in verdicts_by_rule(store, DEPLOYMENT).items()},
    }


TASKS = st.lists(
    st.tuples(st.integers(0, 25), st.sampled_from("abcd"), st.sampled_from([0, 0, 0, 2, 3]), st.integers(0, 3)),
    min_size=40,
    max_size=80,
    unique_by=lambda each: each[:2],
)
"""Item, person, matches, spurious objects: enough for verdicts, alerts and retired items among four people"""


def tasks_of(rows: Iterable[tuple[int, str, int, int]], *, minutes: int) -> list[ScoreRecord]:
    """Handed in ``minutes`` apart, some at a moment that Encord does not tell."""
    made = []
    for place, (item, person, hits, spurious) in enumerate(rows):
        edited, matches = NOON + timedelta(minutes=minutes * place), hits if person != "a" else 0
        each = record(
            item,
            annotator=f"{person}@x.org",
            branch_name=f"encord-{person}",
            edited=edited,
            scored=edited,
            score=float(matches > 0),
            true_positives=matches,
            similarity_sum=0.75 * matches,
            false_positives=spurious,
            false_negatives=3 if person == "a" else 0,
        )
        made.append(replace(each, identity=replace(each.identity, labels_edited_at=None)) if place % 9 == 8 else each)
    return made


def kept_in(directory: Path, name: str, *batches: list[ScoreRecord]) -> dict[str, Any]:
    """What is told after each batch has been saved and looked at."""
    path = directory / f"{name}-{uuid4()}.sqlite"
    store = SqlScoreStore(f"sqlite:///{path}")
    said: dict[str, Any] = {}
    for batch in batches:
        store.save(batch)
        said = told(store)
    store.close()
    path.unlink()
    return said


slowly = settings(
    phases=[Phase.explicit, Phase.generate], max_examples=8, deadline=None, suppress_health_check=list(HealthCheck)
)


@slowly
@given(TASKS, st.lists(st.integers(0, 400), min_size=7, max_size=7), st.randoms(use_true_random=False))
def test_a_rescore_that_changes_no_score_changes_no_verdict_week_alert_or_action(
    tmp_path: Path, rows: list[tuple[int, str, int, int]], days: list[int], random: Random
) -> None:
    first = tasks_of(rows, minutes=4_000)
    again = scored_again(first, days)
    random.shuffle(again)
    before, after = kept_in(tmp_path, "once", first), kept_in(tmp_path, "again", first, again)
    assert after.pop("sent") == [], "the alerts were sent before, and nothing has changed"
    assert after == {name: value for name, value in before.items() if name != "sent"}
    worse = [replace(each, true_positives=0, similarity_sum=0.0, false_negatives=3, score=0.0) for each in again]
    assert kept_in(tmp_path, "worse", first, worse) != after, "scores that change do change what is told"


@slowly
@given(TASKS, st.randoms(use_true_random=False))
def test_the_order_in_which_tasks_of_one_moment_arrive_changes_nothing(
    tmp_path: Path, rows: list[tuple[int, str, int, int]], random: Random
) -> None:
    first = [replace(each, scored_at=NOON) for each in tasks_of(rows, minutes=0)]
    other = random.sample(first, len(first))
    middle = len(other) // 2
    at_once = kept_in(tmp_path, "at once", first)
    in_parts = kept_in(tmp_path, "in parts", other[:middle], other[middle:])
    for said in (at_once, in_parts):
        del said["sent"]  # looked at half-way, the second was told of then
    assert in_parts == at_once


def test_a_queue_that_pace_has_ordered_is_a_random_order(tmp_path: Path) -> None:
    store = SqlScoreStore(f"sqlite:///{tmp_path}/scores.sqlite")
    store.save(in_the_order_of_the_queue(simulated_records(), 3))
    assert set(words_everywhere(store).values()) == {"cannot be said: items not in random order"}
    for seed in (0, 3):
        ActionLog(store.database).record(
            PROJECT, kind=PACE, operator="pace", subject=PROJECT, reason="drawn", facts={"seed": seed}
        )
    assert {"below the bar", "above the bar"} <= set(words_everywhere(store).values())
    store.close()
