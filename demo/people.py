"""The people of the story, each with an SDK client: they do by script what people do in Encord's app."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from random import Random
from typing import TypeVar

from encord import EncordUserClient, Project
from encord.objects import LabelRowV2
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.workflow import AnnotationStage, ConsensusAnnotationStage, ConsensusReviewStage, ReviewStage
from encord.workflow.stages.annotation import AnnotationTask
from encord.workflow.stages.consensus_review import ConsensusReviewTask
from encord.workflow.stages.review import ReviewTask

from demo.labels import Answer, Box
from demo.world import Account

BATCH = 100
"""Tasks a person works through at one time: what one page of a task list holds."""

Report = Callable[[int], None]
"""Called with the number of tasks just finished."""

T = TypeVar("T")


class Person:
    """Somebody who works on one project through the SDK."""

    def __init__(self, account: Account, project: str, domain: str) -> None:
        self.email = account.email
        self._client = EncordUserClient.create_with_ssh_private_key(account.private_key, domain=domain)
        self._project_hash = project

    @cached_property
    def project(self) -> Project:
        """The project, opened once."""
        return self._client.get_project(self._project_hash)


class Operator(Person):
    """Attaches data and hands work out."""

    def attach(self, datasets: Sequence[str]) -> None:
        """Attach datasets to the project: a task starts for each of their data units."""
        self.project.add_datasets(list(datasets))

    def hand_out_consensus(self, stage: str, people: Mapping[str, Sequence[str]]) -> None:
        """Give each subtask of a consensus stage to one of the people named for its data unit."""
        consensus = self.project.workflow.get_stage(name=stage, type_=ConsensusAnnotationStage)
        with self.project.create_bundle() as bundle:
            for task in consensus.get_tasks():
                for subtask, email in zip(task.subtasks, people[str(task.data_hash)], strict=True):
                    subtask.assign(email, bundle=bundle)

    def hand_out(self, stage: str, people: Mapping[str, str]) -> None:
        """Give each task of an annotation stage to the one named for its data unit."""
        annotation = self.project.workflow.get_stage(name=stage, type_=AnnotationStage)
        with self.project.create_bundle() as bundle:
            for task in annotation.get_tasks():
                task.assign(people[str(task.data_hash)], bundle=bundle)


class Annotator(Person):
    """Labels what is handed to them and submits it; nothing drawn is submitted too, as an empty answer."""

    def work_off_consensus(self, stage: str, answers: Mapping[str, Answer], report: Report) -> None:
        """Answer my subtasks of a consensus stage, each on its own label branch."""
        consensus = self.project.workflow.get_stage(name=stage, type_=ConsensusAnnotationStage)
        tasks = consensus.get_tasks(assignee=self.email)
        self._submit([one for task in tasks for one in task.subtasks if one.assignee == self.email], answers, report)

    def work_off(self, stage: str, answers: Mapping[str, Answer], report: Report) -> None:
        """Answer my tasks of an annotation stage."""
        annotation = self.project.workflow.get_stage(name=stage, type_=AnnotationStage)
        self._submit(list(annotation.get_tasks(assignee=self.email)), answers, report)

    def _submit(self, tasks: Sequence[AnnotationTask], answers: Mapping[str, Answer], report: Report) -> None:
        # Each in a random order of their own: a common one could favour or accuse everybody at once.
        in_my_order = Random(self.email).sample(tasks, len(tasks))  # noqa: S311 - no secret
        for batch in in_batches(in_my_order):
            self._save([task for task in batch if answers[str(task.data_hash)] != ()], answers)
            with self.project.create_bundle() as bundle:
                for task in batch:
                    task.submit(bundle=bundle)
            report(len(batch))

    def _save(self, tasks: Sequence[AnnotationTask], answers: Mapping[str, Answer]) -> None:
        """Write answers to the label rows of tasks, each on its task's branch."""
        if not tasks:
            return
        branches = {str(task.data_hash): task.label_branch_name for task in tasks}
        rows = [row for row in self._rows(branches) if row.branch_name == branches[row.data_hash]]
        self._initialise(rows)
        for row in rows:
            write_answer(row, answers[row.data_hash])
        with self.project.create_bundle() as bundle:
            for row in rows:
                row.save(bundle=bundle)

    def _rows(self, branches: Mapping[str, str]) -> list[LabelRowV2]:
        """The label rows of these data units, on all branches where tasks are on several."""
        several = set(branches.values()) != {"main"}
        return self.project.list_label_rows_v2(data_hashes=list(branches), include_all_label_branches=several)

    def _initialise(self, rows: Sequence[LabelRowV2]) -> None:
        """Create label rows: a bundle for each branch, because a bundle creates its rows on one branch only."""
        by_branch = defaultdict(list)
        for row in rows:
            by_branch[row.branch_name].append(row)
        for on_branch in by_branch.values():
            with self.project.create_bundle() as bundle:
                for row in on_branch:
                    row.initialise_labels(bundle=bundle)


class Reviewer(Person):
    """Approves whatever waits at a review stage."""

    def approve(self, stage: str, report: Report, limit: int | None = None) -> None:
        """Approve the tasks of a review stage (at most `limit` of them)."""
        review = self.project.workflow.get_stage(name=stage, type_=ReviewStage)
        self._approve(list(islice(review.get_tasks(), limit)), report)

    def approve_consensus(self, stage: str, report: Report, limit: int | None = None) -> None:
        """Approve the tasks of a consensus block's review stage (at most `limit` of them)."""
        review = self.project.workflow.get_stage(name=stage, type_=ConsensusReviewStage)
        self._approve(list(islice(review.get_tasks(), limit)), report)

    def _approve(self, tasks: Sequence[ReviewTask | ConsensusReviewTask], report: Report) -> None:
        for batch in in_batches(tasks):
            with self.project.create_bundle() as bundle:
                for task in batch:
                    task.approve(bundle=bundle)
            report(len(batch))


def write_answer(row: LabelRowV2, answer: Answer) -> None:
    """Put boxes, or the answer to the question, into an initialised label row."""
    if isinstance(answer, bool):
        _write_choice(row, answer)
    else:
        for box in answer:
            _write_box(row, box)


def _write_box(row: LabelRowV2, box: Box) -> None:
    if not row.width or not row.height:
        raise ValueError(f"the data unit {row.data_title} has no size")
    x, y, width, height = box
    instance = row.ontology_structure.objects[0].create_instance()
    instance.set_for_frames(
        BoundingBoxCoordinates(
            height=height / row.height,
            width=width / row.width,
            top_left_x=x / row.width,
            top_left_y=y / row.height,
        )
    )
    row.add_object_instance(instance)


def _write_choice(row: LabelRowV2, answer: bool) -> None:
    question = row.ontology_structure.classifications[0]
    yes, no = question.attributes[0].options
    instance = question.create_instance()
    instance.set_answer(yes if answer else no)
    instance.set_for_frames(0)
    row.add_classification_instance(instance)


def in_batches(tasks: Sequence[T]) -> Iterator[Sequence[T]]:
    """Runs of at most `BATCH`."""
    for start in range(0, len(tasks), BATCH):
        yield tasks[start : start + BATCH]
