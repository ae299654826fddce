"""What is done about annotators below the bar, and about items that good annotators keep failing.

Nothing is done on a single look at a point estimate: the sequential test, or the interval, and the minimum number of
tasks have to say so. Every action is written down with what it takes to undo it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from benchmark_qa.encord_api.errors import PlatformError
from benchmark_qa.encord_api.reviews import AssignedTask, PeoplesWork
from benchmark_qa.quality.from_store import rule_of
from benchmark_qa.quality.verdict import rule_on_each
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.stats.sequential import Verdict
from benchmark_qa.store.action_log import Action, ActionLog, UnknownActionError
from benchmark_qa.store.truth_rulings import TruthRulings
from benchmark_qa.tasks.recent_work import DoneTask, put_back, recent_work, send_round_again
from benchmark_qa.tasks.score import Scorer

ActionKind = Literal["release-tasks", "reopen-recent", "retire-item"]
MINIMUM_GOOD_ANNOTATORS = 3
MOST_REOPENED = 100_000
OPERATOR = "benchmark-qa act"
BEGUN, DONE = "begun", "done"
"""Outcomes in the audit trail; anything else is the error that came up"""


@dataclass(frozen=True)
class Proposal:
    """An action that the rule asks for."""

    kind: ActionKind
    subject: str
    """An annotator's e-mail, or a data hash"""
    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What it takes to do it and to undo it"""


@dataclass(frozen=True)
class Actor:
    """Proposes actions and takes them."""

    scorer: Scorer

    def propose(self, now: datetime | None = None) -> list[Proposal]:
        """Everything that the configuration and the rule ask for at the moment; nothing is changed.

        Requests: the assigned tasks of each annotator below the bar, their recent work by Encord's analytics, and where
        that stands.
        """
        actions = self.scorer.projects.deployment.actions
        records = self._records()
        verdicts = self.verdicts(records)
        poor = sorted(annotator for annotator, verdict in verdicts.items() if verdict is Verdict.POOR)
        proposals: list[Proposal] = []
        if actions.release_tasks:
            proposals += [each for annotator in poor if (each := self._release(annotator)) is not None]
        if actions.reopen_recent is not None and poor:
            proposals += self._reopen(poor, now or datetime.now(UTC))
        if actions.retire_failing_items:
            proposals += self._retire(records)
        return proposals

    def take(self, proposals: Iterable[Proposal]) -> list[Action]:
        """Write each down before it is done, with what it takes to undo it, and afterwards what became of it.

        What ends in between leaves an entry that can be undone and says that its outcome is not known.
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
        """Put on Encord what an action has changed; the audit trail is the caller's.

        Raises:
            UnknownActionError: it has changed nothing there, or whom it concerned is erased.
        """
        if action.kind == "release-tasks" and "tasks" in action.facts:
            self._work.assign(_tasks(action.facts))
        elif action.kind == "reopen-recent" and "tasks" in action.facts:
            put_back(self.scorer.projects, _done_tasks(action.facts))
        else:
            raise UnknownActionError(f"there is nothing to undo of a {action.kind!r} of {action.subject}")

    def verdicts(self, records: Sequence[ScoreRecord]) -> dict[str, Verdict]:
        """What is known about each annotator, by the configured rule; open below the minimum number of tasks."""
        rule = rule_of(self.scorer.projects.deployment)
        if rule is None:
            return {}
        return {annotator: ruled.verdict for annotator, ruled in rule_on_each(records, rule).items()}

    def _release(self, annotator: str) -> Proposal | None:
        tasks = self._work.assigned_to(annotator)
        if not tasks:
            return None
        facts = {"tasks": [asdict(task) for task in tasks]}
        return Proposal("release-tasks", annotator, f"below the bar: {len(tasks)} assigned tasks go to others", facts)

    def _reopen(self, annotators: Sequence[str], now: datetime) -> list[Proposal]:
        """Recent production work of these annotators that has left annotation, the newest; for each of them once."""
        projects = self.scorer.projects
        settings = projects.deployment.actions.reopen_recent
        if settings is None:
            return []
        # By kind: among thousands of shadow decisions what was done long ago would be out of sight, and done again.
        trail = ActionLog(self.scorer.store.database).entries(self._project, kind="reopen-recent", limit=MOST_REOPENED)
        done = {entry.subject for entry in trail if not entry.undone_by and entry.facts.get("outcome") == DONE}
        work = recent_work(projects, set(annotators) - done, now - timedelta(days=settings.days), now)
        proposals = []
        for annotator, tasks in sorted(work.items()):
            facts = {"tasks": [asdict(task) for task in tasks[: settings.at_most]]}
            number = len(facts["tasks"])
            reason = f"below the bar: {number} production tasks of the last {settings.days:g} days go round again"
            proposals.append(Proposal("reopen-recent", annotator, reason, facts))
        return proposals

    def _retire(self, records: Sequence[ScoreRecord]) -> list[Proposal]:
        """Items that most of at least three good annotators have failed, until a person has looked.

        Who is good is judged on all other items: a wrong truth must not count against those who contradict it.
        """
        threshold = self.scorer.projects.deployment.verdict.threshold
        by_item: dict[str, list[ScoreRecord]] = defaultdict(list)
        for record in records:
            if record.annotator is not None and record.score is not None:
                by_item[record.identity.data_hash].append(record)
        proposals = []
        for data_hash, some in sorted(by_item.items()):
            failing = {each.annotator for each in some if each.score is not None and each.score < threshold}
            if len(some) < MINIMUM_GOOD_ANNOTATORS or len(failing) * 2 <= len(some):
                continue
            verdicts = self.verdicts([each for each in records if each.identity.data_hash != data_hash])
            good = {each.annotator for each in some if verdicts.get(each.annotator or "") is Verdict.GOOD}
            if len(good) >= MINIMUM_GOOD_ANNOTATORS and len(good & failing) * 2 > len(good):
                reason = f"{len(good & failing)} of {len(good)} good annotators fail it"
                proposals.append(Proposal("retire-item", data_hash, reason))
        return proposals

    def _records(self) -> list[ScoreRecord]:
        excluded = TruthRulings(self.scorer.store.database).excluded(self._project)
        latest = self.scorer.store.latest(self._project)
        return [record for record in latest if record.identity.data_hash not in excluded]

    @property
    def _project(self) -> str:
        return str(self.scorer.projects.deployment.production_project)

    @property
    def _work(self) -> PeoplesWork:
        return PeoplesWork(self.scorer.projects.encord, self._project)


def _done_tasks(facts: Mapping[str, Any]) -> list[DoneTask]:
    return [DoneTask(**task) for task in facts["tasks"]]


def _tasks(facts: Mapping[str, Any]) -> list[AssignedTask]:
    return [AssignedTask(**task) for task in facts["tasks"]]
