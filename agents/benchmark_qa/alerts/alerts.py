"""Call a webhook, signed with HMAC-SHA256, when an annotator falls below the bar; again only when that changes.

A rule without its own figure, bar or minimum uses the verdict of the report. A rule with its own is judged in the same
way, by the evidence about its figure and bar.
"""

import hashlib
import hmac
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import orjson
import requests

from benchmark_qa.config.deployment import AlertRule, Deployment
from benchmark_qa.config.settings import Settings
from benchmark_qa.quality.from_store import bar_of, kept_verdicts
from benchmark_qa.quality.verdict import Bar, Verdicts
from benchmark_qa.store.errors import StoreError
from benchmark_qa.store.kept_states import AlertChange, AlertStates
from benchmark_qa.store.score_store import SqlScoreStore

SIGNATURE_HEADER = "X-Benchmark-QA-Signature"


SECONDS = 10.0


class WebhookFailed(Exception):
    """The receiver did not accept the call; the message contains neither the URL nor the secret."""


@dataclass(frozen=True)
class SignedWebhook:
    """Posts JSON with the header `t=SECONDS,v1=HEX`: HMAC-SHA256 of `SECONDS.BODY` under the secret."""

    url: str
    secret: str = field(repr=False)

    def send(self, payload: Mapping[str, Any]) -> None:
        """Post once; redirects are not followed.

        Raises:
            WebhookFailed
        """
        body = orjson.dumps(payload)
        headers = {"Content-Type": "application/json", SIGNATURE_HEADER: signature(self.secret, body, int(time.time()))}
        try:
            answer = requests.post(self.url, data=body, headers=headers, timeout=SECONDS, allow_redirects=False)
        except requests.RequestException as error:
            raise WebhookFailed(f"the alert webhook cannot be reached ({type(error).__name__})") from None
        if not 200 <= answer.status_code < 300:
            raise WebhookFailed(f"the alert webhook answered {answer.status_code}")


def signature(secret: str, body: bytes, at: int) -> str:
    """The header's value for a body that is sent at `at` (seconds since 1970)."""
    digest = hmac.new(secret.encode("utf-8"), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


AlertState = Literal["below", "clear"]


QUIET: AlertState = "clear"


def verdicts_by_rule(store: SqlScoreStore, deployment: Deployment) -> dict[str, Verdicts]:
    """The verdicts for each rule, by rule name; rules with the same bar share one object.

    Raises:
        StoreError
    """
    if not deployment.alerts:
        return {}
    bars = {rule.name: _bar_of_rule(rule, bar_of(deployment)) for rule in deployment.alerts}
    by_bar = kept_verdicts(store, deployment, dict.fromkeys(bars.values()))
    return {name: by_bar[bar] for name, bar in bars.items()}


def _bar_of_rule(rule: AlertRule, bar: Bar) -> Bar:
    return replace(
        bar,
        figure=rule.figure or bar.figure,
        threshold=bar.threshold if rule.threshold is None else rule.threshold,
        minimum_tasks=rule.minimum_tasks or bar.minimum_tasks,
    )


def states_of(verdicts: Verdicts) -> Mapping[str, AlertState]:
    """The alert state of each annotator: `below` for those below the bar, `clear` for the others.

    Annotators whose verdict cannot be said are left out and keep their state: this does not clear anybody.
    """
    return {
        name: "below" if person.words == "below the bar" else "clear"
        for name, person in verdicts.people.items()
        if person.words != "cannot be said: items not in random order"
    }


Send = Callable[[Mapping[str, Any]], None]


_log = logging.getLogger(__name__)


def fire_alerts(store: SqlScoreStore, deployment: Deployment, send: Send) -> list[AlertChange]:
    """Check every rule against the current verdicts, send the changes, and return those that were sent.

    When several processes call this at once, exactly one sends a change. The next call sends what could not be sent.

    Raises:
        StoreError
        WebhookFailed: after every other change has been tried.
    """
    project = str(deployment.production_project)
    states = AlertStates(store.database)
    rules = {rule.name: rule for rule in deployment.alerts}
    verdicts = verdicts_by_rule(store, deployment)
    for name, judged in verdicts.items():
        states.note(project, name, states_of(judged), quiet=QUIET)
    sent: list[AlertChange] = []
    failed: WebhookFailed | None = None
    for change in states.untold(project):
        if change.rule not in rules or not states.claim(project, change):
            continue
        try:
            send(payload_of(project, change, verdicts[change.rule]))
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
    """Send new alerts after scores were made in the background; returns how many were sent.

    Does nothing without rules or without a webhook. A failure is logged; the next call tries again.
    """
    if not settings.config.alerts or settings.alert_webhook_url is None or settings.alert_webhook_secret is None:
        return 0
    webhook = SignedWebhook(settings.alert_webhook_url, settings.alert_webhook_secret.get_secret_value())
    try:
        return len(fire_alerts(store, settings.config, webhook.send))
    except (StoreError, WebhookFailed) as error:
        _log.error("not all alerts were sent: %s", error)
        return 0


def payload_of(project: str, change: AlertChange, verdicts: Verdicts) -> dict[str, Any]:
    """The JSON body of the webhook call."""
    person = verdicts.people.get(change.annotator)
    return {
        "event": "annotator_alert",
        "project": project,
        "rule": change.rule,
        "figure": verdicts.figure,
        "threshold": verdicts.bar.threshold,
        "annotator": change.annotator,
        "state": change.state,
        "changed_at": change.changed_at.isoformat(),
        "verdict": person.words if person else None,
        "tasks": person.tasks if person else 0,
        "estimate": person.figure.estimate if person else None,
        "low": person.figure.low if person else None,
        "high": person.figure.high if person else None,
        "evidence": person.standing.evidence_below if person else None,
        "evidence_needed": person.standing.needed_below if person else None,
    }
