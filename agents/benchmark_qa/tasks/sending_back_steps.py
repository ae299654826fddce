"""The steps of sending data units back. Each plans without changing anything, does what its plan says, and undoes it.

A plan is JSON: it goes into the action log before anything is done. Doing it twice, or what is left of it after a kill,
changes no more than doing it once, because each step looks first at what is there.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from benchmark_qa.encord_api.catalogue import LinkedDatasets
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.collections import FrameCollections
from benchmark_qa.encord_api.errors import RequestRejected
from benchmark_qa.encord_api.issues import DataUnitIssues
from benchmark_qa.encord_api.models import Project, StageKind
from benchmark_qa.encord_api.reviews import PeoplesWork
from benchmark_qa.encord_api.tasks import ORDINARY_PRIORITY, TaskRow, move_tasks, task_rows
from benchmark_qa.formats.chosen_items import ChosenItem, Reason, ReasonKind
from benchmark_qa.store.action_log import UnknownActionError
from benchmark_qa.tasks.errors import MisconfiguredStage

StepName = Literal["collection", "issues", "dataset", "reopen", "priority"]
STEP_NAMES: tuple[StepName, ...] = ("collection", "issues", "dataset", "reopen", "priority")
"""In the order in which they are taken: whoever gets a task finds its issues, and its priority is set where it waits"""
SUSPICIONS: tuple[ReasonKind, ...] = ("likely_label_error", "contradicting_duplicates", "suspect_truth")
"""Reasons that say of a label that it is wrong"""
FIRST, LAST = 1.0, 0.6
"""Priorities of the strongest and the weakest item; Encord's ordinary one is 0.5"""
DATA_UNITS_AT_A_TIME = 8
"""Issues are raised one request each: several at once, as far as the pool of connections carries"""
_ROUNDS = 3

Plan = Mapping[str, Any]
Progress = Callable[[int], None]
"""Called with the number of data units that have been dealt with since the last call"""


@dataclass(frozen=True)
class Batch:
    """Data units that go back in one project, the strongest first, with the name under which they go."""

    encord: Encord
    project: Project
    name: str
    marker: str
    """At the end of every issue of this choice, by which it is known again"""
    units: tuple[tuple[ChosenItem, TaskRow], ...]

    @property
    def project_hash(self) -> str:
        """The project in which they go back."""
        return self.project.project_hash

    def rows(self, data_hashes: Sequence[str] | None = None) -> list[TaskRow]:
        """Their rows as they are now."""
        hashes = [row.data_hash for _, row in self.units] if data_hashes is None else data_hashes
        return task_rows(self.encord, self.project_hash, hashes) if hashes else []


class Step(Protocol):
    """One thing that sending back does."""

    def plan(self) -> Plan:
        """What is to be done; empty where nothing is. Changes nothing."""

    def in_words(self, plan: Plan) -> str:
        """What the plan says, for people."""

    def do(self, plan: Plan, progress: Progress) -> None:
        """Do it, or what is left of it."""

    def undo(self, plan: Plan) -> None:
        """Put it back. Raises `UnknownActionError` where that would cost people's work."""


@dataclass(frozen=True)
class Collect:
    """The chosen frames as a collection of the project."""

    batch: Batch

    def plan(self) -> Plan:
        """Frames that a reason names, else the first."""
        frames = [
            [item.data_hash, frame]
            for item, _ in self.batch.units
            for frame in sorted({reason.frame or 0 for reason in item.reasons})
        ]
        return {"collection": self.batch.name, "frames": frames} if frames else {}

    def in_words(self, plan: Plan) -> str:
        """How many frames, and the name."""
        return f"{_count(len(plan['frames']), 'frame')} in collection '{plan['collection']}'"

    def do(self, plan: Plan, progress: Progress) -> None:
        """1 collection, and as many frames as are missing in it."""
        frames = [(str(unit), int(frame)) for unit, frame in plan["frames"]]
        description = f"Chosen by Benchmark QA {self.batch.marker}"
        self._collections.collect(plan["collection"], description, frames)
        progress(len(self.batch.units))

    def undo(self, plan: Plan) -> None:
        """Delete the collection."""
        self._collections.delete(plan["collection"])

    @property
    def _collections(self) -> FrameCollections:
        return FrameCollections(self.batch.encord, self.batch.project_hash)


@dataclass(frozen=True)
class RaiseIssues:
    """An issue on every label that is suspected."""

    batch: Batch

    def plan(self) -> Plan:
        """One issue per suspicion, on the object, the frame, or the data unit."""
        issues = [
            {"data_hash": item.data_hash, "comment": comment, "object": reason.object_hash, "frame": reason.frame}
            for item, _ in self.batch.units
            for comment, reason in _issues_of(item, self.batch.marker)
        ]
        return {"issues": issues} if issues else {}

    def in_words(self, plan: Plan) -> str:
        """How many issues."""
        return f"{_count(len(plan['issues']), 'issue')} on {_count(len(_by_unit(plan)), 'data unit')}"

    def do(self, plan: Plan, progress: Progress) -> None:
        """1 request per data unit to see what is there, and 1 per issue that is not."""
        with ThreadPoolExecutor(DATA_UNITS_AT_A_TIME, thread_name_prefix="issues") as threads:
            for _ in threads.map(self._raise, *zip(*_by_unit(plan).items(), strict=True)):
                progress(1)

    def undo(self, plan: Plan) -> None:
        """Delete them; 1 or 2 requests per data unit."""
        with ThreadPoolExecutor(DATA_UNITS_AT_A_TIME, thread_name_prefix="issues") as threads:
            list(threads.map(self._delete, *zip(*_by_unit(plan).items(), strict=True)))

    def _delete(self, data_hash: str, issues: Sequence[Mapping[str, Any]]) -> None:
        self._of(data_hash).delete({issue["comment"] for issue in issues})

    def _raise(self, data_hash: str, issues: Sequence[Mapping[str, Any]]) -> None:
        known = self._of(data_hash)
        there = known.raised()
        for issue in issues:
            # Where the label was gone, its issue stands on the data unit.
            if not there & {(issue["comment"], issue["object"]), (issue["comment"], None)}:
                known.raise_issue(issue["comment"], object_hash=issue["object"], frame=issue["frame"])

    def _of(self, data_hash: str) -> DataUnitIssues:
        return DataUnitIssues(self.batch.encord, self.batch.project_hash, data_hash)


@dataclass(frozen=True)
class AttachDataset:
    """The same stored files as new data units: labelled afresh, by people who do not see the labels that are there."""

    batch: Batch

    def plan(self) -> Plan:
        """The files behind the data units."""
        items = list(dict.fromkeys(row.item_uuid for _, row in self.batch.units if row.item_uuid))
        return {"dataset": self.batch.name, "items": items} if items else {}

    def in_words(self, plan: Plan) -> str:
        """How many files, and the title."""
        return f"{_count(len(plan['items']), 'file')} in dataset '{plan['dataset']}', attached to the project"

    def do(self, plan: Plan, progress: Progress) -> None:
        """1 dataset, linked and attached where it is not."""
        description = f"Chosen by Benchmark QA {self.batch.marker}"
        dataset = self._datasets.link(plan["dataset"], description, plan["items"])
        self._datasets.attach(self.batch.project_hash, dataset)
        progress(len(self.batch.units))

    def undo(self, plan: Plan) -> None:
        """Detach it, with its tasks, unless somebody has labelled one; the dataset itself stays."""
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
    """Tasks that are finished, or in review, go back with their labels to the stage where people work on them."""

    batch: Batch
    to: str
    """Uuid of that stage"""
    behind: tuple[StageKind, ...]
    """Kinds of the stages from which tasks are fetched back; those that wait elsewhere are on their way anyway"""
    meanwhile: str = ""
    """What has to wait until they are done again, for people"""

    def plan(self) -> Plan:
        """Tasks behind that stage."""
        kinds = {stage.uuid: stage.kind for stage in self.batch.project.stages}
        moves = [
            {"task": row.task_uuid, "data_hash": row.data_hash, "from": row.stage_uuid}
            for row in self.batch.rows()
            if row.task_uuid and kinds.get(row.stage_uuid or "") in self.behind
        ]
        return {"to": self.to, "moves": moves} if moves else {}

    def in_words(self, plan: Plan) -> str:
        """How many tasks, and where to."""
        titles = {stage.uuid: stage.title for stage in self.batch.project.stages}
        return f"{_count(len(plan['moves']), 'task')} back at '{titles[plan['to']]}'{self.meanwhile}"

    def do(self, plan: Plan, progress: Progress) -> None:
        """Move those that are still where they were."""
        self._move({move["data_hash"]: (move["from"], plan["to"]) for move in plan["moves"]})
        progress(len(plan["moves"]))

    def undo(self, plan: Plan) -> None:
        """Move those back that nobody has submitted since."""
        self._move({move["data_hash"]: (plan["to"], move["from"]) for move in plan["moves"]})

    def _move(self, ways: Mapping[str, tuple[str, str]]) -> None:
        """1 request per 1,000 data units and per 500 tasks of a way; repeated where tasks leave in between."""
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
    """The strongest first, before all ordinary work; of what waits, and of what is re-opened or attached with it."""

    batch: Batch
    finished_too: bool
    """They are about to be re-opened"""
    dataset: bool
    """Their files are data units of a dataset of this choice, too"""

    def plan(self) -> Plan:
        """What each priority is and is to be."""
        done = {stage.uuid for stage in self.batch.project.stages if stage.kind == "DONE"}
        wanted = dict(zip((row.data_hash for _, row in self.batch.units), self._ranks(), strict=True))
        rows = self.batch.rows([*wanted, *self._attached(wanted)])
        priorities = {
            row.data_hash: [row.priority, wanted[row.data_hash]]
            for row in rows
            if row.priority != wanted[row.data_hash] and (self.finished_too or row.stage_uuid not in done)
        }
        return {"priorities": priorities} if priorities else {}

    def in_words(self, plan: Plan) -> str:
        """How many."""
        return f"{_count(len(plan['priorities']), 'task')} before others"

    def do(self, plan: Plan, progress: Progress) -> None:
        """1 request to look, and 1 per 1,000 that differ."""
        self._set({data_hash: new for data_hash, (_, new) in plan["priorities"].items()})
        progress(len(plan["priorities"]))

    def undo(self, plan: Plan) -> None:
        """As they were, where nobody has set another since."""
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
        """Data units of the choice's own dataset; each is as urgent as the one whose file it shares."""
        if not self.dataset:
            return []
        by_item = {row.item_uuid: wanted[row.data_hash] for _, row in self.batch.units}
        rows = self.batch.rows(LinkedDatasets(self.batch.encord).data_hashes(self.batch.name))
        wanted.update({row.data_hash: by_item.get(row.item_uuid, ORDINARY_PRIORITY) for row in rows})
        return [row.data_hash for row in rows]


def annotation_stage(project: Project, name: str | None) -> str:
    """Where re-opened tasks go: the annotation stage of that name, or the only one.

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
    """Where suspect truth goes: the first review stage.

    Raises:
        MisconfiguredStage: there is none.
    """
    stage = next((stage for stage in project.stages if stage.kind == "REVIEW"), None)
    if stage is None:
        raise MisconfiguredStage(f"'{project.title}' has no review stage for ground truth that is suspect")
    return stage.uuid


def _issues_of(item: ChosenItem, marker: str) -> Iterator[tuple[str, Reason]]:
    """Only of what is suspected of a label: why somebody was chosen otherwise is nobody's business in the editor."""
    seen: set[tuple[str, str | None, int | None]] = set()
    for reason in item.reasons:
        comment = f"Benchmark QA: {reason.text} {marker}"
        key = (comment, reason.object_hash, reason.frame)
        if reason.kind in SUSPICIONS and key not in seen:
            seen.add(key)
            yield comment, reason


def _by_unit(plan: Plan) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for issue in plan["issues"]:
        found[issue["data_hash"]].append(issue)
    return dict(found)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
