"""Label rows as they stand on the wire: timestamps, reviews of labels, and how many may be asked for at a time."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from encord.exceptions import InvalidArgumentsError
from encord.objects import LabelRowV2

from .conftest import ANNOTATORS, BENCHMARK_DATA, KEYS, OPERATOR, PROJECT, REVIEWER, Site, Start
from .everything import COORDINATES
from .raw import RawClient

RESOURCE = ("project", PROJECT)
REVIEWED: dict[str, Any] = {
    "stages": [
        {"type": "annotation", "title": "Annotate", "next": "Review"},
        {"type": "review", "title": "Review", "next": "Complete", "reject": "Annotate"},
        {"type": "complete"},
    ]
}


def stored(site: Site, label_hash: str | None, **more: Any) -> dict[str, Any]:
    raw = RawClient(site.url, KEYS[OPERATOR].private)
    answer = raw.legacy("labelrow", "GET", uid=[label_hash], payload={"multi_request": True, **more}, resource=RESOURCE)
    (row,) = answer.json()["response"]
    found: dict[str, Any] = row
    return found


def drawn(site: Site) -> LabelRowV2:
    """A saved row with one box."""
    (row,) = site.project().list_label_rows_v2(data_hashes=[BENCHMARK_DATA[0]])
    row.initialise_labels()
    box = row.ontology_structure.objects[0].create_instance()
    box.set_for_frames(COORDINATES["bounding_box"][0], frames=0)
    row.add_object_instance(box)
    row.save()
    return row


def boxes(row: dict[str, Any]) -> list[dict[str, Any]]:
    (unit,) = row["data_units"].values()
    found: list[dict[str, Any]] = unit["labels"]["objects"]
    return found


@pytest.mark.parametrize(
    ("switch", "form"),
    [
        ("plain", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),
        ("rfc_1123", r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d UTC"),
    ],
)
def test_a_rows_timestamps_have_one_of_the_two_recorded_forms(start: Start, switch: str, form: str) -> None:
    site = start(switches={"row_timestamps": switch})
    row = drawn(site)
    raw = stored(site, row.label_hash)
    for key in ("created_at", "last_edited_at"):
        assert re.fullmatch(form, raw[key])
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d UTC", boxes(raw)[0]["createdAt"])
    row.initialise_labels(overwrite=True)
    (listed,) = site.project().list_label_rows_v2(label_hashes=[str(row.label_hash)])
    assert row.created_at == listed.created_at.replace(microsecond=0)


def test_a_label_tells_its_reviews_only_when_they_are_asked_for(start: Start) -> None:
    site = start(workflow=REVIEWED)
    row = drawn(site)
    assert [box["reviews"] for box in boxes(stored(site, row.label_hash))] == [[]]
    (task,) = site.project().workflow.get_stage(name="Annotate").get_tasks(data_hash=BENCHMARK_DATA[0])
    task.submit()
    (review,) = site.project(REVIEWER).workflow.get_stage(name="Review").get_tasks()
    (of_label,) = review.get_label_reviews()
    of_label.reject(comment="too large")
    assert [box["reviews"] for box in boxes(stored(site, row.label_hash))] == [[]]
    ((told,),) = [box["reviews"] for box in boxes(stored(site, row.label_hash, include_reviews=True))]
    assert (told["reviewUuid"], told["status"], told["comment"]) == (str(of_label.uuid), "REJECTED", "too large")


def test_what_is_written_back_with_reviews_does_not_change_them(start: Start) -> None:
    site = start(workflow=REVIEWED)
    row = drawn(site)
    raw = stored(site, row.label_hash)
    boxes(raw)[0]["reviews"] = [{"status": "APPROVED"}]
    client = RawClient(site.url, KEYS[OPERATOR].private)
    payload = {"multi_request": True, "labels": [raw]}
    answer = client.legacy("labelrow", "POST", uid=[row.label_hash], payload=payload, resource=RESOURCE)
    assert answer.json()["status"] == 200
    assert boxes(stored(site, row.label_hash, include_reviews=True))[0]["reviews"] == []


@pytest.mark.parametrize(
    "what",
    ["create rows", "read rows", "save rows", "move tasks", "act on tasks", "set priorities", "reopen rows"],
)
def test_more_than_a_bundle_is_refused_whole(start: Start, what: str) -> None:
    site = start(workflow=REVIEWED, switches={"largest_bundle": 2})
    project = site.project()
    stage, review = project.workflow.get_stage(name="Annotate"), project.workflow.get_stage(name="Review")
    rows = [row for row in project.list_label_rows_v2() if row.data_hash in BENCHMARK_DATA]
    if what in ("read rows", "save rows", "reopen rows"):
        for row in rows:
            row.initialise_labels()
    before = (site.where(), site.control("GET", "world")["labels"])
    bundle = project.create_bundle(bundle_size=3)
    for row in rows:
        if what in ("create rows", "read rows"):
            row.initialise_labels(bundle=bundle, overwrite=True)
        elif what == "save rows":
            row.save(bundle=bundle)
        elif what == "set priorities":
            row.set_priority(0.9, bundle=bundle)
        elif what == "reopen rows":
            row.workflow_reopen(bundle=bundle)
    if what in ("act on tasks", "move tasks"):
        for task in stage.get_tasks(data_hash=list(BENCHMARK_DATA)):
            if what == "move tasks":
                task.move(destination_stage_uuid=review.uuid, bundle=bundle)
            else:
                task.assign(ANNOTATORS[0], bundle=bundle)
    with pytest.raises(InvalidArgumentsError, match="At most 2"):
        bundle.execute()
    assert (site.where(), site.control("GET", "world")["labels"]) == before


def test_the_sdks_own_bundles_are_taken(start: Start) -> None:
    site = start()
    project = site.project()
    rows = project.list_label_rows_v2()
    with project.create_bundle() as bundle:
        for row in rows:
            row.initialise_labels(bundle=bundle)
    assert all(row.is_labelling_initialised for row in rows)


def test_a_raw_row_that_is_written_back_as_it_was_read_is_no_edit(start: Start) -> None:
    site = start(workflow=REVIEWED)
    row = drawn(site)
    stored_labels = site.control("GET", "world")["labels"][0]["labels"]
    raw, client = stored(site, row.label_hash), RawClient(site.url, KEYS[OPERATOR].private)
    payload = {"multi_request": True, "labels": [raw]}
    client.legacy("labelrow", "POST", uid=[row.label_hash], payload=payload, resource=RESOURCE)
    assert site.control("GET", "world")["labels"][0]["labels"] == stored_labels
    now = datetime.now(UTC)
    logs = site.project().get_editor_logs(now - timedelta(hours=1), now + timedelta(hours=1))
    assert [log.action for log in logs if log.action.endswith("_object")] == ["add_object"]
