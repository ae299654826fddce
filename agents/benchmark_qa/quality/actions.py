"""Actions about annotators below the bar, and about items that good annotators keep failing.

The verdicts are those of the report, from the same evidence. Every action is recorded with what is needed to undo it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from benchmark_qa.encord_api.errors import PlatformError
from benchmark_qa.encord_api.reviews import AssignedTask, PeoplesWork
from benchmark_qa.quality.from_store import bar_of, submissions_of, verdicts_of
from benchmark_qa.quality.submissions import Submission, without_items
from benchmark_qa.quality.verdict import PersonVerdict, Verdicts, judge
from benchmark_qa.records.score import passed
from benchmark_qa.stats.item_order import ItemOrder
from benchmark_qa.store.action_log import BEGUN, DONE, Action, ActionLog, UnknownActionError
from benchmark_qa.store.truth_rulings import TruthRulings
from benchmark_qa.tasks.recent_work import DoneTask, put_back, recent_work, send_round_again
from benchmark_qa.tasks.score import Scorer

ActionKind = Literal["release-tasks", "reopen-recent", "retire-item"]
MINIMUM_GOOD_ANNOTATORS = 3
MOST_REOPENED = 100_000
OPERATOR = "benchmark-qa act"
"""Outcomes in the audit trail; any other outcome is the text of an error"""


@dataclass(frozen=True)
class Proposal:
    """An action that a configured rule asks for."""

    kind: ActionKind
    subject: str
    """An annotator's e-mail, or a data hash"""
    reason: str
    """The reason, with the evidence"""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What is needed to do it and to undo it"""


@dataclass(frozen=True)
class ActionPlan:
    """The proposed actions, and remarks about those that are not proposed."""

    proposals: tuple[Proposal, ...]
    remarks: tuple[str, ...]
    """What is not done, with the reason"""
    verdicts: Verdicts

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of JSON types."""
        return {
            "actions": [asdict(each) for each in self.proposals],
            "remarks": list(self.remarks),
            "people": [person.to_dict() for _, person in sorted(self.verdicts.people.items())],
        }


@dataclass(frozen=True)
class Actor:
    """Proposes actions and carries them out."""

    scorer: Scorer

    def plan(self, now: datetime | None = None) -> ActionPlan:
        """Every action that the configuration and the current verdicts ask for; changes nothing.

        Requests: for each annotator below the bar, the assigned tasks, the recent work from Encord's analytics, and the
        stages of that work.
        """
        deployment = self.scorer.projects.deployment
        actions = deployment.actions
        submissions = submissions_of(self.scorer.store, deployment)
        verdicts = verdicts_of(self.scorer.store, deployment, submissions)
        below = verdicts.with_words("below the bar")
        proposals: list[Proposal] = []
        remarks: list[str] = []
        if not actions.anything():
            remarks.append("'actions' in the configuration asks for nothing: whatever the verdicts, nothing is done")
        if verdicts.order.is_systematic:
            remarks.append("items are not met in random order, so nothing can be said of anybody, and nothing is done")
        elif not below:
            remarks.append(f"nobody is below the bar of {verdicts.bar.threshold:g}")
        if actions.release_tasks:
            for person in below:
                proposal = self._release(person)
                if proposal is None:
                    remarks.append(f"{person.annotator} is {person.explain()}: no assigned task to release")
                else:
                    proposals.append(proposal)
        if actions.reopen_recent is not None and below:
            again = self._reopen(below, now or datetime.now(UTC))
            proposals += again
            gone = {each.subject for each in again}
            remarks += [
                f"{person.annotator} is {person.explain()}: no recent production task to send round again"
                for person in below
                if person.annotator not in gone
            ]
        if actions.retire_failing_items:
            retired = self._retire(submissions, verdicts.order)
            proposals += retired
            if not retired:
                remarks.append("no item is failed by most of at least three annotators above the bar")
        return ActionPlan(tuple(proposals), tuple(remarks), verdicts)

    def take(self, proposals: Iterable[Proposal]) -> list[Action]:
        """Record each action before it is done, with what is needed to undo it, and its outcome afterwards.

        If the process ends in between, the entry stays: it can be undone, and its outcome is not known.
        """
        log = ActionLog(self.scorer.store.database)
        taken = []
        for proposal in proposals:
            if proposal.kind == "retire-item":
                rulings = TruthRulings(self.scorer.store.database)
                taken.append(
                    rulings.exclude(self._project, proposal.subject, operator=OPERATOR, reason=proposal.reason)
                )
                continue
            intended = log.record(
                self._project,
                kind=proposal.kind,
                operator=OPERATOR,
                subject=proposal.subject,
                reason=proposal.reason,
                facts={**proposal.facts, "outcome": BEGUN},
            )
            try:
                self._do(proposal)
            except PlatformError as error:
                log.settle(intended, type(error).__name__)
                raise
            taken.append(log.settle(intended, DONE))
        return taken

    def _do(self, proposal: Proposal) -> None:
        if proposal.kind == "release-tasks":
            self._work.release(_tasks(proposal.facts))
        else:
            send_round_again(self.scorer.projects, _done_tasks(proposal.facts))

    def undo(self, action: Action) -> None:
        """Revert on Encord what an action has changed; the caller writes the audit trail.

        Raises:
            UnknownActionError: it has changed nothing there, or the person's data is erased.
        """
        if action.kind == "release-tasks" and "tasks" in action.facts:
            self._work.assign(_tasks(action.facts))
        elif action.kind == "reopen-recent" and "tasks" in action.facts:
            put_back(self.scorer.projects, _done_tasks(action.facts))
        else:
            raise UnknownActionError(f"there is nothing to undo of a {action.kind!r} of {action.subject}")

    def _release(self, person: PersonVerdict) -> Proposal | None:
        tasks = self._work.assigned_to(person.annotator)
        if not tasks:
            return None
        facts = {"tasks": [asdict(task) for task in tasks], "verdict": person.to_dict()}
        reason = f"{person.explain()}: {_number(len(tasks), 'assigned task')} to others"
        return Proposal("release-tasks", person.annotator, reason, facts)

    def _reopen(self, below: Sequence[PersonVerdict], now: datetime) -> list[Proposal]:
        """Proposals to re-open recent production work that has left annotation, the newest first.

        Skips annotators whose work was re-opened before, unless that was undone.
        """
        projects = self.scorer.projects
        settings = projects.deployment.actions.reopen_recent
        if settings is None:
            return []
        # Filtered by kind: among thousands of shadow decisions an old action would not be found, and be done again.
        trail = ActionLog(self.scorer.store.database).entries(self._project, kind="reopen-recent", limit=MOST_REOPENED)
        done = {entry.subject for entry in trail if not entry.undone_by and entry.facts.get("outcome") == DONE}
        people = {person.annotator: person for person in below if person.annotator not in done}
        work = recent_work(projects, set(people), now - timedelta(days=settings.days), now)
        proposals = []
        for annotator, tasks in sorted(work.items()):
            person = people[annotator]
            facts = {"tasks": [asdict(task) for task in tasks[: settings.at_most]], "verdict": person.to_dict()}
            number = _number(len(facts["tasks"]), "production task")
            reason = f"{person.explain()}: {number} of the last {settings.days:g} days round again"
            proposals.append(Proposal("reopen-recent", annotator, reason, facts))
        return proposals

    def _retire(self, submissions: Sequence[Submission], order: ItemOrder) -> list[Proposal]:
        """Items that most of at least three annotators above the bar have failed, until a person has decided.

        Who is above the bar is judged on all other items: a wrong truth must not count against those who contradict it.
        """
        deployment = self.scorer.projects.deployment
        by_item: dict[str, dict[str, bool]] = defaultdict(dict)
        for each in submissions:
            met = passed(each.record, deployment.score_to_pass)
            if each.record.annotator is not None and met is not None:
                by_item[each.record.identity.data_hash][each.record.annotator] = met
        proposals = []
        for data_hash, met_by in sorted(by_item.items()):
            failing = {annotator for annotator, met in met_by.items() if not met}
            if len(met_by) < MINIMUM_GOOD_ANNOTATORS or len(failing) * 2 <= len(met_by):
                continue
            elsewhere = judge(without_items(submissions, [data_hash]), bar_of(deployment), order)
            good = {person.annotator for person in elsewhere.with_words("above the bar")} & set(met_by)
            if len(good) >= MINIMUM_GOOD_ANNOTATORS and len(good & failing) * 2 > len(good):
                reason = f"{len(good & failing)} of {len(good)} annotators above the bar fail it"
                proposals.append(Proposal("retire-item", data_hash, reason))
        return proposals

    @property
    def _project(self) -> str:
        return str(self.scorer.projects.deployment.production_project)

    @property
    def _work(self) -> PeoplesWork:
        return PeoplesWork(self.scorer.projects.encord, self._project)


def _done_tasks(facts: Mapping[str, Any]) -> list[DoneTask]:
    return [DoneTask(**task) for task in facts["tasks"]]


def _number(count: int, word: str) -> str:
    return f"{count:,} {word} goes" if count == 1 else f"{count:,} {word}s go"


def _tasks(facts: Mapping[str, Any]) -> list[AssignedTask]:
    return [AssignedTask(**task) for task in facts["tasks"]]
