"""What callers do to tasks: every bundle is checked as a whole before any of it is done."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.errors import AuthorisationError, InvalidArgumentsError
from emulator.projects.roles import ANNOTATING, REVIEWING, may_manage
from emulator.projects.world import (
    AgentStageSpec,
    AnnotationStageSpec,
    AnyStageSpec,
    BranchedStageSpec,
    ConsensusReviewStageSpec,
    PathwaySpec,
    ProjectRole,
    ReviewStageSpec,
)
from emulator.workflow.flow import AnyReview, Flow
from emulator.workflow.graph import pathway_named
from emulator.workflow.tasks import Subtask, Task

AT_ANNOTATION = {"SUBMIT", "ASSIGN", "RELEASE", "SKIP"}
OPEN_REVIEWS = ("NEW", "REOPENED", "RESOLVED")
AT_REVIEW = {"APPROVE", "REJECT", "ASSIGN", "RELEASE"}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and as what; `members` are the people that tasks can be assigned to."""

    email: str
    role: ProjectRole
    members: frozenset[str]


@dataclass(slots=True)
class _Draft:
    """What a task, or a part of one, will look like once the actions before this one are done."""

    assignee: str | None
    gone: bool = False


Effect = Callable[[], None]


class Actions:
    """Checks and then does a bundle of actions on the tasks of one stage."""

    def __init__(self, flow: Flow, stage: AnyStageSpec, actor: Actor) -> None:
        self._flow = flow
        self._stage = stage
        self._actor = actor
        self._drafts: dict[str, _Draft] = {}

    def do(self, actions: Sequence[dict[str, Any]]) -> None:
        """Does all of them.

        Raises:
            InvalidArgumentsError: one of them cannot be done (the task is not at this stage any more, a pathway that
                does not exist, ...); then none is.
            AuthorisationError: one of them is not this caller's to do; then none is.
        """
        effects = [self._plan(action) for action in actions]
        for effect in effects:
            effect()

    def _plan(self, action: dict[str, Any]) -> Effect:
        name, uuid = str(action.get("action", "")), str(action.get("taskUuid", "")).lower()
        match self._stage:
            case BranchedStageSpec() as stage:
                return self._at_consensus(stage, name, action, uuid)
            case AnnotationStageSpec() as stage:
                return self._at_annotation(stage, name, action, self._task(uuid))
            case ReviewStageSpec() | ConsensusReviewStageSpec() as stage:
                return self._at_review(stage, name, action, self._task(uuid))
            case AgentStageSpec() as stage:
                return self._at_agent(stage, name, action, self._task(uuid))
            case _:
                raise InvalidArgumentsError(f"Tasks at {self._stage.title} take no actions")

    def _task(self, uuid: str) -> Task:
        task = self._flow.tasks.get(uuid)
        if task is None or task.stage is not self._stage:
            raise InvalidArgumentsError(f"Task {uuid} is not in stage {self._stage.title}")
        if self._drafts.setdefault(uuid, _Draft(task.assignee)).gone:
            raise InvalidArgumentsError(f"Task {uuid} is acted on twice after leaving the stage")
        return task

    def _part(self, uuid: str) -> tuple[Task, Subtask]:
        task, subtask = self._flow.subtasks.get(uuid, (None, None))
        if task is None or subtask is None or task.stage is not self._stage:
            raise InvalidArgumentsError(f"Task {uuid} is not in stage {self._stage.title}")
        gone = self._drafts.setdefault(uuid, _Draft(subtask.assignee, subtask.submitted)).gone
        if gone:
            raise InvalidArgumentsError(f"Task {uuid} has been submitted already")
        return task, subtask

    def _at_annotation(self, stage: AnnotationStageSpec, name: str, action: dict[str, Any], task: Task) -> Effect:
        _expect(name, AT_ANNOTATION)
        draft = self._drafts[task.uuid]
        self._must_own(draft, ANNOTATING)
        if name == "SUBMIT":
            onto = self._assignee_after(action, draft)
            draft.gone = True
            settle = _settling(task, action, "resolveLabelReviews", "RESOLVED", of=("REJECTED",))
            return _both(settle, lambda: self._flow.submit(task, stage, self._actor.email, onto))
        return self._hold(name, action, task, task, draft)

    def _at_consensus(self, stage: BranchedStageSpec, name: str, action: dict[str, Any], uuid: str) -> Effect:
        _expect(name, AT_ANNOTATION)
        task, subtask = self._part(uuid)
        draft = self._drafts[subtask.uuid]
        self._must_own(draft, ANNOTATING)
        if name == "SUBMIT":
            owner = draft.assignee or self._actor.email
            self._must_be_only_part(task, subtask, owner)
            draft.assignee, draft.gone = owner, True
            return lambda: self._flow.submit_part(task, stage, subtask, self._actor.email)
        if name == "ASSIGN":
            self._must_be_only_part(task, subtask, self._named_assignee(action))
        return self._hold(name, action, task, subtask, draft)

    def _at_review(self, stage: AnyReview, name: str, action: dict[str, Any], task: Task) -> Effect:
        _expect(name, AT_REVIEW)
        draft = self._drafts[task.uuid]
        self._must_own(draft, REVIEWING)
        if name in ("ASSIGN", "RELEASE"):
            return self._hold(name, action, task, task, draft)
        onto = self._assignee_after(action, draft)
        draft.gone = True
        if name == "APPROVE":
            settle = _settling(task, action, "approveLabelReviews", "APPROVED", of=OPEN_REVIEWS)
            return _both(settle, lambda: self._flow.approve(task, stage, self._actor.email, onto))
        settle = _settling(task, action, "rejectLabelReviews", "REJECTED", of=OPEN_REVIEWS)
        return _both(settle, lambda: self._flow.reject(task, stage, self._actor.email, onto))

    def _at_agent(self, stage: AgentStageSpec, name: str, action: dict[str, Any], task: Task) -> Effect:
        _expect(name, {"PATHWAY_ACTION"})
        if not may_manage(self._actor.role):
            raise AuthorisationError("Only admins and team managers move tasks out of agent stages")
        pathway = _pathway(stage, action)
        self._drafts[task.uuid].gone = True
        return lambda: self._flow.move(task, pathway.to, action="PATHWAY", by=self._actor.email, pathway=pathway.name)

    def _hold(self, name: str, action: dict[str, Any], task: Task, part: Task | Subtask, draft: _Draft) -> Effect:
        assignee = self._named_assignee(action) if name == "ASSIGN" else None
        draft.assignee = assignee
        return lambda: self._flow.hold(task, part, assignee, name, self._actor.email)

    def _must_own(self, draft: _Draft, roles: frozenset[ProjectRole]) -> None:
        if may_manage(self._actor.role):
            return
        if self._actor.role not in roles:
            raise AuthorisationError(f"The role {self._actor.role} does not act on tasks at {self._stage.title}")
        if draft.assignee not in (None, self._actor.email):
            raise AuthorisationError("The task is assigned to somebody else")

    def _must_be_only_part(self, task: Task, subtask: Subtask, email: str) -> None:
        for other in task.subtasks:
            held = self._drafts[other.uuid].assignee if other.uuid in self._drafts else other.assignee
            if other is not subtask and held == email:
                raise InvalidArgumentsError(f"{email} has a part of this consensus task already")

    def _named_assignee(self, action: dict[str, Any]) -> str:
        email = str(action.get("assignee") or "")
        if email not in self._actor.members:
            raise InvalidArgumentsError(f"{email!r} is not a user of this project")
        if not may_manage(self._actor.role) and email != self._actor.email:
            raise AuthorisationError("Only admins and team managers assign tasks to others")
        return email

    def _assignee_after(self, action: dict[str, Any], draft: _Draft) -> str | None:
        if action.get("assignee"):
            return self._named_assignee(action)
        if not action.get("retainAssignee"):
            return None
        if draft.assignee is None:
            raise InvalidArgumentsError("The task has no assignee to retain")
        return draft.assignee


def move_tasks(flow: Flow, origin: AnyStageSpec, uuids: Sequence[str], destination: str, by: str) -> None:
    """Moves tasks to any other stage, all of them or none.

    Raises:
        InvalidArgumentsError: when one of them is not at the origin, or the destination does not exist.
    """
    target = flow.graph.stage(destination)
    found = (flow.tasks.get(uuid.lower()) for uuid in dict.fromkeys(uuids))
    tasks = [task for task in found if task is not None and task.stage is origin]
    if len(tasks) != len(set(uuids)):
        raise InvalidArgumentsError(f"Not all of these tasks are in stage {origin.title}")
    if target is origin:
        raise InvalidArgumentsError("The tasks are at that stage already")
    for task in tasks:
        flow.move(task, target.uuid, action="MOVE", by=by)


def _settling(task: Task, action: dict[str, Any], flag: str, status: str, *, of: Iterable[str]) -> Effect:
    """Settles the label reviews of a task, if the action says so."""
    return (lambda: task.reviews.settle(status, of=of)) if action.get(flag) else _nothing


def _nothing() -> None:
    pass


def _both(first: Effect, second: Effect) -> Effect:
    def effect() -> None:
        first()
        second()

    return effect


def _expect(name: str, allowed: set[str]) -> None:
    if name not in allowed:
        raise InvalidArgumentsError(f"{name!r} is not an action of this stage")


def _pathway(stage: AgentStageSpec, action: dict[str, Any]) -> PathwaySpec:
    name, uuid = action.get("pathwayName"), action.get("pathwayUuid")
    if uuid:
        found = next((p for p in stage.pathways if p.uuid == str(uuid).lower()), None)
    else:
        found = pathway_named(stage, str(name))
    if found is None:
        raise InvalidArgumentsError(f"Stage {stage.title} has no pathway {uuid or name!r}")
    return found
