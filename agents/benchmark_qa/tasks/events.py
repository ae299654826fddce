"""Handle events: labels were submitted, or a task is complete. Score the data units concerned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmark_qa.encord_api.retries import batches
from benchmark_qa.tasks.drain import TASKS_SCORED_TOGETHER, refusals
from benchmark_qa.tasks.errors import ProjectNotServed
from benchmark_qa.tasks.score import Scorer
from benchmark_qa.tasks.write_back import WriteBack


@dataclass(frozen=True)
class EventOutcome:
    """Number of data units of an event that were scored and refused."""

    scored: int
    refused: int

    def __add__(self, other: "EventOutcome") -> "EventOutcome":
        return EventOutcome(self.scored + other.scored, self.refused + other.refused)


def handle_event(scorer: Scorer, project_hash: str, data_hashes: Sequence[str]) -> EventOutcome:
    """Score the data units of an event: submitted or completed work, or ground truth that was edited.

    Data units that are not benchmark items, or cannot be scored yet, are counted and not changed. Scores against edited
    truth are marked as stale until the new scores are recorded.

    Raises:
        ProjectNotServed: the event is about a project that this deployment does not serve.
        StoreError: every data unit counted as scored is in the store; the event must be delivered again.
        TruthChanging, PlatformError
    """
    projects = scorer.projects
    deployment = projects.deployment
    is_truth = project_hash in {str(project) for project in deployment.benchmark_projects}
    if not is_truth and project_hash != str(deployment.production_project):
        raise ProjectNotServed(f"project {project_hash} is not served by this deployment")
    if is_truth:
        scorer.truth.forget(data_hashes)
        scorer.tell_of_truth(data_hashes)
    outcome = EventOutcome(scored=0, refused=0)
    for batch in batches(list(dict.fromkeys(data_hashes)), TASKS_SCORED_TOGETHER):
        looked_at = datetime.now(UTC)
        for scored in scorer.score_in_bundles(batch):
            if is_truth:  # where the truth is the same after all, the stored scores count again
                keys = [record.identity.key for each in scored for record in each.records]
                scorer.store.affirm(keys, as_of=looked_at)
            WriteBack(scorer).after_scoring(scored)
            refused = len(refusals(scored))
            outcome += EventOutcome(len(scored) - refused, refused)
    return outcome
