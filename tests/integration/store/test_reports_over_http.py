"""`GET /reports/{project}` of the running service."""

import json

import pytest
import requests

from benchmark_qa.store.score_store import SqlScoreStore
from tests.integration.store.deployments import REPORT_TOKEN, service
from tests.records import PROJECT, record

OPERATOR = {"Authorization": f"Bearer {REPORT_TOKEN}"}


@pytest.fixture
def filled(url: str) -> str:
    store = SqlScoreStore(url)
    store.save([record(n, annotator=f"{n % 3}@x.org") for n in range(9)])
    store.close()
    return url


def test_an_operator_gets_the_report_and_nobody_else_does(filled: str) -> None:
    with service(filled) as address:
        where = f"{address}/reports/{PROJECT}"
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic !"}):
            refused = requests.get(where, headers=headers, timeout=30)
            assert refused.status_code == 401
            assert refused.headers["WWW-Authenticate"].startswith("Basic")
            assert PROJECT not in refused.text
        page = requests.get(where, headers=OPERATOR, timeout=60)
        assert page.status_code == 200
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["Cache-Control"] == "no-store"
        assert page.text.startswith("<!DOCTYPE html>")
        in_browser = requests.get(where, auth=("operator", REPORT_TOKEN), params={"format": "json"}, timeout=60)
        assert len(in_browser.json()["annotators"]) == 3
        for format_, begins in (("csv", b"tasks,"), ("parquet", b"PAR1"), ("markdown", b"**Benchmark QA**")):
            answer = requests.get(where, headers=OPERATOR, params={"format": format_}, timeout=60)
            assert answer.content.startswith(begins)


def test_bad_questions_get_clear_answers(filled: str) -> None:
    with service(filled) as address:

        def ask(project: str = PROJECT, **parameters: str) -> requests.Response:
            return requests.get(f"{address}/reports/{project}", headers=OPERATOR, params=parameters, timeout=60)

        other = ask("7a000000-0000-4000-8000-00000000ffff")
        assert (other.status_code, "not served" in other.json()["message"]) == (403, True)
        assert ask("not-a-hash").status_code == 422
        assert ask(format="pdf").status_code == 422
        assert (ask(timezone="Mars/Olympus").status_code, ask(timezone="../../etc/passwd").status_code) == (422, 422)
        assert ask(as_of="2026-03-01T12:00").status_code == 422, "a time without a zone is no moment"
        past = ask(format="json", as_of="2026-02-01T00:00:00+00:00")
        assert past.json()["annotators"] == []


def test_a_database_that_cannot_be_used_is_said_to_be_the_reason() -> None:
    with service("postgresql+psycopg://nobody@127.0.0.1:1/nothing") as address:
        answer = requests.get(f"{address}/reports/{PROJECT}", headers=OPERATOR, timeout=60)
        assert answer.status_code == 503
        assert "score store" in json.loads(answer.content)["message"]
