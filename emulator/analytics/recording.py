"""Notes what is done to label rows and tasks."""

from datetime import datetime
from typing import TYPE_CHECKING

from emulator.analytics.changes import changes
from emulator.analytics.models import LabelAction, TaskAction, Where
from emulator.workflow.flow import Acted, Event

if TYPE_CHECKING:
    from emulator.labels.metadata import Entry
    from emulator.labels.models import Content
    from emulator.projects.models import Project


def note_opened(project: "Project", data_hash: str, by: str, at: datetime) -> None:
    """Somebody has read a label row, or made one."""
    project.activity.opened(by, data_hash, at)


def note_saved(project: "Project", entry: "Entry", before: "Content", by: str, at: datetime) -> None:
    """Somebody has saved a label row whose content was another one before."""
    part = entry.subtask
    where = Where(entry.unit.hash, part.uuid if part is not None else entry.task.uuid, entry.task.stage)
    branch, label_hash = entry.row.branch_name, entry.row.label_hash or ""
    made = [LabelAction(at, by, change, branch, label_hash, where) for change in changes(before, entry.row.content)]
    project.activity.saved(made, by, where, at)


def hear(project: "Project", event: Event) -> None:
    """Notes what is done to tasks."""
    if isinstance(event, Acted):
        where = Where(event.task.data_hash, event.task.uuid, event.stage)
        project.activity.acted(TaskAction(event.at, event.by, event.action, where))
