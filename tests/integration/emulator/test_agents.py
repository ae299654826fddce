"""Agent stages on Auto: the custom agent is called once per task, and its decision is followed."""

import copy
import socket
from typing import Any

import pytest
from encord import EncordUserClient
from encord.http.constants import RequestsSettings
from encord_agents.core.webhooks import WebhookVerificationError

from .conftest import BENCHMARK_DATA, CONSENSUS_WORKFLOW, KEYS, OPERATOR, PROJECT, Receiver, Site, Start

SECRET = "routing-secret"


def with_agent(receiver: Receiver, **agent: Any) -> dict[str, Any]:
    workflow = copy.deepcopy(CONSENSUS_WORKFLOW)
    workflow["stages"][0]["agent"] = {"url": f"{receiver.url}/route", "secret": SECRET, **agent}
    return workflow


def run(start: Start, receiver: Receiver, answers: list[tuple[int, Any]], **changes: Any) -> Site:
    receiver.answers = answers
    agent = changes.pop("agent", {})
    site = start(workflow=with_agent(receiver, **agent), datasets=["Benchmark"], **changes)
    site.settle()
    return site


def test_every_task_is_called_once_signed_and_with_the_documented_body(start: Start, receiver: Receiver) -> None:
    run(start, receiver, [(200, {"decision": "Yes"})])
    assert sorted(r.json()["dataHash"] for r in receiver.received) == sorted(BENCHMARK_DATA)
    for request in receiver.received:
        assert request.json() == {"projectHash": PROJECT, "dataHash": request.json()["dataHash"], "frame": 0}
        request.verify(SECRET)
        with pytest.raises(WebhookVerificationError):
            request.verify("another secret")


def test_the_decision_names_the_pathway_and_the_history_keeps_it(start: Start, receiver: Receiver) -> None:
    site = run(start, receiver, [(200, {"decision": "No"})])
    assert set(site.where().values()) == {"Annotate"}
    task = site.control("GET", f"projects/{PROJECT}/tasks")["tasks"][0]
    assert [step["title"] for step in task["history"]] == ["Routing", "Annotate"]
    assert task["history"][-1]["pathway"] == "No"


@pytest.mark.parametrize("answer", [{}, {"decision": None}, {"decision": "  "}, {"decision": "x" * 257}])
def test_without_a_usable_decision_the_default_pathway_is_taken(
    start: Start, receiver: Receiver, answer: dict[str, Any]
) -> None:
    site = run(start, receiver, [(200, answer)], agent={"default_pathway": "Yes"})
    assert set(site.where().values()) == {"Consensus"}


@pytest.mark.parametrize("answer", [{}, {"decision": "yes"}, {"decision": "Perhaps"}])
def test_a_decision_that_names_no_pathway_fails_and_the_task_stays(
    start: Start, receiver: Receiver, answer: dict[str, Any]
) -> None:
    site = run(start, receiver, [(200, answer)])
    assert set(site.where().values()) == {"Routing"}
    failed = site.control("GET", "deliveries?kind=agent&outcome=failed")["deliveries"]
    assert len(failed) == len(BENCHMARK_DATA)
    assert all(len(delivery["attempts"]) == 1 for delivery in failed)


def test_failed_calls_are_tried_again_as_often_as_the_switch_says(start: Start, receiver: Receiver) -> None:
    site = run(
        start, receiver, [(500, {"message": "no"})], switches={"auto_retries": 2, "auto_retry_delay_seconds": 0.01}
    )
    failed = site.control("GET", "deliveries?outcome=failed")["deliveries"]
    assert [[attempt["status"] for attempt in d["attempts"]] for d in failed] == [[500] * 3] * len(BENCHMARK_DATA)
    assert set(site.where().values()) == {"Routing"}


def test_with_retries_switched_off_a_failed_task_waits_until_it_is_called_again(
    start: Start, receiver: Receiver
) -> None:
    site = run(start, receiver, [(503, {"message": "later"})], switches={"auto_retries": 0})
    assert len(receiver.received) == len(BENCHMARK_DATA)
    receiver.answers = [(200, {"decision": "Yes"})]
    assert site.control("POST", "retry") == {"called": len(BENCHMARK_DATA)}
    site.settle()
    assert set(site.where().values()) == {"Consensus"}


def test_an_agent_that_cannot_be_reached_is_a_failed_delivery(start: Start, receiver: Receiver) -> None:
    workflow = with_agent(receiver)
    workflow["stages"][0]["agent"]["url"] = "http://127.0.0.1:1/route"
    site = start(workflow=workflow, datasets=["Benchmark"], switches={"auto_retries": 0})
    site.settle()
    failed = site.control("GET", "deliveries?outcome=failed")["deliveries"]
    assert len(failed) == len(BENCHMARK_DATA)
    assert all("ClientConnectorError" in delivery["attempts"][0]["error"] for delivery in failed)


def test_a_call_carries_a_trace_and_requests_that_carry_it_on_are_found_by_it(start: Start, receiver: Receiver) -> None:
    site = run(start, receiver, [(200, {"decision": "Yes"})])
    deliveries = site.control("GET", "deliveries")["deliveries"]
    received = {r.headers["X-Cloud-Trace-Context"].partition("/")[0] for r in receiver.received}
    assert {d["trace"] for d in deliveries} == received
    assert len(received) == len(BENCHMARK_DATA)
    trace = deliveries[0]["trace"]
    settings = RequestsSettings(trace_id_provider=lambda: trace)
    key = KEYS[OPERATOR].private
    EncordUserClient.create_with_ssh_private_key(key, domain=site.url, requests_settings=settings).get_project(PROJECT)
    latest = site.control("GET", "requests")["latest"]
    assert [r["operation"] for r in latest if r["trace"] == trace] == [
        "GET projects/{project}",
        "GET ontologies/{ontology}",
    ]


@pytest.mark.parametrize(
    ("style", "names"),
    [
        ("current", {"X-Encord-Signature"}),
        ("both", {"X-Encord-Signature", "X-Encord-Signature-V2"}),
        ("next", {"X-Encord-Signature-V2"}),
    ],
)
def test_signature_headers_of_a_later_day_are_on_offer(
    start: Start, receiver: Receiver, style: str, names: set[str]
) -> None:
    run(start, receiver, [(200, {"decision": "Yes"})], switches={"signature_headers": style})
    for request in receiver.received:
        assert {name for name in request.headers if name.startswith("X-Encord-Signature")} == names
        if style == "next":
            with pytest.raises(WebhookVerificationError):
                request.verify(SECRET)
        else:
            request.verify(SECRET)


def test_an_agent_that_takes_too_long_is_given_up_and_called_again(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        workflow = copy.deepcopy(CONSENSUS_WORKFLOW)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/route"
        workflow["stages"][0]["agent"] = {"url": url, "secret": SECRET}
        switches = {"auto_retries": 1, "agent_timeout_seconds": 0.2}
        site = start(workflow=workflow, datasets=["Benchmark"], switches=switches)
        site.settle()
    failed = site.control("GET", "deliveries?outcome=failed")["deliveries"]
    assert [len(delivery["attempts"]) for delivery in failed] == [2] * len(BENCHMARK_DATA)
    assert all("Timeout" in attempt["error"] for delivery in failed for attempt in delivery["attempts"])


def test_higher_priority_goes_first(start: Start, receiver: Receiver) -> None:
    site = run(start, receiver, [(503, {})], switches={"auto_retries": 0, "agent_concurrency": 1})
    for row, priority in zip(site.project().list_label_rows_v2(), (0.1, 0.9, 0.5), strict=True):
        row.set_priority(priority)
    receiver.received.clear()
    site.control("POST", "retry")
    site.settle()
    called = [request.json()["dataHash"] for request in receiver.received]
    assert called == [BENCHMARK_DATA[1], BENCHMARK_DATA[2], BENCHMARK_DATA[0]]


def test_a_stage_is_given_its_agent_while_tasks_wait_at_it(start: Start, receiver: Receiver) -> None:
    receiver.answers = [(200, {"decision": "Yes"})]
    site = start(workflow=CONSENSUS_WORKFLOW, datasets=["Benchmark"])
    (routing,) = [s for s in site.project().workflow.stages if s.title == "Routing"]
    path = f"projects/{PROJECT}/stages/{routing.uuid}/agent"
    assert site.control("PUT", path, {"mode": "auto", "url": f"{receiver.url}/route", "secret": SECRET}) is None
    assert set(site.where().values()) == {"Routing"}
    assert site.control("POST", "retry") == {"called": len(BENCHMARK_DATA)}
    site.settle()
    receiver.received[0].verify(SECRET)
    assert set(site.where().values()) == {"Consensus"}
