"""What the operator sees: health, readiness, metrics, the doctor's findings, OpenAPI."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.integration.service.sandbox import (
    PRODUCTION,
    SCORE_SECRET,
    SCORING_STAGE,
    Sandbox,
    Unit,
    sandbox,
    signed,
    uuid,
)

TOKEN = "metrics-token-of-the-test-0123456789"
REPORT_TOKEN = "report-token-of-the-test-0123456789"


@pytest.fixture(scope="module")
def running(pedestrians: dict[str, Any]) -> Iterator[Sandbox]:
    units = [Unit(image, stage="Score") for image in pedestrians["images"][:2]]
    with sandbox(units, variables={"METRICS_TOKEN": TOKEN, "REPORT_TOKEN": REPORT_TOKEN, "API_DOCS": "true"}) as both:
        yield both


def test_liveness_asks_encord_nothing(running: Sandbox) -> None:
    running.forget_requests()
    for path in ("/livez", "/healthz"):
        assert requests.get(running.service + path, timeout=10).json() == {"status": "alive"}
    assert running.requests_of_service() == {}


def test_readiness_names_every_check_and_is_cached(running: Sandbox) -> None:
    answer = requests.get(f"{running.service}/readyz", timeout=30)
    assert answer.status_code == 200
    assert {check["check"].split(" ")[0] for check in answer.json()["checks"]} >= {"production", "benchmark", "routing"}
    running.forget_requests()
    requests.get(f"{running.service}/readyz", timeout=30)
    assert running.requests_of_service() == {}


def test_a_stage_that_is_not_there_is_named_with_what_to_do(pedestrians: dict[str, Any]) -> None:
    config = {"stages": {"routing": {"name": "Roting"}, "scoring": [{"name": "Score", "pass_pathway": "Gone"}]}}
    tokens = {"REPORT_TOKEN": REPORT_TOKEN, "METRICS_TOKEN": TOKEN}
    with sandbox([Unit(pedestrians["images"][0])], config=config, variables=tokens) as both:
        for token in ("", "Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}"):
            answer = requests.get(f"{both.service}/readyz", headers={"Authorization": token}, timeout=30)
            assert answer.status_code == 503
            assert "Roting" not in answer.text
            assert "routing stage" in [check["check"] for check in answer.json()["checks"] if not check["fine"]]
        for path in ("/docs", "/redoc", "/openapi.json"):
            assert requests.get(both.service + path, timeout=10).status_code == 404, "unless API_DOCS says so"
        requests.get(f"{both.service}/readyz", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
        answer = requests.get(f"{both.service}/readyz", headers={"Authorization": f"Bearer {REPORT_TOKEN}"}, timeout=30)
        faults = [check for check in answer.json()["checks"] if not check["fine"]]
        assert [fault["check"] for fault in faults] == ["routing stage", "scoring stage"]
        assert "'Roting'" in faults[0]["message"]
        assert "'Gone'" in faults[1]["message"]
        done = both.command("doctor")
        assert done.returncode == 4
        assert "correct 'stages' in the configuration" in done.stdout


def test_the_doctor_finds_a_project_that_the_service_may_not_see(running: Sandbox) -> None:
    config = json.loads(running.environment["BENCHMARK_QA_CONFIG"]) | {"benchmark_projects": [uuid("nobody's")]}
    broken = Sandbox(
        running.domain,
        running.service,
        {**running.environment, "BENCHMARK_QA_CONFIG": json.dumps(config)},
        running.directory,
    )
    done = broken.command("doctor", "--json")
    assert done.returncode == 4
    fault = next(finding for finding in json.loads(done.stdout) if not finding["fine"])
    assert fault["check"].startswith("benchmark project")
    assert "add the service's user to the project" in fault["remedy"]


def test_the_doctor_reaches_the_service_from_outside(running: Sandbox) -> None:
    def said(url: str) -> tuple[int, str]:
        done = running.command("doctor", "--json", "--url", url)
        (finding,) = [each for each in json.loads(done.stdout) if each["check"] == f"service at {url}"]
        return done.returncode, finding["message"]

    assert said(f"{running.service}/") == (0, "answers")
    assert said(running.domain) == (4, "something answers HTTP 404, and it is not this service")
    assert said("http://127.0.0.1:9") == (4, "no connection")


def test_metrics_are_served_to_the_tokens_owner_and_name_no_token(running: Sandbox) -> None:
    running.score(uuid("production/0"))
    running.ask_in_editor(uuid("production/0"))
    for path in ("/no/such/path", "/reports/made-up", "/agents/route/made-up-too"):
        requests.get(f"{running.service}{path}", timeout=10)
    assert requests.get(f"{running.service}/metrics", timeout=10).status_code == 401
    text = requests.get(f"{running.service}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10).text
    assert 'benchmark_qa_requests_total{endpoint="/agents/score"' in text
    assert "benchmark_qa_encord_requests_total" in text
    assert "editor-token" not in text
    assert "/no/such" not in text
    assert "made-up" not in text


def test_what_a_worker_process_has_scored_is_counted(running: Sandbox) -> None:
    def scored() -> float:
        text = requests.get(f"{running.service}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10).text
        lines = [line for line in text.splitlines() if line.startswith("benchmark_qa_scores_total")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    before = scored()
    assert running.notify(SCORING_STAGE).status_code == 200
    assert scored() - before == len(running.recorded()) > 0


def test_a_refusal_is_logged_under_the_trace_of_its_request(running: Sandbox) -> None:
    trace = "0123456789abcdef0123456789abcdef"
    body = json.dumps({"projectHash": PRODUCTION, "dataHash": uuid("production/0")}).encode()
    headers = signed(body, SCORE_SECRET) | {"X-Cloud-Trace-Context": f"{trace}/1;o=1"}
    assert running.send("/agents/score", body, headers).status_code == 409
    log = (running.directory / "service.log").read_text().splitlines()
    assert "refused with 409" in next(line for line in log if trace in line)


def test_openapi_documents_every_endpoint_with_an_example(running: Sandbox) -> None:
    document = requests.get(f"{running.service}/openapi.json", timeout=10).json()
    paths = document["paths"]
    assert {"/agents/route", "/agents/score", "/notifications/task-ready", "/events/task-submitted"} <= set(paths)
    for path in ("/agents/route", "/agents/score"):
        schema = paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert schema["examples"]
