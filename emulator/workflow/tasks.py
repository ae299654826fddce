"""Tasks, the parts of consensus tasks, and the queue of a stage."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from math import inf

from emulator.projects.world import AnyStageSpec
from emulator.spec import new_uuid
from emulator.workflow.reviews import LabelReviews

CONSENSUS_BRANCH_PREFIX = "encord-"

Place = tuple[float, int]
"""Where a task stands in a queue: minus its priority, then the number of its entry."""

FRONT: Place = (-inf, 0)


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a task's history: where it came to, how, and who moved it."""

    at: datetime
    stage: str
    title: str
    action: str
    by: str | None
    pathway: str | None


@dataclass(slots=True, eq=False)
class Subtask:
    """One annotator's part of a consensus task, on a label branch of its own."""

    branch_name: str
    created_at: datetime
    updated_at: datetime
    uuid: str = field(default_factory=new_uuid)
    status: str = "NEW"
    assignee: str | None = None
    last_actioned_by: str | None = None
    submitted_at: datetime | None = None

    @property
    def submitted(self) -> bool:
        """Whether its annotator has handed it in."""
        return self.status == "COMPLETED"


@dataclass(slots=True, eq=False)
class Task:
    """A data unit on its way through a project's workflow."""

    data_hash: str
    dataset_hash: str
    data_title: str
    stage: AnyStageSpec
    created_at: datetime
    updated_at: datetime
    uuid: str = field(default_factory=new_uuid)
    status: str = "NEW"
    assignee: str | None = None
    last_actioned_by: str | None = None
    annotator: str | None = None
    submitted_at: datetime | None = None
    main_chosen: bool = False
    priority: float = 0.5
    entered_at: datetime = datetime.min
    entry: int = 0
    subtasks: list[Subtask] = field(default_factory=list)
    former_subtasks: list[Subtask] = field(default_factory=list)
    history: list[Step] = field(default_factory=list)
    reviews: LabelReviews = field(default_factory=LabelReviews)

    @property
    def place(self) -> Place:
        """Where it stands in its stage's queue."""
        return -self.priority, self.entry


class _Waiting:
    """Tasks in the order of a queue; those that have left are passed over and swept out now and then.

    Finding the place after a cursor is a binary search, adding at the end (where tasks of ordinary priority go) is an
    append, leaving costs nothing: the price per task does not grow with the number of tasks.
    """

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._tasks: list[Task] = []
        self._gone = 0

    def add(self, task: Task) -> None:
        index = bisect_right(self._places, task.place)
        self._places.insert(index, task.place)
        self._tasks.insert(index, task)

    def remove(self, task: Task) -> None:
        index = bisect_left(self._places, task.place)
        del self._places[index], self._tasks[index]

    def forget(self, stage_uuid: str) -> None:
        """Notes that a task has left its place; sweeps when half of the list is gone."""
        self._gone += 1
        if 2 * self._gone <= len(self._tasks):
            return
        kept = [(p, t) for p, t in zip(self._places, self._tasks, strict=True) if _is_here(t, p, stage_uuid)]
        self._places = [place for place, _ in kept]
        self._tasks = [task for _, task in kept]
        self._gone = 0

    def after(self, cursor: Place, stage_uuid: str) -> Iterator[Task]:
        for index in range(bisect_right(self._places, cursor), len(self._tasks)):
            task = self._tasks[index]
            if _is_here(task, self._places[index], stage_uuid):
                yield task


def _is_here(task: Task, place: Place, stage_uuid: str) -> bool:
    return task.place == place and task.stage.uuid == stage_uuid


class StageQueue:
    """The tasks at one stage: higher priority first, then in order of entry; also by dataset."""

    def __init__(self, stage_uuid: str) -> None:
        self._stage_uuid = stage_uuid
        self._all = _Waiting()
        self._by_dataset: dict[str, _Waiting] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, task: Task) -> None:
        """Puts a task in its place; its `stage` and `entry` are set."""
        self._put(task)
        self._count += 1

    def left(self, task: Task) -> None:
        """Takes a task out, after its `stage` or `entry` has changed."""
        self._forget(task)
        self._count -= 1

    def prioritise(self, task: Task, priority: float) -> None:
        """Gives a task that waits here another priority, and the place that goes with it."""
        # Taken out for good, not passed over: with its old priority it would come back to its old place.
        self._all.remove(task)
        self._by_dataset[task.dataset_hash].remove(task)
        task.priority = priority
        self._put(task)

    def after(self, cursor: Place = FRONT, dataset_hashes: Iterable[str] = ()) -> Iterator[Task]:
        """The tasks behind a place in the queue, of these datasets or of all."""
        wanted = list(dict.fromkeys(dataset_hashes))
        if not wanted:
            return self._all.after(cursor, self._stage_uuid)
        lists = [self._by_dataset[d].after(cursor, self._stage_uuid) for d in wanted if d in self._by_dataset]
        return lists[0] if len(lists) == 1 else merge(*lists, key=lambda task: task.place)

    def _put(self, task: Task) -> None:
        self._all.add(task)
        self._by_dataset.setdefault(task.dataset_hash, _Waiting()).add(task)

    def _forget(self, task: Task) -> None:
        self._all.forget(self._stage_uuid)
        self._by_dataset[task.dataset_hash].forget(self._stage_uuid)
