"""Alerts: signed, once, and again only on change."""

import hashlib
import hmac
import json
import threading
from datetime import timedelta

from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.store.score_store import SqlScoreStore
from tests.integration.store.deployments import benchmark_qa, benchmark_qa_process
from tests.integration.store.receiver import SECRET, Receiver, receiver
from tests.records import NOON, record

RULES = [{"name": "F1 too low", "figure": "f1", "threshold": 0.7, "minimum_tasks": 20}]


def tasks(annotator: str, numbers: range, *, good: bool, day: int = 0) -> list[ScoreRecord]:
    counts = {"true_positives": 3, "false_negatives": 0} if good else {"true_positives": 0, "false_negatives": 3}
    at = NOON + timedelta(days=day)
    return [
        record(n, annotator=annotator, false_positives=0, edited=at, scored=at, similarity_sum=2.4 * good, **counts)
        for n in numbers
    ]


def fire(url: str, server: Receiver) -> int:
    settings = {"ALERT_WEBHOOK_URL": server.url, "ALERT_WEBHOOK_SECRET": SECRET}
    return benchmark_qa("alerts", url=url, settings=settings, alerts=RULES).returncode


def fire_from_its_own_process(url: str, server: Receiver) -> int:
    settings = {"ALERT_WEBHOOK_URL": server.url, "ALERT_WEBHOOK_SECRET": SECRET}
    return benchmark_qa_process("alerts", url=url, settings=settings, alerts=RULES)


def test_an_alert_is_sent_once_and_again_only_on_change(url: str) -> None:
    store = SqlScoreStore(url)
    store.save(tasks("bad@x.org", range(40), good=False))
    store.save(tasks("good@x.org", range(100, 140), good=True))
    store.save(tasks("new@x.org", range(200, 210), good=False))
    with receiver() as server:
        assert [fire(url, server), fire(url, server)] == [0, 0]
        assert server.told == [("bad@x.org", "below")], "ten tasks are too few, and good news is no news"
        store.save(tasks("bad@x.org", range(40), good=True, day=1))
        assert [fire(url, server), fire(url, server)] == [0, 0]
        assert server.told == [("bad@x.org", "below"), ("bad@x.org", "clear")]
        header, body = server.got[0]
    moment, digest = (part.partition("=")[2] for part in header.split(","))
    expected = hmac.new(SECRET.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(digest, expected)
    told = json.loads(body)
    assert (told["figure"], told["estimate"], told["tasks"], told["rule"]) == ("f1", 0.0, 40, "F1 too low")
    assert told["high"] < 0.7
    store.close()


def test_what_the_receiver_did_not_take_is_sent_the_next_time(url: str) -> None:
    store = SqlScoreStore(url)
    store.save(tasks("bad@x.org", range(40), good=False))
    store.close()
    with receiver() as server:
        server.status = 500
        assert fire(url, server) == 3
        assert server.got == []
        server.status = 204
        assert fire(url, server) == 0
        assert server.told == [("bad@x.org", "below")]


def test_of_several_callers_at_once_one_sends(url: str) -> None:
    store = SqlScoreStore(url)
    store.save(tasks("bad@x.org", range(40), good=False))
    store.close()
    with receiver() as server:
        callers = [threading.Thread(target=fire_from_its_own_process, args=(url, server)) for _ in range(3)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert server.told == [("bad@x.org", "below")]
