"""What is done about annotators below the bar, and about items that good annotators keep failing.

Nothing is done on a single look at a point estimate: the sequential test, or the interval, and the minimum number of
tasks have to say so. Every action is written down with what it takes to undo it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from agents.platform import AssignedTask, LabelRow, PeoplesWork
from agents.records import ScoreRecord
from agents.reporting.ruling import rule_on_each
from agents.scoring.sequential import Verdict
from agents.store import Action, ActionLog, TruthRulings, UnknownActionError
from agents.workflows.report_project import rule_of
from agents.workflows.score_task import Scorer

ActionKind = Literal["release-tasks", "reopen-recent", "retire-item"]
MINIMUM_GOOD_ANNOTATORS = 3
MOST_REOPENED = 100_000
OPERATOR = "benchmark-qa act"


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

        Requests: the assigned tasks of each annotator below the bar, and the project's label rows once.
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
        """Do it, and write each down right after it was done."""
        log = ActionLog(self.scorer.store.database)
        project = self._project
        taken = []
        for proposal in proposals:
            if proposal.kind == "retire-item":
                rulings = TruthRulings(self.scorer.store.database)
                taken.append(rulings.exclude(project, proposal.subject, operator=OPERATOR, reason=proposal.reason))
                continue
            if proposal.kind == "release-tasks":
                self._work.release(_tasks(proposal.facts))
            else:
                self._work.reopen(proposal.facts["label_hashes"])
            taken.append(
                log.record(
                    project,
                    kind=proposal.kind,
                    operator=OPERATOR,
                    subject=proposal.subject,
                    reason=proposal.reason,
                    facts=proposal.facts,
                )
            )
        return taken

    def undo(self, action: Action) -> None:
        """Put on Encord what an action has changed; the audit trail is the caller's.

        Raises:
            UnknownActionError: it has changed nothing there, or whom it concerned is erased.
        """
        if action.kind == "release-tasks" and "tasks" in action.facts:
            self._work.assign(_tasks(action.facts))
        elif action.kind == "reopen-recent" and "label_hashes" in action.facts:
            self._work.complete(action.facts["label_hashes"])
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
        """Recent production work of these annotators that has left annotation, the newest first."""
        projects = self.scorer.projects
        settings = projects.deployment.actions.reopen_recent
        if settings is None:
            return []
        # By kind: among thousands of shadow decisions what was done long ago would be out of sight, and done again.
        trail = ActionLog(self.scorer.store.database).entries(self._project, kind="reopen-recent", limit=MOST_REOPENED)
        done = {entry.subject for entry in trail if not entry.undone_by}
        since = now - timedelta(days=settings.days)
        kinds = {stage.uuid: stage.kind for stage in projects.production.stages}
        recent: dict[str, list[LabelRow]] = defaultdict(list)
        for row in projects.encord.label_rows(self._project):
            if (
                row.last_actioned_by in annotators
                and row.label_hash
                and row.last_edited_at is not None
                and row.last_edited_at >= since
                and projects.is_production_dataset(row.dataset_hash)
                and kinds.get(row.stage_uuid or "") in ("REVIEW", "DONE")
            ):
                recent[row.last_actioned_by or ""].append(row)
        proposals = []
        for annotator in annotators:
            rows = sorted(recent[annotator], key=lambda row: row.last_edited_at or since, reverse=True)
            hashes = [row.label_hash for row in rows[: settings.at_most]]
            if hashes and annotator not in done:
                reason = (
                    f"below the bar: {len(hashes)} production tasks of the last {settings.days:g} days go round again"
                )
                proposals.append(Proposal("reopen-recent", annotator, reason, {"label_hashes": hashes}))
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


def _tasks(facts: Mapping[str, Any]) -> list[AssignedTask]:
    return [AssignedTask(**task) for task in facts["tasks"]]
