"""The traps of label rows: what the SDK does to labels on their way to the platform and back."""

import copy
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from encord.exceptions import LabelRowError

from .conftest import KEYS, OPERATOR, PROJECT, REVIEWER, Site, Start
from .everything import COORDINATES
from .raw import RawClient
from .test_label_rows import DATA, HASHES, canonical, classify, instance, row_of, world

RESOURCE = ("project", PROJECT)


@pytest.fixture
def site(start: Start) -> Site:
    return start(world())


@pytest.fixture
def raw(site: Site) -> RawClient:
    return RawClient(site.url, KEYS[OPERATOR].private)


def stored(raw: RawClient, label_hash: str | None) -> dict[str, Any]:
    answer = raw.legacy("labelrow", "GET", uid=[label_hash], payload={"multi_request": True}, resource=RESOURCE)
    (row,) = answer.json()["response"]
    found: dict[str, Any] = row
    return found


def store(raw: RawClient, row: dict[str, Any]) -> None:
    payload = {"multi_request": True, "labels": [row], "validate_before_saving": False}
    answer = raw.legacy("labelrow", "POST", uid=[row["label_hash"]], payload=payload, resource=RESOURCE)
    assert answer.json()["status"] == 200, answer.text


def the_unit(row: dict[str, Any]) -> dict[str, Any]:
    (unit,) = row["data_units"].values()
    found: dict[str, Any] = unit
    return found


def test_a_row_has_as_many_frames_as_its_file_and_a_label_beyond_them_cannot_be_read(
    site: Site, raw: RawClient
) -> None:
    """Trap 16."""
    frames = DATA["video"]["frames"]
    row = row_of(site, "video")
    assert row.number_of_frames == frames
    point = instance(row, "point")
    point.set_for_frames(COORDINATES["point"][0], frames=[0, frames - 1])
    row.add_object_instance(point)
    row.save()
    (again,) = row_of(site, "video", REVIEWER).get_object_instances()
    assert [annotation.frame for annotation in again.get_annotations()] == [0, frames - 1]
    short = copy.deepcopy(stored(raw, row.label_hash))
    with pytest.raises(LabelRowError):
        row.from_labels_dict(_one_frame_later(short))


def _one_frame_later(row: dict[str, Any]) -> dict[str, Any]:
    labels = the_unit(row)["labels"]
    last = max(labels, key=int)
    labels[str(int(last) + 1)] = labels.pop(last)
    return row


def test_classifications_are_read_from_their_answers_and_from_nothing_else(site: Site, raw: RawClient) -> None:
    """Trap 17."""
    row = row_of(site, "image")
    classify(row, [0])
    row.save()
    saved = stored(raw, row.label_hash)
    answers = saved["classification_answers"]
    assert len(row_of(site, "image", REVIEWER).get_classification_instances()) == len(answers) > 0
    assert all(answer["featureHash"] and answer["range"] is not None for answer in answers.values())
    stubs = [{"classificationHash": key, "featureHash": a["featureHash"]} for key, a in answers.items()]
    the_unit(saved)["labels"]["classifications"] = stubs
    store(raw, {**saved, "classification_answers": {}})
    assert row_of(site, "image", REVIEWER).get_classification_instances() == []


def test_lists_that_come_back_in_another_order_are_the_same_labels(site: Site, raw: RawClient) -> None:
    """Trap 19: no change is recorded when only the order of answers is another one."""
    row = row_of(site, "video")
    point = instance(row, "point")
    point.set_for_frames(COORDINATES["point"][0])
    row.add_object_instance(point)
    row.save()
    before = stored(raw, row.label_hash)
    turned = copy.deepcopy(before)
    (answer,) = turned["object_answers"].values()
    answer["classifications"].reverse()
    assert len(answer["classifications"]) > 1
    store(raw, turned)
    row_of(site, "video").save()
    assert canonical(stored(raw, row.label_hash)) == canonical(before)
    now = datetime.now(UTC)
    logs = site.project().get_editor_logs(now - timedelta(hours=1), now + timedelta(hours=1))
    assert [log.action for log in logs if log.action.endswith("_object")] == ["add_object"]


def test_times_have_seconds_and_an_untouched_save_keeps_them(site: Site, raw: RawClient) -> None:
    """Trap 20."""
    row = row_of(site, "image")
    point = instance(row, "point")
    edited = datetime(2024, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC)
    point.set_for_frames(COORDINATES["point"][0], created_at=edited, last_edited_at=edited)
    row.add_object_instance(point)
    row.save()
    for _ in range(2):
        (label,) = the_unit(stored(raw, row.label_hash))["labels"]["objects"]
        assert label["lastEditedAt"] == label["createdAt"] == "Sat, 03 Feb 2024 04:05:06 UTC"
        row_of(site, "image").save()


def test_a_label_without_time_of_its_last_edit_is_read_as_edited_now_and_saved_so(site: Site, raw: RawClient) -> None:
    """Trap 20."""
    row = row_of(site, "image")
    point = instance(row, "point")
    edited = datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)
    point.set_for_frames(COORDINATES["point"][0], created_at=edited, last_edited_at=edited)
    row.add_object_instance(point)
    row.save()
    saved = stored(raw, row.label_hash)
    (label,) = the_unit(saved)["labels"]["objects"]
    del label["lastEditedAt"]
    store(raw, saved)
    started = time.time()
    again = row_of(site, "image")
    assert again.get_object_instances()[0].get_annotation(0).last_edited_at.timestamp() >= started
    again.save()
    (served,) = the_unit(stored(raw, row.label_hash))["labels"]["objects"]
    assert served["createdAt"] == "Sat, 03 Feb 2024 04:05:06 UTC" != served["lastEditedAt"]


def test_a_bundle_asks_in_the_order_in_which_kinds_of_calls_were_first_made(site: Site) -> None:
    """Trap 21: a save is sent after a priority that was set later, when another priority was set before."""
    one, two = (row_of(site, kind) for kind in ("image", "video"))
    site.control("DELETE", "requests")
    with site.project().create_bundle() as bundle:
        one.set_priority(0.5, bundle=bundle)
        one.save(bundle=bundle)
        two.set_priority(0.25, bundle=bundle)
        two.save(bundle=bundle)
    asked = [r["operation"] for r in site.control("GET", "requests")["latest"]]
    assert asked[-2:] == ["POST projects/{project}/priorities", "legacy labelrow.POST"]


def test_labels_of_one_branch_are_not_seen_under_the_label_hash_of_another(site: Site, raw: RawClient) -> None:
    """Trap 25."""
    project = site.project()
    (branch,) = project.list_label_rows_v2([HASHES["image"]], branch_name="other")
    branch.initialise_labels()
    main = row_of(site, "image")
    classify(branch, [0])
    branch.save()
    assert main.label_hash != branch.label_hash
    counts = {h: len(stored(raw, h)["classification_answers"]) for h in (main.label_hash, branch.label_hash)}
    assert counts[main.label_hash] == 0 < counts[branch.label_hash]
    assert stored(raw, main.label_hash)["branch_name"] == "main"
