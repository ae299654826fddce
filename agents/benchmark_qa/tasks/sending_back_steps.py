"""The steps of sending data units back.

Each makes a plan without changing anything, executes it, and can undo it. A plan is JSON and is recorded in the action
log before anything is done. Each step first looks at the present state, so repeating it, or continuing after a kill,
gives the same result as one run.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from benchmark_qa.context import Progress
from benchmark_qa.encord_api.catalogue import LinkedDatasets
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.collections import FrameCollections
from benchmark_qa.encord_api.errors import RequestRejected
from benchmark_qa.encord_api.models import Project, StageKind
from benchmark_qa.encord_api.reviews import DataUnitIssues, PeoplesWork
from benchmark_qa.encord_api.tasks import ORDINARY_PRIORITY, TaskRow, move_tasks, task_rows
from benchmark_qa.formats.chosen_items import ChosenItem, ChosenReason, ReasonKind
from benchmark_qa.store.action_log import UnknownActionError
from benchmark_qa.tasks.errors import MisconfiguredStage

StepName = Literal["collection", "issues", "dataset", "reopen", "priority"]
STEP_NAMES: tuple[StepName, ...] = ("collection", "issues", "dataset", "reopen", "priority")
"""In the order of execution: issues exist before a task is re-opened, and priorities are set last."""
SUSPICIONS: tuple[ReasonKind, ...] = ("likely_label_error", "contradicting_duplicates", "suspect_truth")
"""Reasons that say that a label is wrong."""
FIRST, LAST = 1.0, 0.6
"""Priorities of the strongest and the weakest item. Encord's default is 0.5."""
DATA_UNITS_AT_A_TIME = 8
"""Data units whose issues are raised at the same time, limited by the connection pool.

1 request per issue.
"""
_ROUNDS = 3

SendBackPlan = Mapping[str, Any]


@dataclass(frozen=True)
class Batch:
    """Data units to send back in one project, the strongest first, and their common name."""

    encord: Encord
    project: Project
    name: str
    marker: str
    """Ends every issue of these chosen items and identifies it."""
    units: tuple[tuple[ChosenItem, TaskRow], ...]

    @property
    def project_hash(self) -> str:
        """The hash of the project."""
        return self.project.project_hash

    def rows(self, data_hashes: Sequence[str] | None = None) -> list[TaskRow]:
        """Their present task rows."""
        hashes = [row.data_hash for _, row in self.units] if data_hashes is None else data_hashes
        return task_rows(self.encord, self.project_hash, hashes) if hashes else []


class SendBackStep(Protocol):
    """One step of sending back."""

    def plan(self) -> SendBackPlan:
        """The plan; empty if there is nothing to do. Changes nothing."""

    def in_words(self, plan: SendBackPlan) -> str:
        """The plan as text for people."""

    def do(self, plan: SendBackPlan, progress: Progress) -> None:
        """Execute the plan, or the rest of it."""

    def undo(self, plan: SendBackPlan) -> None:
        """Undo the plan. Raises `UnknownActionError` if that would delete people's work."""


@dataclass(frozen=True)
class Collect:
    """Adds the chosen frames to a collection of the project."""

    batch: Batch

    def plan(self) -> SendBackPlan:
        """Frames that a reason names, or else the first frame."""
        frames = [
            [item.data_hash, frame]
            for item, _ in self.batch.units
            for frame in sorted({reason.frame or 0 for reason in item.reasons})
        ]
        return {"collection": self.batch.name, "frames": frames} if frames else {}

    def in_words(self, plan: SendBackPlan) -> str:
        """Number of frames and name of the collection."""
        return f"{_count(len(plan['frames']), 'frame')} in collection '{plan['collection']}'"

    def do(self, plan: SendBackPlan, progress: Progress) -> None:
        """Create the collection and add the frames that are missing in it."""
        frames = [(str(unit), int(frame)) for unit, frame in plan["frames"]]
        description = f"Chosen by Benchmark QA {self.batch.marker}"
        self._collections.collect(plan["collection"], description, frames)
        progress(len(self.batch.units))

    def undo(self, plan: SendBackPlan) -> None:
        """Delete the collection."""
        self._collections.delete(plan["collection"])

    @property
    def _collections(self) -> FrameCollections:
        return FrameCollections(self.batch.encord, self.batch.project_hash)


@dataclass(frozen=True)
class RaiseIssues:
    """Raises an issue on every suspected label."""

    batch: Batch

    def plan(self) -> SendBackPlan:
        """One issue per suspicion, on the object, the frame, or the data unit."""
        issues = [
            {"data_hash": item.data_hash, "comment": comment, "object": reason.object_hash, "frame": reason.frame}
            for item, _ in self.batch.units
            for comment, reason in _issues_of(item, self.batch.marker)
        ]
        return {"issues": issues} if issues else {}

    def in_words(self, plan: SendBackPlan) -> str:
        """Number of issues and data units."""
        return f"{_count(len(plan['issues']), 'issue')} on {_count(len(_by_unit(plan)), 'data unit')}"

    def do(self, plan: SendBackPlan, progress: Progress) -> None:
        """Raise the missing issues. 1 request per data unit to list its issues, and 1 per missing issue."""
        with ThreadPoolExecutor(DATA_UNITS_AT_A_TIME, thread_name_prefix="issues") as threads:
            for _ in threads.map(self._raise, *zip(*_by_unit(plan).items(), strict=True)):
                progress(1)

    def undo(self, plan: SendBackPlan) -> None:
        """Delete the issues. 1 or 2 requests per data unit."""
        with ThreadPoolExecutor(DATA_UNITS_AT_A_TIME, thread_name_prefix="issues") as threads:
            list(threads.map(self._delete, *zip(*_by_unit(plan).items(), strict=True)))

    def _delete(self, data_hash: str, issues: Sequence[Mapping[str, Any]]) -> None:
        self._of(data_hash).delete({issue["comment"] for issue in issues})

    def _raise(self, data_hash: str, issues: Sequence[Mapping[str, Any]]) -> None:
        known = self._of(data_hash)
        there = known.raised()
        for issue in issues:
            # If the label no longer exists, its issue is on the data unit.
            if not there & {(issue["comment"], issue["object"]), (issue["comment"], None)}:
                known.raise_issue(issue["comment"], object_hash=issue["object"], frame=issue["frame"])

    def _of(self, data_hash: str) -> DataUnitIssues:
        return DataUnitIssues(self.batch.encord, self.batch.project_hash, data_hash)


@dataclass(frozen=True)
class AttachDataset:
    """Adds the same files as new data units, to be labelled again without sight of the present labels."""

    batch: Batch

    def plan(self) -> SendBackPlan:
        """The files of the data units."""
        items = list(dict.fromkeys(row.item_uuid for _, row in self.batch.units if row.item_uuid))
        return {"dataset": self.batch.name, "items": items} if items else {}

    def in_words(self, plan: SendBackPlan) -> str:
        """Number of files and title of the dataset."""
        return f"{_count(len(plan['items']), 'file')} in dataset '{plan['dataset']}', attached to the project"

    def do(self, plan: SendBackPlan, progress: Progress) -> None:
        """Create the dataset, link the files and attach it, where this is not done yet."""
        description = f"Chosen by Benchmark QA {self.batch.marker}"
        dataset = self._datasets.link(plan["dataset"], description, plan["items"])
        self._datasets.attach(self.batch.project_hash, dataset)
        progress(len(self.batch.units))

    def undo(self, plan: SendBackPlan) -> None:
        """Detach the dataset with its tasks, unless a data unit has labels. The dataset is not deleted."""
        hashes = self._datasets.data_hashes(plan["dataset"])
        labelled = [row for row in self.batch.rows(hashes) if row.label_hash is not None]
        if labelled:
            raise UnknownActionError(
                f"{len(labelled)} data units of dataset '{plan['dataset']}' are being labelled: detaching it would "
                "delete that work"
            )
        self._datasets.detach(self.batch.project_hash, plan["dataset"])

    @property
    def _datasets(self) -> LinkedDatasets:
        return LinkedDatasets(self.batch.encord)


@dataclass(frozen=True)
class Reopen:
    """Moves finished tasks and tasks in review back, with labels, to an annotation or review stage."""

    batch: Batch
    to: str
    """Uuid of that stage."""
    behind: tuple[StageKind, ...]
    """Kinds of the stages from which tasks are moved back. Tasks at other stages are still in work."""
    meanwhile: str = ""
    """Text for people: what waits until the tasks are done again."""

    def plan(self) -> SendBackPlan:
        """The tasks at stages behind that stage."""
        kinds = {stage.uuid: stage.kind for stage in self.batch.project.stages}
        moves = [
            {"task": row.task_uuid, "data_hash": row.data_hash, "from": row.stage_uuid}
            for row in self.batch.rows()
            if row.task_uuid and kinds.get(row.stage_uuid or "") in self.behind
        ]
        return {"to": self.to, "moves": moves} if moves else {}

    def in_words(self, plan: SendBackPlan) -> str:
        """Number of tasks and title of the stage."""
        titles = {stage.uuid: stage.title for stage in self.batch.project.stages}
        return f"{_count(len(plan['moves']), 'task')} back at '{titles[plan['to']]}'{self.meanwhile}"

    def do(self, plan: SendBackPlan, progress: Progress) -> None:
        """Move the tasks that are still at their stage."""
        self._move({move["data_hash"]: (move["from"], plan["to"]) for move in plan["moves"]})
        progress(len(plan["moves"]))

    def undo(self, plan: SendBackPlan) -> None:
        """Move back the tasks that nobody has submitted since."""
        self._move({move["data_hash"]: (plan["to"], move["from"]) for move in plan["moves"]})

    def _move(self, ways: Mapping[str, tuple[str, str]]) -> None:
        """Move tasks.

        1 request per 1,000 data units and per 500 tasks of a move; repeated if tasks leave meanwhile.
        """
        for attempt in range(1, _ROUNDS + 1):
            waiting: dict[tuple[str, str], list[str]] = defaultdict(list)
            for row in self.batch.rows(list(ways)):
                if row.task_uuid and row.stage_uuid == ways[row.data_hash][0]:
                    waiting[ways[row.data_hash]].append(row.task_uuid)
            try:
                for (origin, destination), tasks in waiting.items():
                    move_tasks(self.batch.encord, self.batch.project_hash, origin, destination, tasks)
                return
            except RequestRejected:
                if attempt == _ROUNDS:
                    raise


@dataclass(frozen=True)
class Prioritise:
    """Sets priorities above the default, the strongest first, for waiting, re-opened and attached tasks."""

    batch: Batch
    finished_too: bool
    """Include finished tasks, because they are about to be re-opened."""
    dataset: bool
    """Their files are also data units of this run's dataset."""

    def plan(self) -> SendBackPlan:
        """The present and the new priority of each data unit."""
        done = {stage.uuid for stage in self.batch.project.stages if stage.kind == "DONE"}
        wanted = dict(zip((row.data_hash for _, row in self.batch.units), self._ranks(), strict=True))
        rows = self.batch.rows([*wanted, *self._attached(wanted)])
        priorities = {
            row.data_hash: [row.priority, wanted[row.data_hash]]
            for row in rows
            if row.priority != wanted[row.data_hash] and (self.finished_too or row.stage_uuid not in done)
        }
        return {"priorities": priorities} if priorities else {}

    def in_words(self, plan: SendBackPlan) -> str:
        """Number of tasks."""
        return f"{_count(len(plan['priorities']), 'task')} before others"

    def do(self, plan: SendBackPlan, progress: Progress) -> None:
        """Set the priorities. 1 request to read them, and 1 per 1,000 that differ."""
        self._set({data_hash: new for data_hash, (_, new) in plan["priorities"].items()})
        progress(len(plan["priorities"]))

    def undo(self, plan: SendBackPlan) -> None:
        """Restore the priorities that nobody has changed since."""
        rows = self.batch.rows(list(plan["priorities"]))
        ours = [row.data_hash for row in rows if row.priority == plan["priorities"][row.data_hash][1]]
        self._set({data_hash: plan["priorities"][data_hash][0] for data_hash in ours})

    def _set(self, wanted: Mapping[str, float]) -> None:
        rows = self.batch.rows(list(wanted))
        differing = {row.data_hash: wanted[row.data_hash] for row in rows if row.priority != wanted[row.data_hash]}
        PeoplesWork(self.batch.encord, self.batch.project_hash).set_priorities(differing)

    def _ranks(self) -> list[float]:
        steps = max(len(self.batch.units) - 1, 1)
        return [round(FIRST - (FIRST - LAST) * place / steps, 4) for place in range(len(self.batch.units))]

    def _attached(self, wanted: dict[str, float]) -> list[str]:
        """Data units of this run's dataset; each gets the priority of the data unit with the same file."""
        if not self.dataset:
            return []
        by_item = {row.item_uuid: wanted[row.data_hash] for _, row in self.batch.units}
        rows = self.batch.rows(LinkedDatasets(self.batch.encord).data_hashes(self.batch.name))
        wanted.update({row.data_hash: by_item.get(row.item_uuid, ORDINARY_PRIORITY) for row in rows})
        return [row.data_hash for row in rows]


def annotation_stage(project: Project, name: str | None) -> str:
    """The uuid of the annotation stage for re-opened tasks: the one of that name, or the only one.

    Raises:
        MisconfiguredStage: there is no such stage, or there are several.
    """
    fitting = [stage for stage in project.stages if stage.kind == "ANNOTATION"]
    named = [stage for stage in fitting if name in (None, stage.title)]
    if len(named) != 1:
        titles = ", ".join(repr(stage.title) for stage in fitting) or "none"
        raise MisconfiguredStage(f"'{project.title}': to which annotation stage? There are: {titles}")
    return named[0].uuid


def review_stage(project: Project) -> str:
    """The uuid of the first review stage, to which suspect truth goes.

    Raises:
        MisconfiguredStage: there is none.
    """
    stage = next((stage for stage in project.stages if stage.kind == "REVIEW"), None)
    if stage is None:
        raise MisconfiguredStage(f"'{project.title}' has no review stage for ground truth that is suspect")
    return stage.uuid


def _issues_of(item: ChosenItem, marker: str) -> Iterator[tuple[str, ChosenReason]]:
    """Issues about suspected labels only: other reasons must not appear in the editor."""
    seen: set[tuple[str, str | None, int | None]] = set()
    for reason in item.reasons:
        comment = f"Benchmark QA: {reason.text} {marker}"
        key = (comment, reason.object_hash, reason.frame)
        if reason.kind in SUSPICIONS and key not in seen:
            seen.add(key)
            yield comment, reason


def _by_unit(plan: SendBackPlan) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for issue in plan["issues"]:
        found[issue["data_hash"]].append(issue)
    return dict(found)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
