"""Agent stages on Advanced, and the webhooks of Annotate and Complete stages."""

import copy
import json
from typing import Any

import pytest
from encord_agents.core.webhooks import AgentStageWorkReason, verify_and_parse_notification

from .conftest import BENCHMARK_DATA, CONSENSUS_WORKFLOW, PROJECT, Receiver, Site, Start

SECRET = "stage-secret"
FIVE_MINUTES = 300


def advanced(start: Start, receiver: Receiver, *, batch_size: int, max_wait_minutes: float) -> Site:
    workflow = copy.deepcopy(CONSENSUS_WORKFLOW)
    workflow["stages"][0]["agent"] = {
        "mode": "advanced",
        "url": f"{receiver.url}/notify",
        "secret": SECRET,
        "batch_size": batch_size,
        "max_wait_minutes": max_wait_minutes,
    }
    return start(workflow=workflow, datasets=["Benchmark"])


def advance(site: Site, seconds: float) -> None:
    site.control("POST", "clock", {"advance_seconds": seconds})
    site.settle()


def test_nothing_is_sent_before_the_five_minute_look(start: Start, receiver: Receiver) -> None:
    site = advanced(start, receiver, batch_size=1, max_wait_minutes=60)
    advance(site, FIVE_MINUTES - 60)
    assert receiver.received == []
    advance(site, 60)
    assert len(receiver.received) == 1


def test_a_full_batch_is_notified_in_the_librarys_own_form(start: Start, receiver: Receiver) -> None:
    site = advanced(start, receiver, batch_size=3, max_wait_minutes=60)
    advance(site, FIVE_MINUTES)
    (request,) = receiver.received
    notification = verify_and_parse_notification(request.body, request.headers, secret=SECRET)
    assert str(notification.project_hash) == PROJECT
    assert notification.payload.pending_count == len(BENCHMARK_DATA)
    assert notification.payload.reason is AgentStageWorkReason.BATCH_SIZE_REACHED


def test_a_smaller_queue_waits_for_the_maximum_wait(start: Start, receiver: Receiver) -> None:
    site = advanced(start, receiver, batch_size=4, max_wait_minutes=12)
    advance(site, 2 * FIVE_MINUTES)
    assert receiver.received == []
    advance(site, FIVE_MINUTES)
    (request,) = receiver.received
    assert json.loads(request.body)["payload"]["reason"] == "max_wait_elapsed"


def test_it_is_sent_again_with_a_new_uid_until_the_queue_is_worked_off(start: Start, receiver: Receiver) -> None:
    site = advanced(start, receiver, batch_size=1, max_wait_minutes=60)
    advance(site, 3 * FIVE_MINUTES)
    uids = [json.loads(request.body)["uid"] for request in receiver.received]
    assert len(uids) == len(set(uids)) == 3
    routing = site.project().workflow.get_stage(name="Routing")
    for task in list(routing.get_tasks()):
        task.proceed(pathway_name="No")
    advance(site, 2 * FIVE_MINUTES)
    assert len(receiver.received) == 3


def with_webhooks(start: Start, receiver: Receiver, **switches: Any) -> Site:
    workflow = {
        "stages": [
            {
                "type": "annotation",
                "title": "Annotate",
                "next": "Complete",
                "webhook": {"url": f"{receiver.url}/submitted", "secret": SECRET},
            },
            {"type": "complete", "webhook": {"url": f"{receiver.url}/completed", "secret": SECRET}},
        ]
    }
    return start(workflow=workflow, datasets=["Benchmark"], switches=switches)


def submit_first(site: Site) -> str:
    project = site.project()
    (row,) = project.list_label_rows_v2(data_hashes=[BENCHMARK_DATA[0]])
    row.initialise_labels()
    (task,) = project.workflow.get_stage(name="Annotate").get_tasks(data_hash=BENCHMARK_DATA[0])
    task.submit()
    site.settle()
    assert row.label_hash is not None
    return row.label_hash


def test_submitting_and_completing_send_signed_events_with_the_hashes(start: Start, receiver: Receiver) -> None:
    label_hash = submit_first(with_webhooks(start, receiver))
    by_path = {request.path: request for request in receiver.received}
    for path, event_type in (("/submitted", "task_submitted_event"), ("/completed", "task_completed_event")):
        request = by_path[path]
        request.verify(SECRET)
        event = request.json()
        assert (event["event_type"], event["source"], event["version"]) == (event_type, "Encord", 1)
        assert event["payload"] == {
            "project_hash": PROJECT,
            "data_hashes": [BENCHMARK_DATA[0]],
            "label_hashes": [label_hash],
        }


@pytest.mark.parametrize("event_type", ["task_submitted_event", "task_sumbitted_event"])
def test_older_platforms_are_on_offer_by_switch(start: Start, receiver: Receiver, event_type: str) -> None:
    site = with_webhooks(start, receiver, submitted_event_type=event_type, webhook_hashes="string")
    label_hash = submit_first(site)
    event = next(request.json() for request in receiver.received if request.path == "/submitted")
    assert event["event_type"] == event_type
    assert event["payload"]["data_hashes"] == BENCHMARK_DATA[0]
    assert event["payload"]["label_hashes"] == label_hash


def test_a_refused_webhook_is_a_failed_delivery(start: Start, receiver: Receiver) -> None:
    receiver.answers = [(418, {})]
    site = with_webhooks(start, receiver, auto_retries=1)
    submit_first(site)
    failed = site.control("GET", "deliveries?kind=webhook&outcome=failed")["deliveries"]
    assert [[attempt["status"] for attempt in delivery["attempts"]] for delivery in failed] == [[418], [418]]


def test_a_webhook_that_nobody_answers_is_sent_again(start: Start, receiver: Receiver) -> None:
    site = with_webhooks(start, Receiver("http://127.0.0.1:1", []), auto_retries=2)
    submit_first(site)
    failed = site.control("GET", "deliveries?kind=webhook&outcome=failed")["deliveries"]
    assert [len(delivery["attempts"]) for delivery in failed] == [3, 3]
