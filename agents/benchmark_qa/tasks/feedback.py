"""Somebody presses "run agent" in the label editor: what may they be told?

The call names no person and carries no signature. Where the task stands tells who may be asking.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark_qa.encord_api.models import LabelRow, Project
from benchmark_qa.store.errors import StoreError
from benchmark_qa.tasks.decision import (
    NEUTRAL_MESSAGE,
    NO_MORE_SCORINGS,
    judge,
    message_to_annotator,
    message_to_reviewer,
)
from benchmark_qa.tasks.errors import RefusalError
from benchmark_qa.tasks.projects import ServedProjects
from benchmark_qa.tasks.score import Scorer

Audience = Literal["annotator", "reviewer", "nobody"]


MessageAbout = Callable[[Sequence[LabelRow], Audience], str]
"""What the audience is told about these branches of one data unit"""


@dataclass(frozen=True)
class EditorFeedback:
    """Answers calls from the label editor under the feedback policy."""

    scorer: Scorer
    message_about: MessageAbout
    """`message_about` of this module, in whichever process has room for the labels"""

    def answer(self, project_hash: str, data_hash: str) -> str:
        """The message for whoever is looking at the data unit now.

        Under `off` nothing is looked at, so that neither words nor time tell a benchmark item from another one.

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
        audience = audience_of(projects.production, rows) if is_training else "nobody"
        if audience == "nobody":
            return NEUTRAL_MESSAGE
        if not self._may_ask_again(projects, data_hash):
            return NO_MORE_SCORINGS
        try:
            return self.message_about(rows, audience)
        except RefusalError:
            return NEUTRAL_MESSAGE

    def _may_ask_again(self, projects: ServedProjects, data_hash: str) -> bool:
        """Counted in the store, across instances; where it cannot count, nobody is told anything more."""
        try:
            asked = self.scorer.store.count_editor_scoring(projects.production.project_hash, data_hash)
        except StoreError:
            return False
        return asked <= projects.deployment.feedback.scorings_per_item


def message_about(scorer: Scorer, rows: Sequence[LabelRow], audience: Audience) -> str:
    """Score the branches as they are now, recording nothing, and put it into words under the feedback policy.

    Raises:
        RefusalError: of the kind that says why they cannot be scored.
        PlatformError
    """
    deployment = scorer.projects.deployment
    policy = deployment.feedback.policy
    judged = judge(scorer.preview(rows, submitted_only=audience == "reviewer"), deployment)
    if audience == "reviewer":
        return message_to_reviewer(judged, policy)
    return message_to_annotator(judged[0], policy, deployment.verdict.threshold)


def audience_of(project: Project, rows: Sequence[LabelRow]) -> Audience:
    """Who may be looking: at a review stage the reviewer, at an annotation stage without consensus its assignee.

    Nobody, where branches stand at different stages: one of those still at work could be told what is the reviewer's.
    """
    kinds = {stage.uuid: stage.kind for stage in project.stages}
    here = {kinds.get(row.stage_uuid or "") for row in rows}
    if here == {"ANNOTATION"}:
        return "annotator"
    if here & {"REVIEW", "CONSENSUS_REVIEW"} and not here & {"ANNOTATION", "CONSENSUS_ANNOTATION"}:
        return "reviewer"
    return "nobody"
