"""Answers to "run agent" in the label editor: what the person who asks may be told.

The call names no person and has no signature. The stage of the task shows who may be asking.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import NAMESPACE_OID, uuid5

from benchmark_qa.config.deployment import Branches
from benchmark_qa.encord_api.models import MAIN, LabelRow, Project
from benchmark_qa.errors import RefusalError
from benchmark_qa.records.score import Judged
from benchmark_qa.store.errors import StoreError
from benchmark_qa.tasks.decision import MAX_MESSAGE_LENGTH, NEUTRAL_MESSAGE
from benchmark_qa.tasks.projects import ServedProjects, annotators_branches
from benchmark_qa.tasks.score import Scorer, judge_data_unit

NO_MORE_SCORINGS = (
    "This item has been scored as often as it may be. "
    "Submit your work as it is, or ask the person who leads the project."
)
RESULTS_ARE_ELSEWHERE = (
    "Training item, scored. Results by name are not shown in the editor: "
    "ask the person who leads the project for the report."
)


MAX_HINTS = 3


DISCREPANCIES_BEHIND_A_HINT = 3
"""A hint needs at least this many conflicts.

Fewer would point at single objects, and so at the right answer.
"""


FeedbackPolicy = Literal["off", "verdict", "score", "details"]


def message_to_annotator(judged: Judged, policy: FeedbackPolicy, threshold: float) -> str:
    """The message to a training item's assignee about their own labels, at most 256 characters.

    It never contains a frame, a coordinate or the right answer. A hint needs several conflicts of its kind.
    """
    if policy == "off" or judged.score is None:
        return NEUTRAL_MESSAGE
    verdict = (
        "Good: this task passes."
        if judged.passed
        else "Not there yet: compare your labels with the guidelines, save, and ask again."
    )
    if policy == "verdict":
        return verdict
    message = f"Score {judged.score:.2f}, a task passes at {threshold:.2f}. {verdict}"
    hints = hints_of(judged.conflicts) if policy == "details" else []
    return _cut(f"{message} Hints: {'; '.join(hints)}." if hints else message)


def message_to_reviewer(judged: Sequence[Judged], policy: FeedbackPolicy, *, see_names: bool = False) -> str:
    """The message at a review stage, at most 256 characters.

    With names: every branch's result, the worst first. Without names (the default) it says only where the results are,
    because anybody who has the agent's URL may ask.
    """
    if policy == "off" or not judged:
        return NEUTRAL_MESSAGE
    if not see_names:
        return RESULTS_ARE_ELSEWHERE
    worst_first = sorted(judged, key=lambda each: (each.passed, each.score if each.score is not None else 1.0))
    parts = [_about(each, policy) for each in worst_first]
    return _fit(parts)


def hints_of(conflicts: Mapping[tuple[str, str, str | None], int]) -> list[str]:
    """Up to three frequent kinds of conflict with their class: `missing: car`, `confused: car and truck`."""
    counts: Counter[str] = Counter()
    for key, count in conflicts.items():
        counts[_hint(*key)] += count
    frequent = [(count, hint) for hint, count in counts.items() if hint and count >= DISCREPANCIES_BEHIND_A_HINT]
    return [hint for _, hint in sorted(frequent, key=lambda each: (-each[0], each[1]))[:MAX_HINTS]]


def _hint(kind: str, feature: str, other: str | None) -> str:
    if kind == "mislabelled":
        # In alphabetical order, so that the hint does not reveal which of the two is right.
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
    mark = "passed" if judged.passed else "failed"
    if policy == "verdict" or judged.score is None:
        return f"{name} {mark}"
    hints = hints_of(judged.conflicts)[:1] if policy == "details" else []
    return " ".join([name, f"{judged.score:.2f}", mark, *(f"({hint})" for hint in hints)])


def _fit(parts: Sequence[str]) -> str:
    """As many parts as fit into a message, and the number of the others."""
    for shown in range(len(parts), 0, -1):
        rest = f", +{len(parts) - shown} more" if shown < len(parts) else ""
        message = ", ".join(parts[:shown]) + rest
        if len(message) <= MAX_MESSAGE_LENGTH:
            return message
    return _cut(parts[0])


def _cut(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE_LENGTH else message[: MAX_MESSAGE_LENGTH - 1] + "…"


Audience = Literal["annotator", "reviewer", "nobody"]


MessageAbout = Callable[[Sequence[LabelRow], Audience], str]
"""Returns the message to the audience about these branches of one data unit."""


@dataclass(frozen=True)
class EditorFeedback:
    """Answers calls from the label editor according to the feedback policy."""

    scorer: Scorer
    message_about: MessageAbout
    """`message_about` of this module, run in the process that has memory for the labels."""

    def answer(self, project_hash: str, data_hash: str) -> str:
        """The message to the person who is looking at the data unit now.

        Under `off` no request is made, so that neither text nor response time reveals a benchmark item.

        Raises:
            ProjectNotServed, PlatformError
        """
        projects = self.scorer.projects
        projects.require_served(project_hash)
        feedback = projects.deployment.feedback
        if feedback.policy == "off":
            return NEUTRAL_MESSAGE
        rows = projects.encord.label_rows(project_hash, data_hashes=[data_hash], all_branches=True)
        is_training = bool(rows) and rows[0].dataset_hash in {str(dataset) for dataset in feedback.training_datasets}
        audience = audience_of(projects.production, rows, projects.deployment.branches) if is_training else "nobody"
        if audience == "nobody":
            return NEUTRAL_MESSAGE
        if audience == "reviewer" and not feedback.reviewers_see_names:
            return RESULTS_ARE_ELSEWHERE
        if not self._may_ask_again(projects, asker_of(rows, audience)):
            return NO_MORE_SCORINGS
        try:
            return self.message_about(rows, audience)
        except RefusalError:
            return NEUTRAL_MESSAGE

    def _may_ask_again(self, projects: ServedProjects, asker: str) -> bool:
        """Whether scorings are left. The store counts for all instances; if it fails, the answer is False."""
        try:
            asked = self.scorer.store.count_editor_scoring(projects.production.project_hash, asker)
        except StoreError:
            return False
        return asked <= projects.deployment.feedback.scorings_per_item


def message_about(scorer: Scorer, rows: Sequence[LabelRow], audience: Audience) -> str:
    """Score the branches as they are now and return the message under the feedback policy.

    Records nothing.

    Raises:
        RefusalError: the subclass says why they cannot be scored.
        PlatformError
    """
    deployment = scorer.projects.deployment
    policy = deployment.feedback.policy
    judged = judge_data_unit(scorer.preview(rows, submitted_only=audience == "reviewer"), deployment)
    if audience == "reviewer":
        return message_to_reviewer(judged, policy, see_names=deployment.feedback.reviewers_see_names)
    return message_to_annotator(judged[0], policy, deployment.score_to_pass)


def asker_of(rows: Sequence[LabelRow], audience: Audience) -> str:
    """The key under which attempts are counted: the data unit, and its annotator if Encord names one.

    A task that is assigned to another person starts a new count. At most 36 characters, without a name.
    """
    data_hash = rows[0].data_hash
    people = {row.last_actioned_by for row in rows if row.last_actioned_by}
    if audience == "annotator" and len(people) == 1:
        return str(uuid5(NAMESPACE_OID, f"{data_hash}/{people.pop()}"))
    return str(uuid5(NAMESPACE_OID, f"{data_hash}/review")) if audience == "reviewer" else data_hash


def audience_of(project: Project, rows: Sequence[LabelRow], branches: Branches) -> Audience:
    """The audience: the reviewer at a review stage, the assignee at an annotation stage (no consensus).

    "nobody" if branches are at different stages: an annotator still at work could receive the reviewer's message. Also
    "nobody" at an annotation stage with branches of an earlier consensus: those are colleagues' work.
    """
    kinds = {stage.uuid: stage.kind for stage in project.stages}
    here = {kinds.get(row.stage_uuid or "") for row in rows}
    if here == {"ANNOTATION"}:
        scored = [row.branch_name for row in annotators_branches(rows, branches)]
        return "annotator" if scored == [MAIN] else "nobody"
    if here & {"REVIEW", "CONSENSUS_REVIEW"} and not here & {"ANNOTATION", "CONSENSUS_ANNOTATION"}:
        return "reviewer"
    return "nobody"
