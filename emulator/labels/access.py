"""Who sees and writes which label rows."""

from emulator.errors import InvalidArgumentsError
from emulator.labels.metadata import Entry
from emulator.projects.roles import ANNOTATING, REVIEWING, may_manage
from emulator.workflow.actions import Actor
from emulator.world import AnnotationStageSpec, ConsensusReviewStageSpec, ConsensusStageSpec, ReviewStageSpec


def may_see(entry: Entry, actor: Actor) -> bool:
    """Annotators do not see each other's consensus branches; everybody else sees everything."""
    part = entry.subtask
    if part is None or actor.role != "annotator":
        return True
    return part.assignee in (None, actor.email)


def may_open(entry: Entry, actor: Actor) -> bool:
    """Whether somebody may write a row: managers always, others where it is their turn."""
    if may_manage(actor.role):
        return True
    holder = entry.subtask.assignee if entry.subtask else entry.task.assignee
    if holder not in (None, actor.email):
        return False
    match entry.task.stage:
        case ConsensusStageSpec():
            return entry.subtask is not None and not entry.subtask.submitted and actor.role in ANNOTATING
        case AnnotationStageSpec():
            return actor.role in ANNOTATING
        case ReviewStageSpec() | ConsensusReviewStageSpec():
            return actor.role in REVIEWING
        case _:
            return False


def take_part(entry: Entry, actor: Actor) -> None:
    """Who saves labels on a free part of a consensus task has taken it.

    Raises:
        InvalidArgumentsError: when they have another part of the task already.
    """
    part = entry.subtask
    if part is None or part.assignee is not None or may_manage(actor.role):
        return
    if any(other.assignee == actor.email for other in entry.task.subtasks):
        raise InvalidArgumentsError(f"{actor.email} has a part of this consensus task already")
    part.assignee = actor.email
    part.status = "ASSIGNED"
