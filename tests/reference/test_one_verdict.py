"""Report, alerts and actions say the same of every annotator: simulated people, and the real labels where they are."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, cast
from uuid import UUID

import pytest

from benchmark_qa.alerts.alerts import states_of, verdicts_by_rule
from benchmark_qa.config.deployment import AlertRule, Deployment
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
    # Made again with other times of scoring, and saved in another order: nothing changes.
    anew = [replace(each, scored_at=each.scored_at + timedelta(days=n % 7)) for n, each in enumerate(records)]
    store.save(list(reversed(anew)))
    assert words_everywhere(store) == reported
    store.close()


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
