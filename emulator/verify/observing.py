"""What a program can observe through the SDK of behaviours that the ledger names: two stories, twelve observations."""

import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

from encord import EncordUserClient, Project
from encord.exceptions import EncordException, InvalidArgumentsError
from encord.objects import LabelRowV2, OntologyStructure, Shape
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.orm.dataset import StorageLocation
from encord.storage import StorageFolder
from encord.utilities.project_user import ProjectUserRole
from PIL import Image

MORE_THAN_A_BUNDLE = 1001
_PRIORITY = 0.123456789

Observations = dict[str, Any]

# What this emulator is observed to do when no switch is turned.
EXPECTED: Observations = {
    "bundles.largest": "refused",
    "consensus.branch-author": "the annotators",
    "consensus.branches-after-block": "listed",
    "consensus.entered-again": "the same branches",
    "consensus.main-after-approval": "the first branch",
    "datasets.detached-labels": "lost",
    "labels.reading-marks-in-progress": "LABEL_IN_PROGRESS",
    "labels.row-timestamps": "plain",
    "priorities.digits": _PRIORITY,
    "templates.stage-uuids": "new",
    "workflow.moved-task-loses-assignee": "nobody",
    "workflow.rejected-keeps-annotator": "the annotator",
}


@dataclass(frozen=True, slots=True)
class Ground:
    """Where it is tried: clients of an admin, a reviewer and annotators by e-mail, and a template as `init` has it."""

    admin: EncordUserClient
    reviewer: tuple[str, EncordUserClient]
    annotators: dict[str, EncordUserClient]
    template: str
    run: str = field(default_factory=lambda: uuid4().hex[:8])


class _Story:
    """A project of one picture, made from the template, and everybody's view of it."""

    def __init__(self, ground: Ground, name: str) -> None:
        self.ground = ground
        title = f"verify {ground.run}: {name}"
        client = ground.admin
        created = client.create_dataset(title, StorageLocation.CORD_STORAGE, create_backing_folder=False)
        dataset = client.get_dataset(created.dataset_hash)
        dataset.link_items([_upload(client.create_storage_folder(title))])
        structure = OntologyStructure()
        structure.add_object("Thing", Shape.BOUNDING_BOX)
        ontology = client.create_ontology(title, title, structure)
        self.dataset_hash = created.dataset_hash
        self.project_hash = client.create_project(
            title,
            [created.dataset_hash],
            ontology_hash=ontology.ontology_hash,
            workflow_template_hash=ground.template,
        )
        self.admin = client.get_project(self.project_hash)
        self.admin.add_users([ground.reviewer[0]], ProjectUserRole.REVIEWER)
        self.admin.add_users(list(ground.annotators), ProjectUserRole.ANNOTATOR)
        self.reviewer = ground.reviewer[1].get_project(self.project_hash)
        self.annotators = {who: each.get_project(self.project_hash) for who, each in ground.annotators.items()}

    def only(self, project: Project, stage: str) -> Any:
        (task,) = project.workflow.get_stage(name=stage).get_tasks()
        return task

    def row(self) -> LabelRowV2:
        (row,) = self.admin.list_label_rows_v2()
        return row

    def branches(self) -> dict[str, LabelRowV2]:
        rows = self.admin.list_label_rows_v2(include_all_label_branches=True)
        return {row.branch_name: row for row in rows if row.branch_name != "main"}


def observe(ground: Ground) -> tuple[Observations, dict[str, str]]:
    """What is seen, and what could not be tried and why, by the ledger's id."""
    seen: Observations = {}
    failed: dict[str, str] = {}
    block = _told(lambda: _Story(ground, "block"), _BLOCK, failed)
    single = _told(lambda: _Story(ground, "single"), _SINGLE, failed)
    if block is not None and single is not None:
        own, other = ({stage.uuid for stage in story.admin.workflow.stages} for story in (block, single))
        seen["templates.stage-uuids"] = "kept" if own == other else "new"
    if block is not None:
        _told(lambda: _consensus(block, seen), _BLOCK, failed)
    if single is not None:
        _told(lambda: _annotation(single, seen), _SINGLE, failed)
    return seen, {name: why for name, why in failed.items() if name not in seen}


_BLOCK = [name for name in EXPECTED if name.startswith("consensus.")]
_SINGLE = [name for name in EXPECTED if not name.startswith("consensus.")]


def _told(do: Callable[[], Any], about: Iterable[str], failed: dict[str, str]) -> Any:
    try:
        return do()
    except (EncordException, AssertionError, ValueError) as error:
        failed.update(dict.fromkeys(about, f"{type(error).__name__}: {error}"))
        return None


def _consensus(story: _Story, seen: Observations) -> None:
    """Three people draw one, two and three boxes; the review sends them back once, then approves."""
    story.only(story.admin, "Route").proceed(pathway_name="Yes")
    _draw_parts(story)
    before = set(story.branches())
    story.only(story.reviewer, "Review & Refine").reject()
    authors = {row.last_actioned_by_user_email for name, row in story.branches().items() if name in before}
    of_annotators = authors == set(story.annotators)
    seen["consensus.branch-author"] = "the annotators" if of_annotators else ", ".join(sorted(map(str, authors)))
    again = {part.label_branch_name for part in story.only(story.admin, "Consensus").subtasks}
    seen["consensus.entered-again"] = "the same branches" if again == before else "new branches"
    _draw_parts(story)
    task = story.only(story.reviewer, "Review & Refine")
    first = _boxes(story.branches()[task.options[0].label_branch_name])
    task.approve()
    main = _boxes(story.row()) if story.row().label_hash else 0
    seen["consensus.main-after-approval"] = "the first branch" if main == first else f"{main} boxes, not {first}"
    still = [name for name in story.branches() if name in again]
    seen["consensus.branches-after-block"] = "listed" if len(still) == len(again) else "hidden"


def _annotation(story: _Story, seen: Observations) -> None:
    """One person draws, is sent back once, is approved; the task is moved back, the dataset detached and attached."""
    who, theirs = next(iter(story.annotators.items()))
    row = story.row()
    row.set_priority(_PRIORITY)
    seen["priorities.digits"] = story.row().priority
    bundle = story.admin.create_bundle(bundle_size=MORE_THAN_A_BUNDLE)
    for _ in range(MORE_THAN_A_BUNDLE):
        row.set_priority(0.5, bundle=bundle)
    seen["bundles.largest"] = "refused" if _refused(bundle.execute) else "taken"
    story.only(story.admin, "Route").proceed(pathway_name="No")
    (mine,) = theirs.list_label_rows_v2()
    _draw(mine, 2)
    story.only(theirs, "Annotate").submit()
    story.only(story.reviewer, "Review").reject()
    task = story.only(story.admin, "Annotate")
    seen["workflow.rejected-keeps-annotator"] = "the annotator" if task.assignee == who else "nobody"
    story.only(theirs, "Annotate").submit()
    story.only(story.reviewer, "Review").approve()
    story.row().initialise_labels()
    seen["labels.reading-marks-in-progress"] = _label_status(story.admin)
    seen["labels.row-timestamps"] = _form(story.admin, str(story.row().label_hash))
    annotate = story.admin.workflow.get_stage(name="Annotate").uuid
    story.only(story.admin, "Complete").move(destination_stage_uuid=annotate)
    again = story.only(story.admin, "Annotate")
    seen["workflow.moved-task-loses-assignee"] = "nobody" if again.assignee is None else "the annotator"
    story.admin.remove_datasets([story.dataset_hash])
    story.admin.add_datasets([story.dataset_hash])
    seen["datasets.detached-labels"] = "lost" if story.row().label_hash is None else "kept"


def _draw_parts(story: _Story) -> None:
    """Everybody takes a part, or has one from before, draws as many boxes as their number, and submits."""
    for number, (who, project) in enumerate(story.annotators.items(), start=1):
        parts = story.only(project, "Consensus").subtasks
        part = next(part for part in parts if part.assignee in (None, who))
        part.assign(who)
        (row,) = project.list_label_rows_v2(branch_name=part.label_branch_name)
        _draw(row, number)
        part.submit()


def _draw(row: LabelRowV2, boxes: int) -> None:
    row.initialise_labels()
    for old in row.get_object_instances():
        row.remove_object(old)
    for number in range(boxes):
        box = row.ontology_structure.objects[0].create_instance()
        corner = BoundingBoxCoordinates(height=0.1, width=0.1, top_left_x=0.2 * number, top_left_y=0.3)
        box.set_for_frames(corner, frames=0)
        row.add_object_instance(box)
    row.save()


def _boxes(row: LabelRowV2) -> int:
    row.initialise_labels()
    return len(row.get_object_instances())


def _refused(do: Callable[[], None]) -> bool:
    try:
        do()
    except InvalidArgumentsError:
        return True
    return False


def _label_status(project: Project) -> str:
    """What the first generation of the SDK's listing says; the second refuses to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        (row,) = project.list_label_rows()
    return str(row.label_status.value)


def _form(project: Project, label_hash: str) -> str:
    """How a raw row writes its moments."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        written = str(project.get_label_row(label_hash)["created_at"])
    if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", written):
        return "plain"
    return "rfc_1123" if re.fullmatch(r"\w{3}, .* (UTC|GMT)", written) else written


def _upload(folder: StorageFolder) -> UUID:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "picture.png"
        Image.new("RGB", (64, 48), "#85929e").save(path)
        return folder.upload_image(path)
