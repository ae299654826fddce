"""After scoring, write issues, priorities and reviews to Encord, each only if it is switched on."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark_qa.encord_api.errors import AnswerTooLarge, PlatformError
from benchmark_qa.encord_api.models import ANNOTATION_KINDS, Project, Stage
from benchmark_qa.encord_api.reviews import ConsensusReview, PeoplesWork
from benchmark_qa.records.score import Judged, ScoreRecord, conflict_counts
from benchmark_qa.tasks.errors import MisconfiguredStage
from benchmark_qa.tasks.score import Scorer, judge_data_unit
from benchmark_qa.tasks.scoring_plan import DataUnitScores

LONGEST_COMMENT = 2_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WriteBack:
    """Writes results of scores to Encord. A failure here never fails the scoring."""

    scorer: Scorer

    def after_scoring(self, scores: Sequence[DataUnitScores]) -> None:
        """Write what the configuration asks for; nothing in shadow mode. Repeating it changes nothing more.

        Data units that are still with their annotators are skipped, and no issue is raised on those that go back to
        them: an issue is on the data unit, so an annotator at work could read it.
        """
        deployment = self.scorer.projects.deployment
        if deployment.shadow:
            return
        wanted = deployment.write_back
        scored = [each for each in scores if each.records and each.complete and each.kept]
        for wish, write in (
            (wanted.issues, self._issues),
            (wanted.priority, self._priorities),
            (wanted.review, self._review),
        ):
            if not (wish and scored):
                continue
            try:
                write(scored)
            except AnswerTooLarge:
                raise  # a worker process repeats all of this
            except PlatformError as error:
                _log.error("the score is recorded, but could not be written back: %s", error)

    @property
    def _work(self) -> PeoplesWork:
        projects = self.scorer.projects
        return PeoplesWork(projects.encord, projects.production.project_hash)

    def _issues(self, scored: Sequence[DataUnitScores]) -> None:
        """Raise missing issues. 2 requests per data unit with conflicts; the first lists its issues."""
        for scores in scored:
            if self._goes_back(scores):
                continue
            comment = issue_comment(scores.records)
            if comment is not None and comment not in self._work.issue_comments(scores.data_hash):
                self._work.raise_issue(scores.data_hash, comment)

    def _goes_back(self, scores: DataUnitScores) -> bool:
        """Whether the annotators get the task again: by a rejected review, or by a scoring stage's `fail_pathway`."""
        projects = self.scorer.projects
        judged = judge_data_unit(scores.records, projects.deployment)
        if projects.deployment.write_back.review and _unanimous(judged) is False:
            return True
        if all(each.passed for each in judged):
            return False
        try:
            return any(
                scoring.fail_pathway is not None
                and leads_to_annotators(projects.stage(scoring), scoring.fail_pathway, projects.production)
                for scoring in projects.deployment.stages.scoring
            )
        except MisconfiguredStage:  # the score is recorded; calls at that stage say what is wrong
            return True

    def _priorities(self, scored: Sequence[DataUnitScores]) -> None:
        """Set the priorities. 1 request for all."""
        priorities = {}
        for scores in scored:
            known = [record.score for record in scores.records if record.score is not None]
            if known:
                priorities[scores.data_hash] = round(1.0 - sum(known) / len(known), 4)
        self._work.set_priorities(priorities)

    def _review(self, scored: Sequence[DataUnitScores]) -> None:
        """Decide the reviews. 1 request to find all tasks and 1 to decide them."""
        by_data = {scores.data_hash: scores for scores in scored}
        for stage_uuid, tasks in self._work.consensus_reviews(list(by_data)).items():
            verdicts = {task.uuid: self._verdict(task, by_data[task.data_hash]) for task in tasks}
            approve = [task for task, verdict in verdicts.items() if verdict is True]
            reject = [task for task, verdict in verdicts.items() if verdict is False]
            if approve or reject:
                self._work.review(stage_uuid, approve=approve, reject=reject)

    def _verdict(self, task: ConsensusReview, scores: DataUnitScores) -> bool | None:
        """True: approve. False: reject. None: left to a person, as branches disagree or are not all scored."""
        if {record.identity.branch_name for record in scores.records} != set(task.branches):
            return None
        judged = judge_data_unit(scores.records, self.scorer.projects.deployment)
        return _unanimous(judged)


def leads_to_annotators(stage: Stage, pathway: str, project: Project) -> bool:
    """Whether a pathway of an agent stage leads to an annotation stage, or may, as through a router."""
    kinds = {each.uuid: each.kind for each in project.stages}
    destination = stage.destinations.get(pathway, "")
    return destination not in kinds or kinds[destination] in ANNOTATION_KINDS


def _unanimous(judged: Sequence[Judged]) -> bool | None:
    verdicts = {each.passed for each in judged}
    return verdicts.pop() if len(verdicts) == 1 else None


def issue_comment(records: Sequence[ScoreRecord]) -> str | None:
    """The conflicts of a data unit's branches, for a reviewer; None if there are none.

    The same records give the same text, so a second delivery finds the issue of the first.
    """
    lines = []
    for record in sorted(records, key=lambda each: each.identity.branch_name):
        kinds: Counter[tuple[str, str]] = Counter()
        for (kind, feature, _), count in conflict_counts(record.details).items():
            kinds[kind, feature] += count
        if kinds:
            score = "n/a" if record.score is None else f"{record.score:.2f}"
            named = [f"{count}x {kind.replace('_', ' ')}: {feature}" for (kind, feature), count in kinds.most_common()]
            lines.append(f"{record.annotator or 'unknown annotator'} (score {score}): {'; '.join(named)}")
    if not lines:
        return None
    return "\n".join(["Benchmark QA found differences from the ground truth:", *lines])[:LONGEST_COMMENT]
