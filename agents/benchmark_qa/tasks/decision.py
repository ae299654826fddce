"""A score to a pathway and to the words a person sees."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from benchmark_qa.config.deployment import Deployment
from benchmark_qa.records.conflicts import conflict_counts
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.store.action_log import ActionLog
from benchmark_qa.store.errors import StoreError
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks.projects import ServedProjects

MAX_MESSAGE_LENGTH = 256
"""Encord cuts a message here."""


MAX_HINTS = 3


DISCREPANCIES_BEHIND_A_HINT = 3
"""Fewer would point at single objects, and so at the right answer"""


NEUTRAL_MESSAGE = "Thank you. The labels have been received."
"""The same for benchmark and other data units, so that it tells nobody which of the two this is."""


NO_MORE_SCORINGS = "This item has been scored as often as it may be."


FeedbackPolicy = Literal["off", "verdict", "score", "details"]


@dataclass(frozen=True)
class Judged:
    """One annotator's score of one data unit, as far as words about it need to know."""

    annotator: str | None
    score: float | None
    passed: bool
    conflicts: Mapping[tuple[str, str, str | None], int] = field(default_factory=dict)
    """How many there are of each kind, class, and what the labels have instead (`ConflictKey`)"""


@dataclass(frozen=True)
class StageDecision:
    """What a scoring stage does with a task; `pathway` None means the stage's default pathway."""

    passed: bool
    pathway: str | None


def passes(score: float | None, requirements_met: bool | None, threshold: float) -> bool:
    """Whether one annotator's work is good enough: their requirements where some are configured, else the score.

    Whoever could not be judged (both None) does not fail.
    """
    if requirements_met is not None:
        return requirements_met
    return score is None or score >= threshold


def decide(judged: Iterable[Judged], *, pass_pathway: str | None, fail_pathway: str | None) -> StageDecision:
    """The pathway of a task: it passes when all of its annotators do."""
    passed = all(each.passed for each in judged)
    return StageDecision(passed, pass_pathway if passed or fail_pathway is None else fail_pathway)


def message_to_annotator(judged: Judged, policy: FeedbackPolicy, threshold: float) -> str:
    """What the assignee of a training item is told about their own labels, within 256 characters.

    Never a frame, a coordinate or the right answer; a hint only where several discrepancies are behind it.
    """
    if policy == "off" or judged.score is None:
        return NEUTRAL_MESSAGE
    verdict = "Good: this meets the bar." if judged.passed else "Not there yet: please look again."
    if policy == "verdict":
        return verdict
    message = f"Score {judged.score:.2f}, the bar is {threshold:.2f}. {verdict}"
    hints = hints_of(judged.conflicts) if policy == "details" else []
    return _cut(f"{message} Hints: {'; '.join(hints)}." if hints else message)


def message_to_reviewer(judged: Sequence[Judged], policy: FeedbackPolicy) -> str:
    """Every branch's result in one message, the worst first, within 256 characters."""
    if policy == "off" or not judged:
        return NEUTRAL_MESSAGE
    worst_first = sorted(judged, key=lambda each: (each.passed, each.score if each.score is not None else 1.0))
    parts = [_about(each, policy) for each in worst_first]
    return _fit(parts)


def hints_of(conflicts: Mapping[tuple[str, str, str | None], int]) -> list[str]:
    """At most three kinds of frequent mistakes, by class: `missing: car`, `confused: car and truck`."""
    counts: Counter[str] = Counter()
    for key, count in conflicts.items():
        counts[_hint(*key)] += count
    frequent = [(count, hint) for hint, count in counts.items() if hint and count >= DISCREPANCIES_BEHIND_A_HINT]
    return [hint for _, hint in sorted(frequent, key=lambda each: (-each[0], each[1]))[:MAX_HINTS]]


def _hint(kind: str, feature: str, other: str | None) -> str:
    if kind == "mislabelled":
        # In alphabetical order: which of the two is right must not be told.
        return "confused: {} and {}".format(*sorted((feature, str(other))))
    wording = {
        "missing": f"missing: {feature}",
        "spurious": f"too many: {feature}",
        "low_overlap": f"inexact: {feature}",
        "wrong_attribute": f"attributes: {feature}",
        "identity_switch": f"identity: {feature}",
    }
    return wording.get(kind, f"answers: {feature}")


def _about(judged: Judged, policy: FeedbackPolicy) -> str:
    name = (judged.annotator or "unknown").split("@", 1)[0]
    mark = "ok" if judged.passed else "below"
    if policy == "verdict" or judged.score is None:
        return f"{name} {mark}"
    hints = hints_of(judged.conflicts)[:1] if policy == "details" else []
    return " ".join([name, f"{judged.score:.2f}", mark, *(f"({hint})" for hint in hints)])


def _fit(parts: Sequence[str]) -> str:
    """As many parts as fit, and how many do not."""
    for shown in range(len(parts), 0, -1):
        rest = f", +{len(parts) - shown} more" if shown < len(parts) else ""
        message = ", ".join(parts[:shown]) + rest
        if len(message) <= MAX_MESSAGE_LENGTH:
            return message
    return _cut(parts[0])


def _cut(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE_LENGTH else message[: MAX_MESSAGE_LENGTH - 1] + "…"


KIND = "shadow-decision"


MOST_COMPARED = 100_000


_log = logging.getLogger(__name__)


def record_decision(projects: ServedProjects, store: SqlScoreStore, data_hash: str, decision: str | None) -> None:
    """Write down the pathway that would have been answered; a failure to do so is logged, no more."""
    try:
        ActionLog(store.database).record(
            projects.production.project_hash,
            kind=KIND,
            operator="benchmark-qa",
            subject=data_hash,
            reason=decision or "(default pathway)",
        )
    except StoreError as error:
        _log.error("a shadow decision was not recorded: %s", error)


def compare_decisions(projects: ServedProjects, store: SqlScoreStore) -> dict[tuple[str, str], int]:
    """What would have been decided against where the tasks are now: (pathway, stage title) to the number of tasks.

    1 request to Encord. The newest decision of each data unit counts.

    Raises:
        StoreError, PlatformError
    """
    project_hash = projects.production.project_hash
    newest: dict[str, str] = {}
    for entry in ActionLog(store.database).entries(project_hash, limit=MOST_COMPARED, kind=KIND):
        newest.setdefault(entry.subject, entry.reason)
    stages = {row.data_hash: row.stage_title or "?" for row in projects.encord.label_rows(project_hash)}
    return dict(Counter((decision, stages.get(data_hash, "?")) for data_hash, decision in newest.items()))


def judge(records: Iterable[ScoreRecord], deployment: Deployment) -> list[Judged]:
    """One verdict per annotator of a data unit."""
    return [
        Judged(
            annotator=record.annotator,
            score=record.score,
            passed=passes(record.score, record.passed, deployment.verdict.threshold),
            conflicts=conflict_counts(record.details),
        )
        for record in records
    ]
