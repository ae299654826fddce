"""The people of a sandbox at work: what is done in Encord's application, done by script."""

from collections.abc import Callable, Container
from itertools import cycle
from pathlib import Path
from typing import Any

import requests
from encord import EncordUserClient, Project
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.orm.workflow import WorkflowStageType
from encord.workflow import AnnotationStage, ConsensusAnnotationStage, ConsensusReviewStage, ReviewStage
from encord.workflow.stages.annotation import AnnotationTask, AnnotationTaskStatus

from emulator.quickstart.pictures import HEIGHT, WIDTH, Box, drawn_by
from emulator.quickstart.sandbox import ANNOTATORS, OPERATOR, PRODUCTION_TITLE, REVIEWER, Places, email, scenes

IDLE_SECONDS = 60

Say = Callable[[str], None]


class NothingToPlayError(Exception):
    """What is missing before people can work, and what to do about it."""


def play(folder: Path, places: Places, say: Say) -> None:
    """Connects the service's agents, then lets everybody work until nothing is left.

    Raises:
        NothingToPlayError: the emulator, the sandbox's keys or its project are not there, or an agent's call failed.
    """
    before = _failed(places)
    team = _Team(folder, places.emulator)
    project = team.project(OPERATOR)
    _paste(project, places)
    _settle(places, before)
    names = {row.data_hash: row.data_title for row in project.list_label_rows_v2()}
    pictures = {name.partition("/")[2]: cars for name, cars in scenes().items()}
    team.hand_out()
    for person in ANNOTATORS:
        answers = {unit: drawn_by(person, title, pictures[title]) for unit, title in names.items() if title in pictures}
        say(f"{email(person)} has labelled {team.label(person, answers)} pictures")
    say(f"{email(REVIEWER)} has approved {team.approve()} tasks")
    _settle(places, before)


class _Team:
    """Everybody's view of the production project."""

    def __init__(self, folder: Path, domain: str) -> None:
        self._folder = folder
        self._domain = domain
        self._projects: dict[str, Project] = {}

    def project(self, person: str) -> Project:
        if person not in self._projects:
            self._projects[person] = self._open(person)
        return self._projects[person]

    def hand_out(self) -> None:
        """Gives each annotator a part of every consensus task, and the other tasks in turn."""
        project = self.project(OPERATOR)
        with project.create_bundle() as bundle:
            for task in _stage(project, "Consensus", ConsensusAnnotationStage).get_tasks():
                for part, person in zip(task.subtasks, ANNOTATORS, strict=True):
                    if part.assignee is None:
                        part.assign(email(person), bundle=bundle)
        with project.create_bundle() as bundle:
            for single, person in zip(
                _stage(project, "Annotate", AnnotationStage).get_tasks(), cycle(ANNOTATORS), strict=False
            ):
                if single.assignee is None:
                    single.assign(email(person), bundle=bundle)

    def label(self, person: str, answers: dict[str, list[Box]]) -> int:
        project = self.project(person)
        consensus = _stage(project, "Consensus", ConsensusAnnotationStage).get_tasks(assignee=email(person))
        parts = [part for task in consensus for part in task.subtasks if part.assignee == email(person)]
        single = _stage(project, "Annotate", AnnotationStage).get_tasks(assignee=email(person))
        todo = [task for task in [*parts, *single] if task.status != AnnotationTaskStatus.COMPLETED]
        _label(project, todo, answers)
        return len(todo)

    def approve(self) -> int:
        project = self.project(REVIEWER)
        approved = 0
        for title, kind in (("Review & Refine", ConsensusReviewStage), ("Review", ReviewStage)):
            # A bundle holds actions of one stage.
            with project.create_bundle() as bundle:
                for task in _stage(project, title, kind).get_tasks():
                    task.approve(bundle=bundle)
                    approved += 1
        return approved

    def _open(self, person: str) -> Project:
        try:
            key = (self._folder / "keys" / person).read_text(encoding="ascii")
        except OSError as error:
            raise NothingToPlayError(f"{error.filename}: {error.strerror}; 'init' writes it") from None
        client = EncordUserClient.create_with_ssh_private_key(key, domain=self._domain)
        found = list(client.list_projects(title_eq=PRODUCTION_TITLE))
        if not found:
            raise NothingToPlayError(
                f"there is no project {PRODUCTION_TITLE!r} yet: 'benchmark-qa setup apply' makes it"
            )
        return client.get_project(found[0].project_hash)


def _stage(project: Project, title: str, kind: type[Any]) -> Any:
    return project.workflow.get_stage(name=title, type_=kind)


def _label(project: Project, tasks: list[AnnotationTask], answers: dict[str, list[Box]]) -> None:
    for task in tasks:
        (row,) = project.list_label_rows_v2(data_hashes=[task.data_hash], branch_name=task.label_branch_name)
        row.initialise_labels()
        for box in answers.get(str(task.data_hash), ()):
            drawn = row.ontology_structure.objects[0].create_instance()
            drawn.set_for_frames(
                BoundingBoxCoordinates(
                    top_left_x=box.x / WIDTH, top_left_y=box.y / HEIGHT, width=box.w / WIDTH, height=box.h / HEIGHT
                ),
                frames=0,
            )
            row.add_object_instance(drawn)
        row.save()
        task.submit()


def _paste(project: Project, places: Places) -> None:
    """Gives the two agent stages the service's URLs, as a person does with what `setup apply` prints."""
    agents = {"Route": ("route", places.route_secret), "Score": ("score", places.score_secret)}
    for stage in project.workflow.stages:
        if stage.stage_type == WorkflowStageType.AGENT and stage.title in agents:
            path, secret = agents[stage.title]
            agent = {"mode": "auto", "url": f"{places.service}/agents/{path}", "secret": secret}
            _control(places, "PUT", f"projects/{project.project_hash}/stages/{stage.uuid}/agent", agent)
    _control(places, "POST", "retry")


def _failed(places: Places) -> dict[str, str]:
    """The agents' calls that have failed for good, and why."""
    failed = _control(places, "GET", "deliveries?outcome=failed")["deliveries"]
    return {delivery["uuid"]: f"{delivery['url']}: {delivery['detail']}" for delivery in failed}


def _settle(places: Places, before: Container[str]) -> None:
    """Waits until no agent is being called; a call that has failed since `before` ends the play."""
    idle = _control(places, "GET", f"idle?timeout={IDLE_SECONDS}")["idle"]
    for uuid, why in _failed(places).items():
        if uuid not in before:
            raise NothingToPlayError(f"{why}; is 'benchmark-qa serve' running?")
    if not idle:
        raise NothingToPlayError(f"agents were still being called after {IDLE_SECONDS} seconds")


def _control(places: Places, method: str, path: str, body: Any = None) -> Any:
    url = f"{places.emulator}/_emulator/{path}"
    try:
        answer = requests.request(method, url, json=body, timeout=2 * IDLE_SECONDS)
    except requests.ConnectionError:
        raise NothingToPlayError(f"nothing listens at {places.emulator}: start 'python -m emulator serve'") from None
    answer.raise_for_status()
    return answer.json() if answer.content else None
