"""Send chosen items back to people: add to a collection, raise issues, re-open, prioritise.

Items of benchmark datasets are refused, because sending them back to annotators would reveal them. Items with suspect
truth go to the reviewers of their benchmark project instead.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark_qa.context import Progress
from benchmark_qa.encord_api.models import Project
from benchmark_qa.encord_api.tasks import TaskRow, task_rows
from benchmark_qa.formats.chosen_items import ChosenItem, ChosenItems
from benchmark_qa.store.action_log import BEGUN, DONE, Action, ActionLog, UnknownActionError
from benchmark_qa.tasks.errors import DatasetNotServed, ProjectNotServed
from benchmark_qa.tasks.projects import ServedProjects
from benchmark_qa.tasks.sending_back_steps import (
    AttachDataset,
    Batch,
    Collect,
    Prioritise,
    RaiseIssues,
    Reopen,
    SendBackPlan,
    SendBackStep,
    StepName,
    annotation_stage,
    review_stage,
)

KIND_PREFIX = "send-back-"
UNTIL_APPROVED = "; until a reviewer approves, what annotators submit there is not scored"
"""Outcomes in the action log."""


@dataclass(frozen=True)
class Wishes:
    """The steps to take, and the stage for re-opened tasks."""

    steps: frozenset[StepName]
    to: str | None = None
    """The annotation stage for re-opened tasks; None: the only one."""


@dataclass(frozen=True)
class RefusedItem:
    """A data unit that is not sent back, and the reason."""

    data_hash: str
    title: str
    reason: str


@dataclass(frozen=True)
class StepOutcome:
    """The outcome of one step in one project."""

    step: StepName
    project: str
    what: str
    state: str
    """`done`, `done before`, `nothing to do`; in a dry run also `planned` and `begun`."""
    action_id: str | None = None
    """The id with which the step can be undone."""


@dataclass(frozen=True)
class SentBack:
    """The outcome of a run or a dry run."""

    choice: str
    """Digest of the chosen items."""
    name: str
    """Name of the collection and the dataset."""
    steps: tuple[StepOutcome, ...]
    refused: tuple[RefusedItem, ...]


@dataclass(frozen=True)
class SendBack:
    """Sends chosen items back, and undoes that."""

    projects: ServedProjects
    log: ActionLog

    def look(self, choice: ChosenItems, wishes: Wishes) -> SentBack:
        """What `send` would do. Changes nothing on Encord and records nothing.

        Raises:
            ProjectNotServed, MisconfiguredStage, PlatformError, StoreError
        """
        batches, refused = self._sort_out(choice)
        trail = _Trail(self.log, self._production, digest_of(choice))
        steps = tuple(_look(taken, trail) for taken in self._steps(batches, wishes))
        return SentBack(digest_of(choice), search_name(choice), steps, tuple(refused))

    def send(self, choice: ChosenItems, wishes: Wishes, *, operator: str, progress: Progress) -> SentBack:
        """Take every requested step that is not done yet. A step that is done for these items is not repeated.

        Each step is recorded with the facts to undo it before anything is changed, and marked as done afterwards. A run
        that was killed continues where it stopped.

        Raises:
            ProjectNotServed, MisconfiguredStage, PlatformError, StoreError
        """
        batches, refused = self._sort_out(choice)
        trail = _Trail(self.log, self._production, digest_of(choice))
        steps = tuple(_take(taken, trail, operator, progress) for taken in self._steps(batches, wishes))
        return SentBack(digest_of(choice), search_name(choice), steps, tuple(refused))

    def undo(self, action: Action) -> None:
        """Undo on Encord what one step has changed. The caller writes the action log.

        Raises:
            UnknownActionError: undoing would delete people's work, or the facts of the person concerned are erased.
        """
        name = action.kind.removeprefix(KIND_PREFIX)
        facts = action.facts
        if "plan" not in facts:
            raise UnknownActionError(f"there is nothing to undo of a {action.kind!r} of {action.subject}")
        project = self.projects.encord.project(facts["project"])
        batch = Batch(self.projects.encord, project, action.subject, _marker(facts["choice"]), ())
        _undoing(name, batch).undo(facts["plan"])

    @property
    def _production(self) -> str:
        return str(self.projects.deployment.production_project)

    def _sort_out(self, choice: ChosenItems) -> tuple[list[Batch], list[RefusedItem]]:
        """Group the items by project, the production project first. 1 request per 1,000 items and project."""
        if choice.project_hash != self._production:
            raise ProjectNotServed(
                f"the choice is of project {choice.project_hash}, which this deployment does not serve"
            )
        hashes = list(dict.fromkeys(item.data_hash for item in choice.items))
        production = {row.data_hash: row for row in task_rows(self.projects.encord, self._production, hashes)}
        units: dict[str, list[tuple[ChosenItem, TaskRow]]] = defaultdict(list)
        refused: list[RefusedItem] = []
        suspects: list[ChosenItem] = []
        for item in choice.items:
            row = production.get(item.data_hash)
            if self._is_benchmark(item, row):
                suspects.append(item)
            elif row is None:
                refused.append(RefusedItem(item.data_hash, item.title, "the production project has no such data unit"))
            else:
                reason = self._why_not(row)
                if reason is None:
                    units[self._production].append((item, row))
                else:
                    refused.append(RefusedItem(item.data_hash, item.title, reason))
        found, others = self._of_benchmarks(suspects)
        units.update(found)
        projects = (self.projects.production, *self.projects.benchmarks)
        batches = [self._batch(choice, project, units[project.project_hash]) for project in projects]
        return [batch for batch in batches if batch.units], [*refused, *others]

    def _is_benchmark(self, item: ChosenItem, row: TaskRow | None) -> bool:
        dataset = row.dataset_hash if row else item.dataset_hash
        if dataset is None:  # old score records do not have the dataset of their truth
            return _is_suspect(item)
        return self.projects.is_benchmark_dataset(dataset)

    def _why_not(self, row: TaskRow) -> str | None:
        try:
            self.projects.side_of(row.dataset_hash)
        except DatasetNotServed as error:
            return str(error)
        return None

    def _of_benchmarks(
        self, items: Sequence[ChosenItem]
    ) -> tuple[dict[str, list[tuple[ChosenItem, TaskRow]]], list[RefusedItem]]:
        """Items of suspect truth by benchmark project. Every other benchmark item is refused."""
        suspect = {item.data_hash: item for item in items if _is_suspect(item)}
        refused = [
            RefusedItem(item.data_hash, item.title, "is a benchmark item: sending it back would give it away")
            for item in items
            if item.data_hash not in suspect
        ]
        units: dict[str, list[tuple[ChosenItem, TaskRow]]] = {}
        for project in self.projects.benchmarks if suspect else ():
            rows = task_rows(self.projects.encord, project.project_hash, list(suspect))
            units[project.project_hash] = [(_of_truth(suspect.pop(row.data_hash)), row) for row in rows]
        refused += [
            RefusedItem(item.data_hash, item.title, "no benchmark project has such a data unit")
            for item in suspect.values()
        ]
        return units, refused

    def _steps(self, batches: Sequence[Batch], wishes: Wishes) -> list["_Taken"]:
        """The steps to take, in order. Raises MisconfiguredStage before any step is taken."""
        return [
            _Taken(name, batch, step)
            for batch in batches
            for name, step in (
                _of_production(batch, wishes)
                if batch.project_hash == self._production
                else _of_benchmark(batch, wishes)
            )
        ]

    def _batch(self, choice: ChosenItems, project: Project, units: Sequence[tuple[ChosenItem, TaskRow]]) -> Batch:
        marker = _marker(digest_of(choice))
        return Batch(self.projects.encord, project, search_name(choice), marker, tuple(units))


def digest_of(choice: ChosenItems) -> str:
    """Eight hexadecimal digits that identify the chosen items; the same for the same file."""
    return hashlib.sha256(choice.model_dump_json().encode()).hexdigest()[:8]


def search_name(choice: ChosenItems) -> str:
    """The name that people search for in Encord: name, date, and the digest.

    The digest differs for two files of the same day.
    """
    return f"{choice.name} {choice.made_at:%Y-%m-%d} {_marker(digest_of(choice))}"


def _marker(digest: str) -> str:
    return f"[{digest}]"


def _is_suspect(item: ChosenItem) -> bool:
    return any(reason.kind == "suspect_truth" for reason in item.reasons)


def _of_truth(item: ChosenItem) -> ChosenItem:
    """The item with only the reasons about its truth, for the reviewers of the truth."""
    return item.model_copy(update={"reasons": tuple(r for r in item.reasons if r.kind == "suspect_truth")})


def _of_production(batch: Batch, wishes: Wishes) -> Iterator[tuple[StepName, SendBackStep]]:
    wished = wishes.steps
    if "collection" in wished:
        yield "collection", Collect(batch)
    if "issues" in wished:
        yield "issues", RaiseIssues(batch)
    if "dataset" in wished:
        yield "dataset", AttachDataset(batch)
    if "reopen" in wished:
        yield "reopen", Reopen(batch, annotation_stage(batch.project, wishes.to), behind=("REVIEW", "DONE"))
    if "priority" in wished:
        yield "priority", Prioritise(batch, finished_too="reopen" in wished, dataset="dataset" in wished)


def _of_benchmark(batch: Batch, wishes: Wishes) -> Iterator[tuple[StepName, SendBackStep]]:
    """Steps for suspect truth. It has no annotators, and no queue to prioritise."""
    if "issues" in wishes.steps:
        yield "issues", RaiseIssues(batch)
    if "reopen" in wishes.steps:
        yield "reopen", Reopen(batch, review_stage(batch.project), behind=("DONE",), meanwhile=UNTIL_APPROVED)


def _undoing(name: str, batch: Batch) -> SendBackStep:
    steps: dict[str, SendBackStep] = {
        "collection": Collect(batch),
        "issues": RaiseIssues(batch),
        "dataset": AttachDataset(batch),
        "reopen": Reopen(batch, "", behind=()),
        "priority": Prioritise(batch, finished_too=True, dataset=False),
    }
    return steps[name]


@dataclass(frozen=True)
class _Taken:
    """One step of a run in one project."""

    name: StepName
    batch: Batch
    step: SendBackStep

    def outcome(self, what: str, state: str, entry: Action | None = None) -> StepOutcome:
        return StepOutcome(self.name, self.batch.project.title, what, state, entry.action_id if entry else None)


@dataclass(frozen=True)
class _Trail:
    """The entries of the action log about one file of chosen items."""

    log: ActionLog
    production: str
    digest: str

    def entry(self, taken: _Taken) -> Action | None:
        """The entry of a step that is not undone."""
        # Filter by subject: each entry holds its whole plan, and the log has entries of every file of chosen items.
        entries = self.log.entries(self.production, kind=KIND_PREFIX + taken.name, subject=taken.batch.name)
        mine = {"choice": self.digest, "project": taken.batch.project_hash}
        return next((one for one in entries if one.undone_by is None and mine.items() <= one.facts.items()), None)

    def write_down(self, taken: _Taken, plan: SendBackPlan, operator: str) -> Action:
        return self.log.record(
            self.production,
            kind=KIND_PREFIX + taken.name,
            operator=operator,
            subject=taken.batch.name,
            reason=taken.step.in_words(plan),
            facts={"choice": self.digest, "project": taken.batch.project_hash, "plan": plan, "outcome": BEGUN},
        )


def _look(taken: _Taken, trail: _Trail) -> StepOutcome:
    known = trail.entry(taken)
    if known is not None:
        return taken.outcome(known.reason, "done before" if known.facts["outcome"] == DONE else "begun", known)
    plan = taken.step.plan()
    return taken.outcome(taken.step.in_words(plan), "planned") if plan else taken.outcome("", "nothing to do")


def _take(taken: _Taken, trail: _Trail, operator: str, progress: Progress) -> StepOutcome:
    entry = trail.entry(taken)
    if entry is None:
        plan = taken.step.plan()
        if not plan:
            return taken.outcome("", "nothing to do")
        entry = trail.write_down(taken, plan, operator)
    elif entry.facts["outcome"] == DONE:
        return taken.outcome(entry.reason, "done before", entry)
    taken.step.do(entry.facts["plan"], progress)
    trail.log.settle(entry, DONE)
    return taken.outcome(entry.reason, "done", entry)


def as_dict(sent: SentBack) -> dict[str, Any]:
    """The run as JSON types."""
    return {
        "choice": sent.choice,
        "name": sent.name,
        "steps": [vars(step) for step in sent.steps],
        "refused": [vars(item) for item in sent.refused],
    }
