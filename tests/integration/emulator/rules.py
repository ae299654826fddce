"""The rules of workflows, branches, assignments and permissions, said again in a few lines and without the emulator."""

from __future__ import annotations

from dataclasses import dataclass, field

ROLES = {
    "ops@example.com": "admin",
    "anna@example.com": "annotator",
    "ben@example.com": "annotator",
    "both@example.com": "annotator_reviewer",
    "rita@example.com": "reviewer",
    "vera@example.com": "viewer",
}
NEXT = {"Consensus": "Review & Refine", "Review & Refine": "Score", "Annotate": "Review", "Review": "Complete"}
BACK = {"Review & Refine": "Consensus", "Review": "Annotate"}
PATHWAYS = {"Routing": {"Yes": "Consensus", "No": "Annotate"}, "Score": {"Done": "Complete"}}
STAGES = ("Routing", "Consensus", "Review & Refine", "Score", "Annotate", "Review", "Complete")
PEOPLE_OF_A_BLOCK = 2


class Refused(Exception):
    """Something that the rules do not allow."""


@dataclass(eq=False)
class Part:
    """One person's part of a consensus task."""

    assignee: str | None = None
    submitted: bool = False
    boxes: int | None = None


@dataclass(eq=False)
class Task:
    """A data unit on its way; `boxes` are those on `main`, None: never opened."""

    stage: str = "Routing"
    assignee: str | None = None
    annotator: str | None = None
    boxes: int | None = None
    parts: list[Part] = field(default_factory=list)

    def enter(self, stage: str, *, sent_back: bool = False) -> None:
        self.stage, self.assignee = stage, None
        if stage == "Consensus":
            self.parts = self.parts or [Part() for _ in range(PEOPLE_OF_A_BLOCK)]
            for part in self.parts:
                part.submitted = False
        elif stage == "Annotate" and sent_back:
            self.assignee = self.annotator


def manages(who: str) -> bool:
    return ROLES[who] == "admin"


def _must_be_theirs(who: str, holder: str | None, roles: set[str]) -> None:
    if manages(who):
        return
    if ROLES[who] not in roles or holder not in (None, who):
        raise Refused


ANNOTATING, REVIEWING = {"annotator", "annotator_reviewer"}, {"reviewer", "annotator_reviewer"}
REVIEWS = ("Review", "Review & Refine")


def _work(who: str, task: Task, part: Part | None) -> None:
    """Whether it is somebody's turn at a task, or at a part of it."""
    if part is not None:
        if part.submitted:
            raise Refused
        _must_be_theirs(who, part.assignee, ANNOTATING)
    else:
        _must_be_theirs(who, task.assignee, REVIEWING if task.stage in REVIEWS else ANNOTATING)


def _alone(task: Task, part: Part, who: str) -> None:
    if any(other is not part and other.assignee == who for other in task.parts):
        raise Refused


def assign(who: str, task: Task, part: Part | None, to: str) -> None:
    _work(who, task, part)
    if to not in ROLES or (to != who and not manages(who)):
        raise Refused
    if part is not None:
        _alone(task, part, to)
    (part or task).assignee = to


def release(who: str, task: Task, part: Part | None) -> None:
    _work(who, task, part)
    (part or task).assignee = None


def submit(who: str, task: Task, part: Part | None) -> None:
    _work(who, task, part)
    if part is None:
        task.annotator = who
        task.enter(NEXT[task.stage])
        return
    owner = part.assignee or who
    _alone(task, part, owner)
    part.assignee, part.submitted = owner, True
    if all(one.submitted for one in task.parts):
        task.enter(NEXT[task.stage])


def approve(who: str, task: Task) -> None:
    _work(who, task, None)
    if task.stage == "Review & Refine" and task.parts[0].boxes is not None:
        task.boxes = task.parts[0].boxes
    task.enter(NEXT[task.stage])


def reject(who: str, task: Task) -> None:
    _work(who, task, None)
    task.enter(BACK[task.stage], sent_back=True)


def proceed(who: str, task: Task, pathway: str) -> None:
    if not manages(who) or pathway not in PATHWAYS[task.stage]:
        raise Refused
    task.enter(PATHWAYS[task.stage][pathway])


def move(who: str, task: Task, to: str) -> None:
    if not manages(who) or to == task.stage:
        raise Refused
    task.enter(to)


def draw(who: str, task: Task, part: Part | None, boxes: int) -> None:
    """Opens a row and saves so many boxes on it; saving takes a free part."""
    if not manages(who):
        if part is not None and task.stage != "Consensus":
            raise Refused
        if part is None and task.stage not in ("Annotate", *REVIEWS):
            raise Refused
        _work(who, task, part)
        if part is not None:
            _alone(task, part, who)
            part.assignee = part.assignee or who
    if part is not None:
        part.boxes = boxes
    else:
        task.boxes = boxes
