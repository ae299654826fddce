"""Projects, datasets and what is in them, where it is easy to get wrong."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from encord import Dataset, EncordUserClient
from encord.exceptions import AuthorisationError, InvalidArgumentsError
from encord.orm.dataset import DatasetUserRole, StorageLocation
from encord.orm.project import BenchmarkQaWorkflowSettings
from encord.utilities.project_user import ProjectUserRole
from encord.workflow.stages.annotation import AnnotationTaskStatus

from . import media_files
from .conftest import ANNOTATORS, KEYS, OPERATOR, PRODUCTION, PROJECT, Site, Start, make_world
from .raw import RawClient

ANNA, OTTO = ANNOTATORS[:2]
TEMPLATE = "ee000000-0000-4000-8000-000000000000"
FUNNEL: dict[str, Any] = {
    "stages": [
        {"type": "percentage_router", "title": "Split", "routes": [{"percentage": 100, "to": "Ask"}]},
        {"type": "agent", "title": "Ask", "pathways": [{"name": "Go", "to": "Complete"}]},
        {"type": "complete", "title": "Complete"},
    ],
}


@pytest.fixture
def site(start: Start) -> Site:
    return start({**make_world(), "workflow_templates": [{"uuid": TEMPLATE, "title": "Funnel", **FUNNEL}]})


@pytest.fixture
def client(site: Site) -> EncordUserClient:
    return site.client()


def mirrored(client: EncordUserClient) -> tuple[Dataset, Any]:
    """A dataset and the folder that it mirrors."""
    created = client.create_dataset("Mirrored", StorageLocation.CORD_STORAGE)
    return client.get_dataset(created.dataset_hash), client.get_storage_folder(created.backing_folder_uuid)


def test_many_projects_come_in_pages_and_every_one_of_them_once(client: EncordUserClient) -> None:
    hashes = {client.create_project(f"Project {n}", []) for n in range(130)}
    assert hashes <= {project.project_hash for project in client.list_projects()}
    assert len(list(client.list_projects(title_like="Project 12_"))) == 10


def test_dates_are_compared_in_whatever_zone_they_are_written(client: EncordUserClient) -> None:
    project_hash = client.create_project("Dated", [])
    now = datetime.now(UTC)
    tokyo = timezone(timedelta(hours=9))
    for zone in (UTC, tokyo, timezone(timedelta(hours=-5))):
        after, before = (now - timedelta(minutes=5)).astimezone(zone), (now + timedelta(minutes=5)).astimezone(zone)
        found = client.list_projects(title_eq="Dated", created_after=after, created_before=before)
        assert [project.project_hash for project in found] == [project_hash]
        assert list(client.list_projects(title_eq="Dated", created_after=before)) == []


def test_a_project_of_a_template_has_stages_of_its_own_and_routers_only_in_the_dark(client: EncordUserClient) -> None:
    first, second = (client.get_project(client.create_project(t, [], workflow_template_hash=TEMPLATE)) for t in "ab")
    assert [stage.title for stage in first.workflow.stages] == ["Ask", "Complete"]
    assert not {s.uuid for s in first.workflow.stages} & {s.uuid for s in second.workflow.stages}
    with pytest.raises(InvalidArgumentsError, match="no workflow template"):
        client.create_project("c", [], workflow_template_hash=PROJECT)


def test_a_project_without_ontology_gets_an_empty_one_and_without_template_the_standard_workflow(
    client: EncordUserClient,
) -> None:
    settings = BenchmarkQaWorkflowSettings(source_projects=[PROJECT])
    project = client.get_project(client.create_project("Bare", [], workflow_settings=settings))
    assert project.ontology_structure.objects == []
    assert [stage.title for stage in project.workflow.stages] == ["Annotate", "Review", "Complete"]
    assert project.source_projects == [PROJECT]
    with pytest.raises(InvalidArgumentsError):
        client.create_project(" ", [])


def test_nothing_of_a_request_is_done_when_one_dataset_in_it_is_wrong(client: EncordUserClient) -> None:
    project = client.get_project(client.create_project("Careful", []))
    own = client.create_dataset("Own", StorageLocation.CORD_STORAGE).dataset_hash
    (theirs,) = [d["dataset"].dataset_hash for d in client.get_datasets(title_eq="Benchmark")]
    with pytest.raises(AuthorisationError):
        project.add_datasets([own, PROJECT])
    assert list(project.list_datasets()) == []
    project.add_datasets([own])
    with pytest.raises(InvalidArgumentsError):
        project.add_datasets([theirs, own])
    with pytest.raises(InvalidArgumentsError):
        project.remove_datasets([own, theirs])
    assert [str(dataset.dataset_hash) for dataset in project.list_datasets()] == [own]


def test_data_added_to_a_dataset_comes_to_every_project_that_has_it(site: Site, tmp_path: Path) -> None:
    client = site.client()
    dataset, folder = mirrored(client)
    projects = [client.get_project(client.create_project(t, [dataset.dataset_hash])) for t in ("One", "Two")]
    folder.upload_image(media_files.png(tmp_path / "a.png"))
    rows = [project.list_label_rows_v2() for project in projects]
    assert [[row.data_title for row in found] for found in rows] == [["a.png"], ["a.png"]]
    assert rows[0][0].data_hash == rows[1][0].data_hash
    assert [[t.data_title for t in p.workflow.get_stage(name="Annotate").get_tasks()] for p in projects] == [
        ["a.png"],
        ["a.png"],
    ]
    client.get_dataset(dataset.dataset_hash).delete_data(rows[0][0].data_hash)
    assert [project.list_label_rows_v2() for project in projects] == [[], []]
    assert list(folder.list_items()) == []


def test_an_item_of_two_datasets_survives_leaving_the_one_that_mirrors_it(site: Site, tmp_path: Path) -> None:
    client = site.client()
    dataset, folder = mirrored(client)
    uuid = folder.upload_image(media_files.png(tmp_path / "a.png"))
    other = client.create_dataset("Other", StorageLocation.CORD_STORAGE, create_backing_folder=False)
    client.get_dataset(other.dataset_hash).link_items([uuid])
    (row,) = client.get_dataset(dataset.dataset_hash).data_rows
    dataset.delete_data(row.uid)
    assert [row.backing_item_uuid for row in client.get_dataset(other.dataset_hash).data_rows] == [uuid]
    assert client.get_storage_item(uuid).backed_data_units_count == 1


def test_whoever_leaves_a_project_leaves_their_tasks_to_the_others(site: Site) -> None:
    project = site.project()
    for task in project.workflow.get_stage(name="Routing").get_tasks(dataset_hash=PRODUCTION):
        task.proceed(pathway_name="No")
    stage = project.workflow.get_stage(name="Annotate")
    first, second, third = stage.get_tasks()
    for task, email in ((first, ANNA), (second, OTTO), (third, ANNA)):
        task.assign(email)
    project.remove_users([ANNA])
    assert [(task.assignee, task.status) for task in stage.get_tasks()] == [
        (None, AnnotationTaskStatus.RELEASED),
        (OTTO, AnnotationTaskStatus.ASSIGNED),
        (None, AnnotationTaskStatus.RELEASED),
    ]
    project.remove_users([OTTO, ANNA])  # Anna is not in it any more
    assert not {OTTO, ANNA} & {user.user_email for user in project.list_users()}
    with pytest.raises(InvalidArgumentsError):
        project.remove_users([OPERATOR])


def test_people_who_are_not_there_are_ignored_when_people_are_removed(site: Site) -> None:
    client, project = site.client(), site.project()
    stranger = "stranger@example.com"
    before = {user.user_email for user in project.list_users()}
    project.remove_users([stranger])
    assert {user.user_email for user in project.list_users()} == before
    dataset = client.create_dataset("Shared", StorageLocation.CORD_STORAGE, create_backing_folder=False)
    shared = client.get_dataset(dataset.dataset_hash)
    shared.add_users([ANNA], DatasetUserRole.USER)
    shared.remove_users([stranger, ANNA])
    assert ANNA not in {user.user_email for user in shared.list_users()}
    group = client.create_group("Night shift")
    group.add_users([OTTO])
    group.remove_users([stranger, OTTO])
    assert OTTO not in {user.user_email for user in group.list_users()}


def test_people_of_a_group_can_be_assigned_and_act(site: Site) -> None:
    client = site.client()
    (dataset,) = [d["dataset"].dataset_hash for d in client.get_datasets(title_eq="Production")]
    project = client.get_project(client.create_project("Shared", [dataset]))
    group = client.create_group("Annotators")
    group.add_users([ANNA])
    project.add_group(group.group_hash, ProjectUserRole.ANNOTATOR)
    (task, *_) = project.workflow.get_stage(name="Annotate").get_tasks()
    task.assign(ANNA)
    theirs = site.project(ANNA, project.project_hash)
    next(iter(theirs.workflow.get_stage(name="Annotate").get_tasks(assignee=ANNA))).submit()
    assert len(list(project.workflow.get_stage(name="Review").get_tasks())) == 1
    client.delete_group(group.group_hash)
    with pytest.raises(AuthorisationError):
        site.project(ANNA, project.project_hash)


def test_legacy_projects_have_the_one_spelling_of_dates_that_is_read(site: Site, client: EncordUserClient) -> None:
    raw = RawClient(site.url, KEYS[OPERATOR].private)
    answer = raw.legacy(
        "project", "GET", payload={"include_labels_metadata": False}, resource=("project", PROJECT)
    ).json()
    datetime.strptime(answer["response"]["created_at"], "%Y-%m-%d %H:%M:%S")
    listed = raw.legacy("projectwithuserrole", "GET", payload={"filter": {}}).json()["response"]
    assert all(entry.keys() == {"user_role", "project"} for entry in listed)
    assert client.get_projects(title_eq="Project")[0]["user_role"] == ProjectUserRole.ADMIN
