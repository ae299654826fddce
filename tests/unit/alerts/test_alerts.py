"""An alert is sent once, again only on change, and again where the webhook did not take it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from benchmark_qa.alerts.alerts import WebhookFailed, fire_alerts
from benchmark_qa.config.deployment import Deployment
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.store.kept_states import AlertStates
from benchmark_qa.store.score_store import SqlScoreStore
from tests.records import NOON, PROJECT, record

RULES = [{"name": "low", "figure": "f1", "threshold": 0.7, "minimum_tasks": 20}]
DEPLOYMENT = Deployment.model_validate(
    {"production_project": PROJECT, "benchmark_projects": [PROJECT[:-1] + "2"], "alerts": RULES}
)


class Webhook:
    """Notes what it is told of; refuses where it is told to."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.refuses = False

    def __call__(self, payload: Mapping[str, Any]) -> None:
        if self.refuses:
            raise WebhookFailed("the webhook answered 500")
        self.told.append((payload["annotator"], payload["state"]))


def tasks(annotator: str, first: int, *, good: bool, day: int = 0) -> list[ScoreRecord]:
    counts = {"true_positives": 3, "false_negatives": 0} if good else {"true_positives": 0, "false_negatives": 3}
    at = NOON + timedelta(days=day)
    return [
        record(n, annotator=annotator, false_positives=0, edited=at, scored=at, similarity_sum=2.4 * good, **counts)
        for n in range(first, first + 40)
    ]


@pytest.fixture
def store() -> SqlScoreStore:
    made = SqlScoreStore("sqlite://")
    made.save(tasks("bad@x.org", 0, good=False))
    made.save(tasks("good@x.org", 100, good=True))
    return made


def test_an_alert_is_sent_once_and_again_only_when_it_changes(store: SqlScoreStore) -> None:
    webhook = Webhook()
    assert [len(fire_alerts(store, DEPLOYMENT, webhook)) for _ in range(3)] == [1, 0, 0]
    assert webhook.told == [("bad@x.org", "below")]
    store.save(tasks("bad@x.org", 0, good=True, day=1))
    assert [len(fire_alerts(store, DEPLOYMENT, webhook)) for _ in range(2)] == [1, 0]
    assert webhook.told == [("bad@x.org", "below"), ("bad@x.org", "clear")]


def test_what_the_webhook_did_not_take_is_sent_the_next_time_and_then_no_more(store: SqlScoreStore) -> None:
    webhook = Webhook()
    webhook.refuses = True
    for _ in range(2):
        with pytest.raises(WebhookFailed):
            fire_alerts(store, DEPLOYMENT, webhook)
    webhook.refuses = False
    assert [len(fire_alerts(store, DEPLOYMENT, webhook)) for _ in range(2)] == [1, 0]
    assert webhook.told == [("bad@x.org", "below")]


def test_of_two_callers_that_see_the_same_change_one_tells_it(store: SqlScoreStore) -> None:
    first, second = AlertStates(store.database), AlertStates(store.database)
    first.note(PROJECT, "low", {"a@x.org": "below", "b@x.org": "below"}, quiet="clear")
    change, other = first.untold(PROJECT)
    assert [states.claim(PROJECT, change) for states in (first, second)] == [True, False]
    assert second.untold(PROJECT) == [other]
    first.give_back(PROJECT, change)
    assert [states.claim(PROJECT, change) for states in (second, first)] == [True, False]


def test_a_claim_of_a_state_that_has_changed_since_is_refused(store: SqlScoreStore) -> None:
    states = AlertStates(store.database)
    states.note(PROJECT, "low", {"a@x.org": "below"}, quiet="clear")
    (change,) = states.untold(PROJECT)
    states.note(PROJECT, "low", {"a@x.org": "clear"}, quiet="clear")
    assert not states.claim(PROJECT, change)
