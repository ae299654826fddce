"""Tell the outside when an annotator falls below a bar, once, and again only when that changes."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from benchmark_qa.alerts.webhook import SignedWebhook, WebhookFailed
from benchmark_qa.config.deployment import AlertRule, Deployment
from benchmark_qa.config.settings import Settings
from benchmark_qa.quality.from_store import current_leaderboard
from benchmark_qa.quality.leaderboard import Leaderboard, Line
from benchmark_qa.store.alert_states import AlertChange, AlertStates
from benchmark_qa.store.errors import StoreError
from benchmark_qa.store.score_store import SqlScoreStore

AlertState = Literal["below", "clear"]


QUIET: AlertState = "clear"


class Rule(Protocol):
    """What a rule in the configuration says."""

    @property
    def figure(self) -> str:
        """Of a leaderboard's line, e.g. `f1`."""

    @property
    def threshold(self) -> float:
        """The bar."""

    @property
    def minimum_tasks(self) -> int:
        """Nothing is said on fewer."""


def states_of(rule: Rule, board: Leaderboard) -> Mapping[str, AlertState]:
    """What the rule says of each annotator; those between the two states keep the one they have.

    `below`: the whole interval lies under the threshold. `clear`: the figure itself has reached it again. So somebody
    whose interval touches the threshold now and then does not set the alert off each time.
    """
    states: dict[str, AlertState] = {}
    for line in board.lines:
        interval = getattr(line, rule.figure)
        if interval.estimate is None or line.tasks < rule.minimum_tasks:
            continue
        if interval.lies_below(rule.threshold):
            states[line.annotator] = "below"
        elif interval.estimate >= rule.threshold:
            states[line.annotator] = "clear"
    return states


Send = Callable[[Mapping[str, Any]], None]


_log = logging.getLogger(__name__)


def fire_alerts(store: SqlScoreStore, deployment: Deployment, send: Send) -> list[AlertChange]:
    """Hold every rule against the current figures and send what has changed; returns what was sent.

    Of several callers at once exactly one sends a change. What could not be sent is sent by the next call.

    Raises:
        StoreError, WebhookFailed (after everything else has been tried)
    """
    project = str(deployment.production_project)
    board = current_leaderboard(store, deployment)
    states = AlertStates(store.database)
    rules = {rule.name: rule for rule in deployment.alerts}
    for name, rule in rules.items():
        states.note(project, name, states_of(rule, board), quiet=QUIET)
    sent: list[AlertChange] = []
    failed: WebhookFailed | None = None
    for change in states.untold(project):
        if change.rule not in rules or not states.claim(project, change):
            continue
        try:
            send(payload_of(project, change, rules[change.rule], board))
        except WebhookFailed as error:
            states.give_back(project, change)
            _log.error("%s", error)
            failed = error
        else:
            sent.append(change)
    if failed is not None:
        raise failed
    return sent


def tell_alerts(store: SqlScoreStore, settings: Settings) -> int:
    """After scores have been made, where nobody waits for an answer: send what is new; returns how many were sent.

    Nothing where there are no rules or no webhook. A failure is logged, and made good by the next call.
    """
    if not settings.config.alerts or settings.alert_webhook_url is None or settings.alert_webhook_secret is None:
        return 0
    webhook = SignedWebhook(settings.alert_webhook_url, settings.alert_webhook_secret.get_secret_value())
    try:
        return len(fire_alerts(store, settings.config, webhook.send))
    except (StoreError, WebhookFailed) as error:
        _log.error("not all alerts were sent: %s", error)
        return 0


def payload_of(project: str, change: AlertChange, rule: AlertRule, board: Leaderboard) -> dict[str, Any]:
    """What the receiver gets."""
    line: Line | None = next((each for each in board.lines if each.annotator == change.annotator), None)
    figure = getattr(line, rule.figure) if line else None
    return {
        "event": "annotator_alert",
        "project": project,
        "rule": rule.name,
        "figure": rule.figure,
        "threshold": rule.threshold,
        "annotator": change.annotator,
        "state": change.state,
        "changed_at": change.changed_at.isoformat(),
        "tasks": line.tasks if line else 0,
        "estimate": figure.estimate if figure else None,
        "low": figure.low if figure else None,
        "high": figure.high if figure else None,
    }
