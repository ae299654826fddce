"""What people do in a project, written down as it happens: actions on tasks, changes of labels, time at work."""

from dataclasses import dataclass, field
from datetime import datetime

from emulator.analytics.changes import Change
from emulator.projects.world import AnyStageSpec
from emulator.spec import new_uuid

_ENDING = {"SUBMIT", "APPROVE", "REJECT"}


@dataclass(frozen=True, slots=True)
class Where:
    """The data unit, the task and the stage that something happened at."""

    data_hash: str
    task_uuid: str
    stage: AnyStageSpec


@dataclass(frozen=True, slots=True)
class TaskAction:
    """Somebody did something to a task."""

    at: datetime
    by: str
    action: str
    where: Where
    uuid: str = field(default_factory=new_uuid)


@dataclass(frozen=True, slots=True)
class LabelAction:
    """Somebody added, edited or deleted a label on a branch."""

    at: datetime
    by: str
    change: Change
    branch_name: str
    label_hash: str
    where: Where
    uuid: str = field(default_factory=new_uuid)


@dataclass(frozen=True, slots=True)
class TimeSpent:
    """Somebody was at work on a data unit."""

    start: datetime
    end: datetime
    by: str
    where: Where

    @property
    def seconds(self) -> float:
        """How long that was."""
        return (self.end - self.start).total_seconds()


class Activity:
    """Everything that was done in one project, oldest first.

    There is no editor that could be watched, so time counts from the moment when somebody opens, saves or is assigned
    a task to the moment when they save, submit, approve or reject it.
    """

    def __init__(self) -> None:
        self.task_actions: list[TaskAction] = []
        self.label_actions: list[LabelAction] = []
        self.time_spent: list[TimeSpent] = []
        self._at_work: dict[tuple[str, str], datetime] = {}

    def opened(self, by: str, data_hash: str, at: datetime) -> None:
        """Somebody has opened a data unit."""
        self._at_work.setdefault((by, data_hash), at)

    def acted(self, action: TaskAction) -> None:
        """Somebody has done something to a task."""
        self.task_actions.append(action)
        if action.action in _ENDING:
            self._worked(action.by, action.where, action.at)
            self._at_work.pop((action.by, action.where.data_hash), None)
        elif action.action == "ASSIGN":
            self.opened(action.by, action.where.data_hash, action.at)

    def saved(self, actions: list[LabelAction], by: str, where: Where, at: datetime) -> None:
        """Somebody has saved labels, which changed them like this."""
        self.label_actions.extend(actions)
        self._worked(by, where, at)
        self._at_work[by, where.data_hash] = at

    def _worked(self, by: str, where: Where, until: datetime) -> None:
        since = self._at_work.get((by, where.data_hash))
        if since is not None and since < until:
            self.time_spent.append(TimeSpent(since, until, by, where))
