"""What callers get when something is broken: when to come again, and where in the log to look."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import requests

from tests.integration.service.sandbox import PRODUCTION, Sandbox, Unit, platform, sandbox

REPORT_TOKEN = "report-token-of-the-test-0123456789"
TRACE = "5f0c1a2b3c4d5e6f708192a3b4c5d6e7"


def report(both: Sandbox) -> requests.Response:
    headers = {"Authorization": f"Bearer {REPORT_TOKEN}", "X-Cloud-Trace-Context": f"{TRACE}/1;o=1"}
    return requests.get(
        f"{both.service}/reports/{PRODUCTION}", params={"format": "json"}, headers=headers, timeout=60
    )  # fmt: skip


def test_what_nobody_has_expected_names_the_trace_under_which_the_log_has_it(pedestrians: dict[str, Any]) -> None:
    unit = Unit(pedestrians["images"][0], stage="Score")
    with sandbox([unit], variables={"REPORT_TOKEN": REPORT_TOKEN}) as both:
        assert both.score(unit.data_hash).status_code == 200
        with closing(sqlite3.connect(both.directory / "scores.sqlite")) as connection, connection:
            connection.execute("UPDATE score_records SET details = 'no JSON at all, and secret'")
        answer = report(both)
        assert (answer.status_code, answer.json()["trace"]) == (500, TRACE)
        assert "secret" not in answer.text
        (entry,) = [
            line for line in map(json.loads, both.log().splitlines()) if line["message"].startswith("unexpected")
        ]
        assert entry["trace"] == TRACE


def test_a_database_that_cannot_be_used_is_503_with_a_time_to_come_again(pedestrians: dict[str, Any]) -> None:
    with platform([Unit(pedestrians["images"][0])], variables={"REPORT_TOKEN": REPORT_TOKEN}) as both:
        both.environment["DATABASE_URL"] = f"sqlite:///{both.directory}/no/such/folder/scores.sqlite"
        with both.serving():
            answer = report(both)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
            assert "score store" in answer.json()["message"]
