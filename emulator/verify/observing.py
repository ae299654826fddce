"""What a program can observe through the SDK of behaviours that the ledger names: where, with whom, what to expect."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from encord import EncordUserClient, Project
from encord.exceptions import EncordException
from encord.issues.issue_client import TaskIssues
from encord.objects import LabelRowV2, OntologyStructure, Shape
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.orm.dataset import StorageLocation
from encord.orm.project import ProjectStatus
from encord.storage import StorageFolder
from encord.utilities.project_user import ProjectUserRole
from PIL import Image

from emulator.verify.journal import MARK

PRIORITY = 0.123456789
STAGES = ("Route", "Consensus", "Review & Refine", "Score", "Complete", "Annotate", "Review")

Observations = dict[str, Any]

# What this emulator is observed to do when no switch is turned: with one key, with several people, with an address that
# the platform can call.
ONE_KEY: Observations = {
    "bundles.largest": "refused",
    "datasets.detached-labels": "lost",
    "labels.reading-marks-in-progress": "LABEL_IN_PROGRESS",
    "labels.row-timestamps": "plain",
    "metadata.unchecked": "kept",
    "priorities.digits": PRIORITY,
    "priorities.order": "by priority, then by entry",
    "templates.pathway-uuids": "the same",
    "templates.stage-uuids": "new",
    "workflow.moved-task-loses-assignee": "nobody",
    "workflow.rejected-keeps-annotator": "the annotator",
}
PEOPLE: Observations = {
    "analytics.actions": "told at once",
    "consensus.branch-author": "the annotators",
    "consensus.branches-after-block": "listed",
    "consensus.entered-again": "the same branches",
    "consensus.main-after-approval": "the first branch",
    "issues.who": "everybody",
}
CALLS: Observations = {
    "agents.concurrency": 8,
    "agents.decision-is-a-name": "another name moves nothing",
    "agents.retries": "3 more, the first after about 0.5 s",
    "agents.retry-after": "ignored",
    "agents.signature": ["X-Encord-Signature"],
    "agents.timeout": "waited for",
    "webhooks.hashes": "list",
    "webhooks.moves": "an event",
    "webhooks.parts": "an event each",
    "webhooks.submitted-type": "task_submitted_event",
}


class NotSoError(Exception):
    """Something that has to be so before anything can be observed."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where it is tried: clients of an admin, a reviewer and annotators by e-mail, and a template as `init` has it.

    With one key the admin is everybody. `title` marks what is made. `left` gives the projects, datasets and ontologies
    of a story that earlier runs have left, and `take` makes some of them the run's own.
    """

    admin: EncordUserClient
    reviewer: tuple[str, EncordUserClient]
    annotators: dict[str, EncordUserClient]
    template: str
    title: Callable[[str], str]
    left: Callable[[str], Iterable[tuple[str, str, str]]] = lambda _story: ()
    take: Callable[[tuple[str, str, str]], None] = lambda _left: None

    @property
    def people(self) -> set[str]:
        """Everybody who is added to a project."""
        return {self.reviewer[0], *self.annotators}


class Story:
    """A project of pictures, made from the template, and everybody's view of it."""

    def __init__(
        self, ground: Ground, name: str, pictures: int = 1, prepare: Callable[[list[str]], None] | None = None
    ) -> None:
        """Makes the project, or takes one that an earlier run has left.

        `prepare` is given the data hashes just before the project is made; then it is a new one.
        """
        self.ground = ground
        client = ground.admin
        self.folder = client.create_storage_folder(ground.title(name))
        left = self._archived(name) if prepare is None else None
        if left is not None:
            self.project_hash, self.dataset_hash = left
            client.get_dataset(self.dataset_hash).link_items([upload(self.folder) for _ in range(pictures)])
        else:
            self._make(ground.title(name), pictures, prepare)
        self.admin = client.get_project(self.project_hash)
        self._check_stages()
        here = {user.user_email for user in self.admin.list_users()} if left is not None else set()
        others = [who for who in ground.annotators if ground.annotators[who] is not client and who not in here]
        if ground.reviewer[1] is not client and ground.reviewer[0] not in here:
            self.admin.add_users([ground.reviewer[0]], ProjectUserRole.REVIEWER)
        if others:
            self.admin.add_users(others, ProjectUserRole.ANNOTATOR)
        self.reviewer = ground.reviewer[1].get_project(self.project_hash)
        self.annotators = {who: each.get_project(self.project_hash) for who, each in ground.annotators.items()}

    def _make(self, title: str, pictures: int, prepare: Callable[[list[str]], None] | None) -> None:
        client = self.ground.admin
        created = client.create_dataset(title, StorageLocation.CORD_STORAGE, create_backing_folder=False)
        rows = client.get_dataset(created.dataset_hash).link_items([upload(self.folder) for _ in range(pictures)])
        structure = OntologyStructure()
        structure.add_object("Thing", Shape.BOUNDING_BOX)
        ontology = client.create_ontology(title, title, structure)
        self.dataset_hash = created.dataset_hash
        if prepare is not None:
            prepare([row.uid for row in rows])
        self.project_hash = client.create_project(
            title,
            [created.dataset_hash],
            ontology_hash=ontology.ontology_hash,
            workflow_template_hash=self.ground.template,
        )

    def _archived(self, name: str) -> tuple[str, str] | None:
        """A project without tasks that an earlier run has archived, and its dataset; None if there is none."""
        client = self.ground.admin
        for left in self.ground.left(name):
            try:
                project = client.get_project(left[0])
                ours = project.title.startswith(f"{MARK} ") and project.status == ProjectStatus.ARCHIVED
                if not ours or project.list_label_rows_v2():
                    continue
            except EncordException:
                continue  # somebody has deleted it
            self.ground.take(left)
            project.set_status(ProjectStatus.IN_PROGRESS)
            return left[0], left[1]
        return None

    def only(self, project: Project, stage: str) -> Any:
        """The one task of a stage, as somebody sees it."""
        tasks = list(project.workflow.get_stage(name=stage).get_tasks())
        if len(tasks) != 1:
            raise NotSoError(f"one task was expected at {stage}, there are {len(tasks)}")
        return tasks[0]

    def row(self) -> LabelRowV2:
        """The one row on `main`."""
        (row,) = self.admin.list_label_rows_v2()
        return row

    def branches(self) -> dict[str, LabelRowV2]:
        """The rows on other branches, by branch."""
        rows = self.admin.list_label_rows_v2(include_all_label_branches=True)
        return {row.branch_name: row for row in rows if row.branch_name != "main"}

    def issues(self, project: Project) -> TaskIssues:
        """The issues of the one data unit, as somebody sees them."""
        client = project.workflow.stages[0]._workflow_client.api_client
        return TaskIssues(client, UUID(self.project_hash), UUID(self.row().data_hash))

    def _check_stages(self) -> None:
        titles = {stage.title for stage in self.admin.workflow.stages}
        missing = [stage for stage in STAGES if stage not in titles]
        if missing:
            raise NotSoError(f"the template has no stage {missing[0]!r}: make it as the README says")


def told(do: Callable[[], Any], about: Iterable[str], failed: dict[str, str]) -> Any:
    """What something returns; if it fails, why, for everything that it is about."""
    try:
        return do()
    except (EncordException, NotSoError, ValueError) as error:
        failed.update(dict.fromkeys(about, f"{type(error).__name__}: {error}"))
        return None


def draw(row: LabelRowV2, boxes: int) -> None:
    """Draws so many boxes in place of what is there, and saves them."""
    row.initialise_labels()
    for old in row.get_object_instances():
        row.remove_object(old)
    for number in range(boxes):
        box = row.ontology_structure.objects[0].create_instance()
        corner = BoundingBoxCoordinates(height=0.1, width=0.1, top_left_x=0.2 * number, top_left_y=0.3)
        box.set_for_frames(corner, frames=0)
        row.add_object_instance(box)
    row.save()


def boxes_of(row: LabelRowV2) -> int:
    """How many boxes a row has."""
    row.initialise_labels()
    return len(row.get_object_instances())


def upload(folder: StorageFolder) -> UUID:
    """A small grey picture in a folder."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "picture.png"
        Image.new("RGB", (64, 48), "#85929e").save(path)
        return folder.upload_image(path)
