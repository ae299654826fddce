"""The traps of the protocol: what a server must do so that the SDK, with all its habits, gets along."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from encord.exceptions import AuthorisationError, InvalidArgumentsError, ResourceNotFoundError
from encord.objects.coordinates import BoundingBoxCoordinates

from .conftest import BENCHMARK, BENCHMARK_DATA, KEYS, OPERATOR, PROJECT, REVIEWER, Site, Start
from .raw import RawClient

METADATA = {"include_uninitialised_labels": True, "include_workflow_graph_node": True}
STAGES = f"projects/{PROJECT}/workflow/stages"


@pytest.fixture
def site(start: Start) -> Site:
    return start(workflow=None)


@pytest.fixture
def raw(site: Site) -> RawClient:
    return RawClient(site.url, KEYS[OPERATOR].private)


def counted(site: Site) -> dict[str, int]:
    return {entry["operation"]: entry["count"] for entry in site.control("GET", "requests")["counts"]}


def metadata(raw: RawClient, **payload: Any) -> list[dict[str, Any]]:
    answer = raw.legacy(
        "labelrowmetadata", "GET", payload={**METADATA, **payload}, resource=("project", PROJECT)
    ).json()
    rows: list[dict[str, Any]] = answer["response"]
    return rows


def stage_uuid(site: Site, title: str) -> str:
    return str(site.project().workflow.get_stage(name=title).uuid)


def test_initialising_a_row_without_label_hash_creates_it(site: Site, raw: RawClient) -> None:
    """Trap 1."""
    (before,) = metadata(raw, data_hashes=BENCHMARK_DATA[:1])
    (row,) = site.project().list_label_rows_v2(data_hashes=[BENCHMARK_DATA[0]])
    assert (before["label_hash"], before["label_status"], row.label_hash) == (None, "NOT_LABELLED", None)
    row.initialise_labels()
    (after,) = metadata(raw, data_hashes=BENCHMARK_DATA[:1])
    assert (after["label_hash"], after["label_status"]) == (row.label_hash, "LABEL_IN_PROGRESS")


def test_a_project_is_two_requests(site: Site) -> None:
    """Trap 2."""
    site.client().get_project(PROJECT)
    assert counted(site) == {"GET projects/{project}": 1, "GET ontologies/{ontology}": 1}


def test_only_200_and_204_are_ever_answered_to_what_works(site: Site, raw: RawClient) -> None:
    """Trap 4."""
    answers = [
        raw.v2("GET", f"projects/{PROJECT}"),
        raw.v2("POST", f"projects/{PROJECT}/priorities", {"priorities": []}),
        raw.legacy("dataset", "GET", payload={}, resource=("dataset", BENCHMARK)),
    ]
    assert [answer.status_code for answer in answers] == [200, 204, 200]
    assert answers[1].content == b""


def test_a_server_error_is_asked_again_and_an_action_that_was_done_is_then_refused(site: Site) -> None:
    """Trap 6."""
    operation = "POST projects/{project}/workflow/stages/{stage}/actions"
    (task,) = site.project().workflow.get_stage(name="Annotate").get_tasks(data_hash=BENCHMARK_DATA[0])
    site.control("POST", "faults", {"operation": operation, "kind": "status", "status": 500, "after_effect": True})
    with pytest.raises(InvalidArgumentsError, match="not in stage"):
        task.submit()
    assert site.where()[BENCHMARK_DATA[0]] == "Review"
    assert counted(site)[operation] == 2


def test_the_last_page_has_no_token_and_never_an_empty_one(site: Site, raw: RawClient) -> None:
    """Trap 7."""
    for path in ("projects", f"projects/{PROJECT}/users", f"{STAGES}/{stage_uuid(site, 'Annotate')}/tasks"):
        assert raw.v2("GET", path).json()["nextPageToken"] is None


def test_booleans_are_written_as_python_writes_them(site: Site, raw: RawClient) -> None:
    """Trap 9."""
    (row,) = metadata(raw, data_hashes=BENCHMARK_DATA[:1])
    path = f"storage/items/{row['backing_item_uuid']}"
    assert raw.v2("GET", path, query="?signUrl=True").json()["signedUrl"].startswith(site.url)
    assert raw.v2("GET", path, query="?signUrl=False").json()["signedUrl"] is None


def test_legacy_errors_are_a_list_of_one_with_the_status_in_the_body(raw: RawClient) -> None:
    """Trap 10."""
    answer = raw.legacy("labelrow", "GET", uid=["nothing"], payload={}, resource=("project", PROJECT))
    assert answer.status_code == 200
    assert answer.json()["status"] == 404
    assert answer.json()["response"] == ["RESOURCE_NOT_FOUND_ERROR"]


def test_types_are_upper_case_in_listings_lower_case_in_rows_and_mime_in_units(site: Site, raw: RawClient) -> None:
    """Trap 11."""
    (listed,) = metadata(raw, data_hashes=BENCHMARK_DATA[:1])
    payload = {"multi_request": True, "get_signed_url": False, "branch_name": None}
    (row,) = raw.legacy(
        "labelrow", "PUT", uid=[BENCHMARK_DATA[0]], payload=payload, resource=("project", PROJECT)
    ).json()["response"]
    assert listed["data_type"] == "IMAGE"
    assert row["data_type"] == "image"
    assert row["data_units"][BENCHMARK_DATA[0]]["data_type"] == "image/png"
    assert raw.v2("GET", f"storage/items/{listed['backing_item_uuid']}").json()["itemType"] == "image"


def test_bulk_items_come_in_the_order_they_were_asked_for(site: Site, raw: RawClient) -> None:
    """Trap 15."""
    uuids = [row["backing_item_uuid"] for row in metadata(raw)]
    wanted = [uuids[4], uuids[1], uuids[4], uuids[0]]
    found = raw.v2("POST", "storage/items/get-bulk", {"itemUuids": wanted, "signUrls": False}).json()["results"]
    assert [item["uuid"] for item in found] == wanted


def test_the_list_of_datasets_alone_says_result(raw: RawClient) -> None:
    """Trap 13."""
    assert set(raw.v2("GET", "datasets/list").json()) == {"result"}


def test_what_the_sdk_does_not_write_survives_a_save(site: Site, raw: RawClient) -> None:
    """Trap 18."""
    (row,) = site.project().list_label_rows_v2(data_hashes=[BENCHMARK_DATA[0]])
    row.initialise_labels()
    payload = {"multi_request": True}
    resource = ("project", PROJECT)
    (before,) = raw.legacy("labelrow", "GET", uid=[row.label_hash], payload=payload, resource=resource).json()[
        "response"
    ]
    stripped = {**before, "data_units": {BENCHMARK_DATA[0]: {"labels": {"objects": [], "classifications": []}}}}
    saved = {"multi_request": True, "labels": [stripped], "validate_before_saving": False}
    assert raw.legacy("labelrow", "POST", uid=[row.label_hash], payload=saved, resource=resource).json()["response"]
    (after,) = raw.legacy("labelrow", "GET", uid=[row.label_hash], payload=payload, resource=resource).json()[
        "response"
    ]
    assert after["data_units"] == before["data_units"]


def test_a_bundle_opens_all_rows_on_the_first_rows_branch(site: Site) -> None:
    """Trap 21."""
    project = site.project()
    (one,) = project.list_label_rows_v2([BENCHMARK_DATA[0]], branch_name="first")
    (two,) = project.list_label_rows_v2([BENCHMARK_DATA[1]], branch_name="second")
    with project.create_bundle() as bundle:
        one.initialise_labels(bundle=bundle)
        two.initialise_labels(bundle=bundle)
    assert list(project.list_branches()) == ["main", "first"]


def test_every_branch_of_a_data_unit_has_a_label_hash_of_its_own(site: Site) -> None:
    """Trap 25."""
    project = site.project()
    hashes = set()
    for branch in ("main", "one", "two"):
        (row,) = project.list_label_rows_v2([BENCHMARK_DATA[0]], branch_name=branch)
        row.initialise_labels()
        hashes.add(row.label_hash)
    assert len(hashes) == 3


def test_task_states_of_label_rows_are_the_ones_the_sdk_knows(site: Site) -> None:
    """Trap 24."""
    project = site.project()
    seen = []

    def state() -> None:
        (row,) = project.list_label_rows_v2([BENCHMARK_DATA[0]])
        seen.append(row._label_row_read_only_data.annotation_task_status)

    state()
    (task,) = project.workflow.get_stage(name="Annotate").get_tasks(data_hash=BENCHMARK_DATA[0])
    task.assign(OPERATOR)
    state()
    task.submit()
    state()
    next(iter(project.workflow.get_stage(name="Review").get_tasks())).reject()
    state()
    next(iter(project.workflow.get_stage(name="Annotate").get_tasks(data_hash=BENCHMARK_DATA[0]))).submit()
    next(iter(project.workflow.get_stage(name="Review").get_tasks())).approve()
    state()
    assert [s.value for s in seen] == ["QUEUED", "ASSIGNED", "IN_REVIEW", "RETURNED", "COMPLETED"]


def test_images_data_has_exactly_the_keys_that_the_sdk_unpacks(site: Site, raw: RawClient) -> None:
    """Trap 30."""
    (row,) = metadata(raw, data_hashes=BENCHMARK_DATA[:1], include_images_data=True)
    (image,) = row["images_data"]
    assert set(image) == {"index", "title", "file_type", "height", "width", "image_hash"}
    (listed,) = site.project().list_label_rows_v2([BENCHMARK_DATA[0]], include_images_data=True)
    assert listed.get_frames_metadata()[0].width == 64


def test_projects_that_may_not_be_seen_are_403_and_things_that_are_not_there_404(start: Start) -> None:
    """Trap 31."""
    site = start(users={OPERATOR: "admin"})
    with pytest.raises(AuthorisationError):
        site.client(REVIEWER).get_project(PROJECT)
    with pytest.raises(ResourceNotFoundError):
        site.client().get_ontology("00000000-0000-4000-8000-000000000000")


@pytest.mark.parametrize(
    "moment",
    [
        datetime.now(UTC) - timedelta(minutes=5),
        datetime.now(timezone(timedelta(hours=2))) - timedelta(minutes=5),
        datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=5),
    ],
    ids=["utc", "two hours east", "no zone"],
)
def test_dates_come_with_any_zone_or_none(site: Site, moment: datetime) -> None:
    """Trap 33."""
    client = site.client()
    assert [p.title for p in client.list_projects(created_after=moment)] == ["Project"]
    assert list(client.list_projects(created_before=moment)) == []
    titles = {entry["dataset"].title for entry in client.get_datasets(created_after=moment)}
    assert titles == {"Benchmark", "Production"}


def test_answers_are_never_compressed(site: Site, raw: RawClient) -> None:
    """Trap 34."""
    assert "Content-Encoding" not in raw.v2("GET", f"projects/{PROJECT}").headers


def test_classifications_are_read_from_the_answers_and_the_stubs_stay_empty(site: Site, raw: RawClient) -> None:
    """Trap 17."""
    (row,) = site.project().list_label_rows_v2([BENCHMARK_DATA[0]])
    row.initialise_labels()
    box = row.ontology_structure.objects[0].create_instance()
    box.set_for_frames(BoundingBoxCoordinates(height=0.1, width=0.1, top_left_x=0.1, top_left_y=0.1))
    row.add_object_instance(box)
    row.save()
    (saved,) = raw.legacy(
        "labelrow", "GET", uid=[row.label_hash], payload={"multi_request": True}, resource=("project", PROJECT)
    ).json()["response"]
    labels = saved["data_units"][BENCHMARK_DATA[0]]["labels"]
    assert labels["classifications"] == []
    assert set(saved["object_answers"]) == {label["objectHash"] for label in labels["objects"]} == {box.object_hash}


def test_what_no_handler_knows_is_405_or_404_and_logged_as_not_emulated(site: Site, raw: RawClient) -> None:
    assert raw.v2("GET", "nobody/knows/this").status_code == 404
    assert raw.v2("DELETE", f"projects/{PROJECT}/workflow/stages/x/tasks").status_code == 405
    unknown = raw.legacy("modelstraining", "POST", resource=("project", PROJECT)).json()
    assert unknown["response"] == ["METHOD_NOT_ALLOWED_ERROR"]
    assert counted(site)["not emulated"] == 3
