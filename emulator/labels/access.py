"""Who sees and writes which label rows."""

from collections.abc import Sequence

from emulator.errors import InvalidArgumentsError
from emulator.labels.metadata import Entry
from emulator.projects.roles import ANNOTATING, REVIEWING, may_manage
from emulator.projects.world import AnnotationStageSpec, BranchedStageSpec, ConsensusReviewStageSpec, ReviewStageSpec
from emulator.workflow.actions import Actor
from emulator.world import Switches


def may_see(entry: Entry, actor: Actor) -> bool:
    """Annotators do not see each other's consensus branches; everybody else sees everything."""
    part = entry.subtask
    if part is None or actor.role != "annotator":
        return True
    return part.assignee in (None, actor.email)


def is_listed(entry: Entry, switches: Switches) -> bool:
    """Whether a listing shows a row: the branches of a consensus block may be hidden once the block is over."""
    if entry.subtask is None or switches.consensus_branches_after_block == "listed":
        return True
    return isinstance(entry.task.stage, BranchedStageSpec | ConsensusReviewStageSpec)


def may_open(entry: Entry, actor: Actor) -> bool:
    """Whether somebody may write a row: managers always, others where it is their turn."""
    if may_manage(actor.role):
        return True
    holder = entry.subtask.assignee if entry.subtask else entry.task.assignee
    if holder not in (None, actor.email):
        return False
    match entry.task.stage:
        case BranchedStageSpec():
            return entry.subtask is not None and not entry.subtask.submitted and actor.role in ANNOTATING
        case AnnotationStageSpec():
            return actor.role in ANNOTATING
        case ReviewStageSpec() | ConsensusReviewStageSpec():
            return actor.role in REVIEWING
        case _:
            return False


def refuse_second_parts(entries: Sequence[Entry], actor: Actor) -> None:
    """Refuses writing on a free part of a consensus task to whom has, or would have, another part of it.

    Raises:
        InvalidArgumentsError: nobody gets two parts of one task.
    """
    if may_manage(actor.role):
        return
    parts: dict[str, set[str]] = {}
    for entry in entries:
        if entry.subtask is not None:
            held = {part.uuid for part in entry.task.subtasks if part.assignee == actor.email}
            parts.setdefault(entry.task.uuid, held).add(entry.subtask.uuid)
    if any(len(of_one_task) > 1 for of_one_task in parts.values()):
        raise InvalidArgumentsError(f"{actor.email} has a part of this consensus task already")


def take_part(entry: Entry, actor: Actor) -> None:
    """Who saves labels on a free part of a consensus task has taken it; managers only look after it."""
    part = entry.subtask
    if part is not None and part.assignee is None and not may_manage(actor.role):
        part.assignee = actor.email
        part.status = "ASSIGNED"
