"""Task-ready notifications and events: every queue is worked off, twice changes nothing."""

import threading
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.service.sandbox import (
    BENCHMARK,
    COMPLETED_SECRET,
    PRODUCTION,
    ROUTING_STAGE,
    SCORING_STAGE,
    SUBMITTED_SECRET,
    Unit,
    free_port,
    sandbox,
    uuid,
)


@pytest.fixture(scope="module")
def images(pedestrians: dict[str, Any]) -> list[dict[str, Any]]:
    return [image for image in pedestrians["images"] if image["ground_truth"]]


@pytest.mark.encord
def test_a_notification_works_off_a_routing_queue_with_few_requests(images: list[Any]) -> None:
    with sandbox([Unit(image) for image in images[:5]], production_images=260) as both:
        both.notify(ROUTING_STAGE, event_type="something_else")
        both.route(uuid("production/0"))  # the projects are warm now
        both.forget_requests()
        answer = both.notify(ROUTING_STAGE)
        assert answer.json()["message"].startswith("265 tasks sent on")
        assert sum(both.requests_of_service().values()) <= 3 + 1 + 2
        assert (both.stages()["Consensus"], both.stages()["Annotate"]) == (5, 260)


@pytest.mark.encord
def test_a_notification_scores_and_sends_on_what_waits(images: list[Any]) -> None:
    units = [Unit(image, stage="Score") for image in images[:6]]
    with sandbox(units) as both:
        assert both.notify(SCORING_STAGE).json()["message"].startswith("6 tasks sent on")
        assert both.stages()["Complete"] == 6
        before = both.report()
        assert len(before["tasks"]) == sum(len(unit.annotations) for unit in units)
        assert both.notify(SCORING_STAGE).json()["message"].startswith("0 tasks sent on")
        assert both.report() == before


def test_overlapping_drains_move_every_task_once(images: list[Any]) -> None:
    with sandbox([Unit(image) for image in images[:3]], production_images=400) as both:
        answers: list[str] = []

        def drain_by_notification() -> None:
            answers.append(both.notify(ROUTING_STAGE).json()["message"])

        def drain_by_hand() -> None:
            answers.append(both.command("route").stdout)

        drains = [threading.Thread(target=work) for work in [drain_by_notification, drain_by_hand] * 3]
        for drain in drains:
            drain.start()
        for drain in drains:
            drain.join()
        assert (both.stages()["Consensus"], both.stages()["Annotate"], both.stages()["Routing"]) == (3, 400, 0)
        moved = [int(answer.split(" tasks", maxsplit=1)[0].replace(",", "")) for answer in answers]
        assert sum(moved) == 403
        tasks = both.control("GET", f"projects/{PRODUCTION}/tasks")["tasks"]
        through_routing = [[step for step in task["history"] if step.get("pathway") in ("Yes", "No")] for task in tasks]
        assert {len(steps) for steps in through_routing} == {1}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"version": 2}, 501),
        ({"event_type": "task_submitted_event"}, 200),
        ({"event_type": "task_submitted_event", "version": 9}, 200),
        ({"payload": {"project_hash": "x"}}, 422),
        ({"payload": None}, 422),
    ],
)
def test_other_envelopes_are_answered_as_encord_expects(images: list[Any], changes: Any, status: int) -> None:
    with sandbox([Unit(images[0])]) as both:
        assert both.notify(ROUTING_STAGE, **changes).status_code == status
        assert both.stages()["Routing"] == 4


def test_foreign_projects_stages_and_secrets_are_refused(images: list[Any]) -> None:
    with sandbox([Unit(images[0])]) as both:
        other_project = {"project_hash": str(uuid4()), "stage_uuid": ROUTING_STAGE, "pending_count": 1, "reason": "new"}
        assert both.notify(ROUTING_STAGE, payload=other_project).status_code == 403
        assert both.notify(uuid("Annotate")).status_code == 403
        assert both.notify(ROUTING_STAGE, secret="wrong").status_code == 401
        assert both.stages()["Routing"] == 4


def test_after_the_response_the_work_is_done_all_the_same(images: list[Any]) -> None:
    import time

    with sandbox([Unit(image) for image in images[:2]], variables={"DISPATCH": "background"}) as both:
        assert both.notify(ROUTING_STAGE).json() == {"message": "accepted"}
        deadline = time.monotonic() + 20
        while both.stages()["Routing"] and time.monotonic() < deadline:
            time.sleep(0.05)
        assert both.stages()["Routing"] == 0


def test_a_queue_that_takes_no_job_is_said_to_be_unavailable(images: list[Any]) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    variables = {
        "DISPATCH": "queue", "JOBS_QUEUE": f"{nowhere}/123456789012/jobs", "AWS_ENDPOINT_URL_SQS": nowhere,
        "AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_MAX_ATTEMPTS": "1",
    }  # fmt: skip
    with sandbox([Unit(images[0])], variables=variables) as both:
        answer = both.notify(ROUTING_STAGE)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
        assert "queue" in answer.json()["message"]


@pytest.mark.parametrize("as_list", [True, False])
@pytest.mark.encord
def test_submitted_labels_are_scored_whether_hashes_come_as_a_list_or_not(images: list[Any], as_list: bool) -> None:
    unit = Unit(images[0], stage="Review & Refine")
    with sandbox([unit]) as both:
        hashes: Any = [unit.data_hash] if as_list else unit.data_hash
        answer = both.event("task-submitted", SUBMITTED_SECRET, "task_submitted_event", hashes)
        assert answer.json() == {"message": "1 scored, 0 left alone"}
        assert len(both.report()["tasks"]) == len(unit.annotations)
        misspelt = both.event("task-submitted", SUBMITTED_SECRET, "task_sumbitted_event", hashes)
        assert misspelt.json() == {"message": "1 scored, 0 left alone"}
        assert len(both.report()["tasks"]) == len(unit.annotations)


def test_events_of_other_kinds_and_unscorable_items_are_acknowledged(images: list[Any]) -> None:
    with sandbox([Unit(images[0], stage="Score")]) as both:
        assert both.event("task-submitted", SUBMITTED_SECRET, "digest_event", []).status_code == 200
        ordinary = both.event("task-completed", COMPLETED_SECRET, "task_completed_event", [uuid("production/0")])
        assert ordinary.json() == {"message": "0 scored, 1 left alone"}
        assert both.event("task-completed", SUBMITTED_SECRET, "task_completed_event", []).status_code == 401
        elsewhere = both.event("task-completed", COMPLETED_SECRET, "task_completed_event", [], project=str(uuid4()))
        assert elsewhere.status_code == 403


def test_new_truth_is_scored_against_at_once(images: list[Any]) -> None:
    unit = Unit(images[0], stage="Complete")
    with sandbox([unit], config={"truth_ttl_seconds": 10**9}) as both:
        done = {"name": "task-completed", "secret": COMPLETED_SECRET, "kind": "task_completed_event"}
        both.event(**done, data_hashes=[unit.data_hash])
        before = both.report()["pooled"]
        row = both.client().get_project(BENCHMARK).list_label_rows_v2()[0]
        row.initialise_labels()
        for instance in row.get_object_instances():
            row.remove_object(instance)
        row.save()
        both.event(**done, data_hashes=[unit.data_hash], project=BENCHMARK)
        after = both.report()["pooled"]
        assert before["true_positives"] > 0
        assert after["true_positives"] == 0
        assert after["tasks"] == before["tasks"]
