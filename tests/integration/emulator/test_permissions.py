"""What annotators, reviewers and viewers cannot do, although they are in the project."""

from collections.abc import Callable
from typing import Any

import pytest
from encord import EncordUserClient, Project
from encord.exceptions import AuthorisationError
from encord.orm.active import ActiveProjectMode
from encord.orm.project import ProjectStatus
from encord.utilities.project_user import ProjectUserRole

from .conftest import ANNOTATORS, BENCHMARK, BENCHMARK_DATA, OPERATOR, REVIEWER, VIEWER, Site, Start


def _copy_labels(project: Project) -> None:
    project.copy_labels_to_branch("mine")


def _complete(project: Project) -> None:
    row = project.list_label_rows_v2(data_hashes=[BENCHMARK_DATA[0]])[0]
    row.initialise_labels()
    row.workflow_complete()


def _save_ontology(project: Project) -> None:
    project._ontology.title = "mine now"
    project._ontology.save()


FORBIDDEN: dict[str, Callable[[Project], Any]] = {
    "add users": lambda project: project.add_users([VIEWER], ProjectUserRole.ADMIN),
    "remove users": lambda project: project.remove_users([OPERATOR]),
    "set the status": lambda project: project.set_status(ProjectStatus.COMPLETED),
    "attach datasets": lambda project: project.add_datasets([BENCHMARK]),
    "detach datasets": lambda project: project.remove_datasets([BENCHMARK]),
    "copy the project": lambda project: project.copy_project(copy_datasets=True),
    "copy labels to a branch": _copy_labels,
    "complete a task outright": _complete,
    "change the ontology": _save_ontology,
    "sync Active": lambda project: project.active_sync(),
    "import to Active": lambda project: project.active_import(ActiveProjectMode.DATA),
}


@pytest.fixture
def site(start: Start) -> Site:
    site = start(workflow=None)
    row = site.project().list_label_rows_v2(data_hashes=[BENCHMARK_DATA[0]])[0]
    row.initialise_labels()
    return site


@pytest.mark.parametrize("email", [ANNOTATORS[0], REVIEWER, VIEWER])
@pytest.mark.parametrize("name", FORBIDDEN)
def test_only_managers_run_a_project(site: Site, name: str, email: str) -> None:
    before = site.control("GET", "world")
    with pytest.raises(AuthorisationError):
        FORBIDDEN[name](site.project(email))
    after = site.control("GET", "world")
    for row in (*before["labels"], *after["labels"]):
        row.pop("label_status")  # Reading a row on the way may mark it as in progress.
    assert after == before


OUTSIDE: dict[str, Callable[[EncordUserClient], Any]] = {
    "open another's dataset": lambda client: client.get_dataset(BENCHMARK),
    "make a project of another's dataset": lambda client: client.create_project("mine", [BENCHMARK]),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_being_in_a_project_gives_no_right_to_its_datasets(site: Site, name: str) -> None:
    with pytest.raises(AuthorisationError):
        OUTSIDE[name](site.client(ANNOTATORS[0]))
