"""A project's tasks on their way: entering stages, leaving them, and what every move does to labels and people.

Nothing here knows who is allowed to do what (`actions.py`) or what goes out over the network (`outbound`): whoever
wants to hear of moves is told through `listener`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

from emulator.clock import Clock
from emulator.datasets.models import DataRow
from emulator.errors import InvalidArgumentsError
from emulator.labels.consensus import join_branches
from emulator.labels.models import MAIN_BRANCH, LabelRows
from emulator.projects.world import (
    AnnotationStageSpec,
    AnyStageSpec,
    BranchedStageSpec,
    CompleteStageSpec,
    ConsensusReviewStageSpec,
    ParallelStageSpec,
    PercentageRouterSpec,
    ReviewStageSpec,
    UserRouterSpec,
)
from emulator.spec import new_uuid
from emulator.workflow.graph import Graph
from emulator.workflow.tasks import CONSENSUS_BRANCH_PREFIX, StageQueue, Step, Subtask, Task
from emulator.world import Switches


@dataclass(frozen=True, slots=True)
class Entered:
    """A task has come to a stage."""

    task: Task
    stage: AnyStageSpec


@dataclass(frozen=True, slots=True)
class Submitted:
    """Somebody has submitted a task, or a part of one, at an annotation stage."""

    task: Task
    stage: AnnotationStageSpec | BranchedStageSpec
    branch_name: str


@dataclass(frozen=True, slots=True)
class Acted:
    """Somebody has done something to a task (or to a part of it) that was at a stage."""

    task: Task
    stage: AnyStageSpec
    action: str
    by: str
    at: datetime


Event = Entered | Submitted | Acted
Listener = Callable[[Event], None]

_STATUS_AFTER = {"ASSIGN": "ASSIGNED", "RELEASE": "RELEASED", "SKIP": "SKIPPED"}

AnyReview = ReviewStageSpec | ConsensusReviewStageSpec


class Flow:
    """Every task of one project, by uuid, by data hash and by stage."""

    def __init__(self, graph: Graph, rows: LabelRows, clock: Clock, switches: Switches, listener: Listener) -> None:
        self.graph = graph
        self.tasks: dict[str, Task] = {}
        self.subtasks: dict[str, tuple[Task, Subtask]] = {}
        self.by_data: dict[str, Task] = {}
        self.queues = {uuid: StageQueue(uuid) for uuid in graph.stages}
        self._rows = rows
        self._clock = clock
        self._switches = switches
        self._listener = listener
        self._entries = 0

    def start(self, unit: DataRow, by: str | None) -> Task:
        """Makes the task of a data unit and sends it to the stage after Start."""
        task = self.place(unit, self.graph.stages[self.graph.start], new_uuid())
        self._arrive(task, task.stage, action="START", by=by)
        return task

    def place(self, unit: DataRow, stage: AnyStageSpec, uuid: str) -> Task:
        """Makes the task of a data unit without putting it anywhere yet."""
        now = self._clock.now()
        task = Task(unit.hash, unit.dataset.hash, unit.title, stage, now, now, uuid=uuid)
        self.tasks[task.uuid] = task
        self.by_data[unit.hash] = task
        return task

    def stand(self, task: Task, stage: AnyStageSpec, by: str | None) -> None:
        """Puts a task where a world file says it stands, as if it had always been there."""
        self._queue(task, stage)
        task.history.append(Step(self._clock.now(), stage.uuid, stage.title, "WORLD", by, None))

    def remove(self, data_hash: str) -> None:
        """Takes the task of a detached data unit out of the workflow."""
        task = self.by_data.pop(data_hash)
        del self.tasks[task.uuid]
        for subtask in task.subtasks:
            del self.subtasks[subtask.uuid]
        task.entry = -1
        self.queues[task.stage.uuid].left(task)

    def move(self, task: Task, to: str, *, action: str, by: str | None, pathway: str | None = None) -> None:
        """Takes a task out of its stage and sends it to another, through routers."""
        before = task.stage
        stage = self.graph.stages[to]
        if by is not None:
            self.note(task, action, by)
        task.entry = -1
        self.queues[before.uuid].left(task)
        if by is not None:
            task.last_actioned_by = by
        task.assignee = None
        task.status = "NEW"
        if action == "MOVE" and self._switches.moved_task_keeps_annotator and isinstance(stage, AnnotationStageSpec):
            task.assignee = task.annotator
        self._arrive(task, stage, action=action, by=by, pathway=pathway)

    def prioritise(self, data_hash: str, priority: float) -> None:
        """Gives a data unit's task another priority, 0 to 1; higher ones come first."""
        task = self.by_data[data_hash]
        self.queues[task.stage.uuid].prioritise(task, priority)

    def hold(self, task: Task, part: Task | Subtask, assignee: str | None, action: str, by: str) -> None:
        """Assigns, releases or skips a task, or a part of it: it stays where it is."""
        part.assignee = assignee
        part.status = _STATUS_AFTER[action]
        part.updated_at = self._clock.now()
        self.note(task, action, by)

    def note(self, task: Task, action: str, by: str) -> None:
        """Tells what somebody has done to a task at its present stage."""
        self._listener(Acted(task, task.stage, action, by, self._clock.now()))

    def submit(self, task: Task, stage: AnnotationStageSpec, by: str, assignee: str | None) -> None:
        """Hands in an ordinary annotation task, which is at this stage."""
        task.annotator, task.submitted_at = by, self._clock.now()
        self._rows.mark(task.data_hash, MAIN_BRANCH, "LABELLED")
        self.move(task, stage.next, action="SUBMIT", by=by)
        self._assign_next(task, assignee)
        self._listener(Submitted(task, stage, MAIN_BRANCH))

    def submit_part(self, task: Task, stage: BranchedStageSpec, subtask: Subtask, by: str) -> None:
        """Hands in one part of a consensus task; after the last one the task goes on."""
        now = self._clock.now()
        subtask.status = "COMPLETED"
        subtask.assignee = subtask.assignee or by
        subtask.last_actioned_by = by
        subtask.submitted_at = subtask.updated_at = task.updated_at = now
        self._rows.mark(task.data_hash, subtask.branch_name, "LABELLED")
        if all(part.submitted for part in task.subtasks):
            if isinstance(stage, ParallelStageSpec):
                join_branches(self._rows, task, by)
            self.move(task, stage.next, action="SUBMIT", by=by)
        else:
            self.note(task, "SUBMIT", by)
        self._listener(Submitted(task, stage, subtask.branch_name))

    def approve(self, task: Task, stage: AnyReview, by: str, assignee: str | None) -> None:
        """Sends a reviewed task on; what was reviewed counts as reviewed."""
        if isinstance(stage, ConsensusReviewStageSpec):
            self._conclude_consensus(task)
            self._reviewed_by(task, by)
        else:
            self._rows.mark(task.data_hash, MAIN_BRANCH, "REVIEWED")
        self.move(task, stage.next, action="APPROVE", by=by)
        self._assign_next(task, assignee)

    def reject(self, task: Task, stage: AnyReview, by: str, assignee: str | None) -> None:
        """Sends a task back: to the stage that the graph names, else to where it was annotated last."""
        if isinstance(stage, ConsensusReviewStageSpec):
            self._reviewed_by(task, by)
        target = self.graph.stages[stage.reject or self._last_annotated_at(task)]
        self.move(task, target.uuid, action="REJECT", by=by)
        self._reopened(task)
        self._assign_next(task, assignee)

    def reopen(self, task: Task, by: str) -> None:
        """Sends a task back to the first annotation stage; its labels stay."""
        first = next(self.graph.annotation_stages(), None)
        if first is None:
            raise InvalidArgumentsError("The workflow has no annotation stage to reopen tasks at")
        self.move(task, first.uuid, action="REOPEN", by=by)
        self._reopened(task)

    def complete(self, task: Task, by: str) -> None:
        """Sends a task straight to the final stage."""
        self.move(task, self.graph.final_stage().uuid, action="COMPLETE", by=by)

    def _reopened(self, task: Task) -> None:
        if isinstance(task.stage, AnnotationStageSpec):
            task.status = "REOPENED"
            if self._switches.rejected_task_keeps_annotator:
                task.assignee = task.annotator
        for subtask in task.subtasks:
            subtask.status = "REOPENED"

    def _assign_next(self, task: Task, assignee: str | None) -> None:
        if assignee is None:
            return
        task.assignee = assignee
        task.status = "ASSIGNED" if task.status == "NEW" else task.status

    def _last_annotated_at(self, task: Task) -> str:
        stages = self.graph.stages
        for step in reversed(task.history):
            if isinstance(stages[step.stage], AnnotationStageSpec | BranchedStageSpec):
                return step.stage
        first = next(self.graph.annotation_stages(), None)
        if first is None:
            raise InvalidArgumentsError("The workflow has no annotation stage to send the task back to")
        return first.uuid

    def _arrive(
        self, task: Task, stage: AnyStageSpec, *, action: str, by: str | None, pathway: str | None = None
    ) -> None:
        now = self._clock.now()
        task.history.append(Step(now, stage.uuid, stage.title, action, by, pathway))
        onward = _routed(task, stage)
        if onward is not None:
            self._arrive(task, self.graph.stages[onward], action="ROUTE", by=None)
            return
        self._queue(task, stage)
        self._prepare(task, stage, now)
        self._listener(Entered(task, stage))

    def _queue(self, task: Task, stage: AnyStageSpec) -> None:
        self._entries += 1
        task.entry = self._entries
        task.stage = stage
        task.entered_at = task.updated_at = self._clock.now()
        self.queues[stage.uuid].add(task)

    def _prepare(self, task: Task, stage: AnyStageSpec, now: datetime) -> None:
        match stage:
            case BranchedStageSpec():
                self._split(task, stage, now)
            case ReviewStageSpec():
                self._rows.mark(task.data_hash, MAIN_BRANCH, "REVIEW_IN_PROGRESS")
                task.reviews.open(self._rows.ensure(task.data_hash, MAIN_BRANCH).content)
            case CompleteStageSpec():
                task.status = "COMPLETED"
            case _:
                pass

    def _split(self, task: Task, stage: BranchedStageSpec, now: datetime) -> None:
        task.main_chosen = False
        if self._switches.consensus_entered_again == "new_branches":
            # The old branches keep their labels and authors, but nobody works on them any more.
            for subtask in task.subtasks:
                del self.subtasks[subtask.uuid]
            task.former_subtasks += task.subtasks
            task.subtasks = []
        while len(task.subtasks) < stage.annotators:
            subtask = Subtask(branch_name="", created_at=now, updated_at=now)
            subtask.branch_name = f"{CONSENSUS_BRANCH_PREFIX}{subtask.uuid[:13]}"
            self.add_part(task, subtask)
        for subtask in task.subtasks:
            if subtask.submitted:
                subtask.status = "REOPENED"

    def add_part(self, task: Task, subtask: Subtask) -> None:
        """Gives a consensus task one more part, and the part its branch."""
        task.subtasks.append(subtask)
        self.subtasks[subtask.uuid] = (task, subtask)
        self._rows.ensure(task.data_hash, subtask.branch_name)

    def _conclude_consensus(self, task: Task) -> None:
        for subtask in task.subtasks:
            self._rows.mark(task.data_hash, subtask.branch_name, "REVIEWED")
        if task.main_chosen:
            self._rows.mark(task.data_hash, MAIN_BRANCH, "REVIEWED")
        elif self._switches.consensus_approval == "first_branch_becomes_main" and task.subtasks:
            self._rows.copy(task.data_hash, task.subtasks[0].branch_name, MAIN_BRANCH)
            self._rows.mark(task.data_hash, MAIN_BRANCH, "REVIEWED")

    def _reviewed_by(self, task: Task, by: str) -> None:
        if self._switches.branch_author == "last_person":
            for subtask in task.subtasks:
                subtask.last_actioned_by = by


def _routed(task: Task, stage: AnyStageSpec) -> str | None:
    """Where a router sends a task; None at a stage that is no router."""
    if isinstance(stage, PercentageRouterSpec):
        total = sum(route.percentage for route in stage.routes)
        point = crc32(f"{stage.uuid}{task.data_hash}".encode()) / 2**32 * total
        for route in stage.routes:
            point -= route.percentage
            if point < 0:
                return route.to
        return stage.routes[-1].to
    if isinstance(stage, UserRouterSpec):
        return next((r.to for r in stage.routes if task.last_actioned_by in r.users), stage.default)
    return None
