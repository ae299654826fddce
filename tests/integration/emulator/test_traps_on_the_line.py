"""The traps of the protocol that show in how often, over which connection and with which headers the SDK asks."""

import hashlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
import requests
from encord import EncordUserClient
from encord.exceptions import EncordException, UnknownException
from encord.http.constants import DEFAULT_BACKOFF_FACTOR, RequestsSettings
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.orm.dataset import StorageLocation
from encord.orm.workflow import WorkflowDTO
from encord.utilities.project_user import ProjectUserRole
from encord.workflow import Workflow
from encord.workflow.stages.review import ReviewTaskStatus

from .conftest import BENCHMARK_DATA, KEYS, OPERATOR, PROJECT, Receiver, Site, Start
from .raw import RawClient
from .wiretap import Tap, tapped

GET_PROJECT = "GET projects/{project}"
PATCH_FOLDER = "PATCH storage/folders/{folder}"


@pytest.fixture
def site(start: Start) -> Site:
    return start(workflow=None)


@pytest.fixture
def raw(site: Site) -> RawClient:
    return RawClient(site.url, KEYS[OPERATOR].private)


@pytest.fixture
def tap(site: Site) -> Iterator[Tap]:
    with tapped(site.url) as found:
        yield found


def client_at(url: str, **settings: Any) -> EncordUserClient:
    return EncordUserClient.create_with_ssh_private_key(
        KEYS[OPERATOR].private, domain=url, requests_settings=RequestsSettings(**settings)
    )


def counted(site: Site) -> dict[str, int]:
    return {entry["operation"]: entry["count"] for entry in site.control("GET", "requests")["counts"]}


def fail(site: Site, operation: str, status: int, times: int) -> None:
    site.control("POST", "faults", {"operation": operation, "kind": "status", "status": status, "times": times})


def test_attaching_datasets_and_moving_an_item_are_two_requests_each(site: Site) -> None:
    """Trap 2."""
    client, project = site.client(), site.project()
    dataset = client.create_dataset("New", StorageLocation.CORD_STORAGE).dataset_hash
    folder, target = client.create_storage_folder("From"), client.create_storage_folder("To")
    for change in (
        lambda: project.add_datasets([dataset]),
        lambda: project.remove_datasets([dataset]),
        lambda: folder.move_to_folder(target.uuid),
    ):
        site.control("DELETE", "requests")
        change()
        assert sum(counted(site).values()) == 2


def test_every_request_has_a_connection_of_its_own_and_only_retries_share_one(site: Site, tap: Tap) -> None:
    """Trap 3."""
    project = client_at(tap.url, backoff_factor=0).get_project(PROJECT)
    project.list_label_rows_v2()
    assert tap.requests_by_connection() == [1, 1, 1]
    fail(site, "legacy labelrowmetadata.GET", 500, times=2)
    project.list_label_rows_v2()
    assert tap.requests_by_connection() == [1, 1, 1, 3]


def test_many_short_connections_at_once_are_all_answered(site: Site, tap: Tap) -> None:
    """Trap 3: connections that nobody keeps do not get in each other's way."""
    client = client_at(tap.url)
    with ThreadPoolExecutor(10) as pool:
        titles = {project.title for project in pool.map(client.get_project, [PROJECT] * 25)}
    assert titles == {"Project"}
    assert tap.requests_by_connection() == [1] * 50


@pytest.mark.parametrize("status", [201, 202])
def test_created_and_accepted_are_errors_to_the_sdk(receiver: Receiver, status: int) -> None:
    """Trap 4: why the emulator answers with neither."""
    receiver.answers = [(status, {"message": "done"})]
    with pytest.raises(EncordException, match="done"):
        client_at(receiver.url).create_storage_folder("Folder")
    assert len(receiver.received) == 1


def test_the_sdk_believes_the_status_in_a_legacy_body_and_not_that_of_the_answer(receiver: Receiver) -> None:
    """Trap 10."""
    receiver.answers = [(400, {"status": 200, "response": []})]
    assert client_at(receiver.url).get_projects() == []


def test_a_gateway_timeout_is_not_asked_again(site: Site) -> None:
    """Trap 4."""
    fail(site, GET_PROJECT, 504, times=1)
    with pytest.raises(UnknownException):
        client_at(site.url).get_project(PROJECT)
    assert counted(site)[GET_PROJECT] == 1


def test_changes_and_deletions_are_not_asked_again(site: Site) -> None:
    """Trap 4."""
    folder = client_at(site.url).create_storage_folder("Folder")
    operations = (PATCH_FOLDER, "DELETE storage/folders/{folder}")
    for operation, change in zip(operations, (lambda: folder.update(name="Other"), folder.delete), strict=True):
        fail(site, operation, 503, times=1)
        with pytest.raises(UnknownException):
            change()
        assert counted(site)[operation] == 1
    assert client_at(site.url).get_storage_folder(folder.uuid).name == "Folder"


def test_a_server_error_that_lasts_costs_four_requests_and_the_waiting_between_them(site: Site) -> None:
    """Trap 5: waits of 0, 2 and 4 times the factor, 9 seconds with the SDK's own."""
    factor = 0.05
    fail(site, GET_PROJECT, 500, times=4)
    started = time.perf_counter()
    with pytest.raises(UnknownException):
        client_at(site.url, backoff_factor=factor).get_project(PROJECT)
    assert time.perf_counter() - started >= 6 * factor
    assert counted(site)[GET_PROJECT] == 4
    assert 6 * DEFAULT_BACKOFF_FACTOR == 9
    assert site.control("GET", "faults") == {"faults": []}


def test_without_retries_a_server_error_costs_one_request(site: Site) -> None:
    """Trap 5."""
    fail(site, GET_PROJECT, 500, times=1)
    with pytest.raises(UnknownException):
        client_at(site.url, max_retries=0).get_project(PROJECT)
    assert counted(site)[GET_PROJECT] == 1


def test_retries_of_an_action_carry_the_same_trace(site: Site) -> None:
    """Trap 6: the one thing by which a server could tell a repetition."""
    (task, *_) = (
        client_at(site.url, backoff_factor=0).get_project(PROJECT).workflow.get_stage(name="Annotate").get_tasks()
    )
    operation = "POST projects/{project}/workflow/stages/{stage}/actions"
    fail(site, operation, 500, times=2)
    task.submit()
    asked = [r for r in site.control("GET", "requests")["latest"] if r["operation"] == operation]
    assert [r["status"] for r in asked] == [500, 500, 204]
    assert len({r["trace"] for r in asked}) == 1


def test_metadata_is_text_in_storage_and_an_object_in_label_rows(site: Site, raw: RawClient) -> None:
    """Trap 12."""
    row = site.project().list_label_rows_v2([BENCHMARK_DATA[0]])[0]
    site.client().get_storage_item(row.backing_item_uuid).update(client_metadata={"camera": 1})
    assert json.loads(raw.v2("GET", f"storage/items/{row.backing_item_uuid}").json()["clientMetadata"]) == {"camera": 1}
    wanted = {"data_hashes": [BENCHMARK_DATA[0]], "include_client_metadata": True, "include_uninitialised_labels": True}
    listed = raw.legacy("labelrowmetadata", "GET", payload=wanted, resource=("project", PROJECT)).json()["response"]
    assert [entry["client_metadata"] for entry in listed] == [{"camera": 1}]


@pytest.mark.parametrize("known", [False, True], ids=["created", "read"])
def test_one_row_is_asked_for_and_exactly_that_one_is_answered(site: Site, raw: RawClient, known: bool) -> None:
    """Trap 22."""
    rows = site.project().list_label_rows_v2(list(BENCHMARK_DATA))
    for row in rows:
        row.initialise_labels()
        method, uid = ("GET", row.label_hash) if known else ("PUT", row.data_hash)
        answer = raw.legacy(
            "labelrow", method, uid=[uid], payload={"multi_request": True}, resource=("project", PROJECT)
        )
        (found,) = answer.json()["response"]
        assert (found["data_hash"], found["label_hash"]) == (row.data_hash, row.label_hash)


def test_stages_are_of_the_kinds_that_the_sdk_knows_and_agent_stages_say_their_pathways(start: Start) -> None:
    """Trap 23."""
    workflow = {
        "stages": [
            {"type": "agent", "title": "Ask", "pathways": [{"name": "Yes", "to": "Who"}]},
            {"type": "user_router", "title": "Who", "routes": [], "default": "Complete"},
            {"type": "complete", "title": "Complete"},
        ]
    }
    site = start(workflow=workflow)
    project = RawClient(site.url, KEYS[OPERATOR].private).v2("GET", f"projects/{PROJECT}").json()
    asked, complete = project["workflow"]["stages"]
    assert (asked["title"], [p["title"] for p in asked["pathways"]], complete["title"]) == ("Ask", ["Yes"], "Complete")
    assert [stage.title for stage in site.project().workflow.stages] == ["Ask", "Complete"]
    router = {**complete, "stageType": "USER_ROUTER"}
    project["workflow"]["stages"] = [asked, router]
    with pytest.raises(AssertionError, match="Unknown stage type"):
        Workflow(site.client()._api_client, UUID(PROJECT), WorkflowDTO.from_dict(project["workflow"]))
    del asked["pathways"]
    with pytest.raises(EncordException, match="pathways"):
        WorkflowDTO.from_dict({"stages": [asked]})


def test_label_reviews_are_all_given_whatever_status_is_asked_for(site: Site, tap: Tap) -> None:
    """Trap 26: the SDK does not send the filter."""
    project = client_at(tap.url).get_project(PROJECT)
    (row,) = project.list_label_rows_v2([BENCHMARK_DATA[0]])
    row.initialise_labels()
    box = row.ontology_structure.objects[0].create_instance()
    box.set_for_frames(BoundingBoxCoordinates(height=0.1, width=0.1, top_left_x=0.1, top_left_y=0.1))
    row.add_object_instance(box)
    row.save()
    (task,) = project.workflow.get_stage(name="Annotate").get_tasks(data_hash=BENCHMARK_DATA[0])
    task.submit()
    (review,) = project.workflow.get_stage(name="Review").get_tasks()
    (found,) = review.get_label_reviews(status=ReviewTaskStatus.SKIPPED)
    assert (found.label_id, found.status.value) == (box.object_hash, "NEW")
    (asked,) = [head.target for head in tap.heads() if head.target.endswith("/reviews")]
    assert "?" not in asked


def test_account_requests_name_no_resource_and_none_is_needed(site: Site, tap: Tap, raw: RawClient) -> None:
    """Trap 27."""
    listed = client_at(tap.url).get_projects()
    (head,) = tap.heads()
    assert head.target == "/public/user"
    assert (head.headers["resourcetype"], head.headers["resourceid"]) == ("", "")
    query = {"query_type": "projectwithuserrole", "query_method": "GET", "values": {"uid": None, "payload": {}}}
    body = json.dumps(query).encode()
    signature = raw._key.sign(hashlib.sha256(body).digest()).hex()
    answer = requests.post(
        f"{site.url}/public/user", data=body, headers={"Authorization": f"{raw._key_id}:{signature}"}, timeout=10
    ).json()
    assert answer["status"] == 200
    assert [entry["project"]["project_hash"] for entry in answer["response"]] == [
        p["project"].project_hash for p in listed
    ]


def test_projects_with_roles_have_exactly_the_keys_that_the_sdk_unpacks(site: Site, raw: RawClient) -> None:
    """Trap 30."""
    (entry,) = raw.legacy("projectwithuserrole", "GET", payload={}).json()["response"]
    assert set(entry) == {"user_role", "project"}
    (found,) = site.client().get_projects()
    assert (found["project"].title, found["user_role"]) == ("Project", ProjectUserRole.ADMIN)


def test_legacy_requests_allow_compression_and_v2_requests_do_not(tap: Tap) -> None:
    """Trap 34."""
    client_at(tap.url).get_project(PROJECT).list_label_rows_v2()
    assert [(head.target.split("/")[1], head.headers["accept-encoding"]) for head in tap.heads()] == [
        ("v2", "identity"),
        ("v2", "identity"),
        ("public", "gzip"),
    ]
