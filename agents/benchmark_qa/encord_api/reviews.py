"""Changes on Encord besides moving agent tasks: issues, priorities, reviews, assignments.

Never changes labels or client metadata. Every method gives its number of requests.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from uuid import UUID

from encord.issues.issue_client import AnnotationIssue, TaskIssues
from encord.project import Project as SdkProject
from encord.workflow.common import WorkflowAction
from encord.workflow.stages.annotation import AnnotationStage, AnnotationTaskStatus
from encord.workflow.stages.consensus_annotation import ConsensusAnnotationStage
from encord.workflow.stages.consensus_review import ConsensusReviewStage

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.errors import NotFoundOnPlatform, RequestRejected
from benchmark_qa.encord_api.retries import ACTIONS_PER_REQUEST, batches

BLOCKS_LOOKED_AT = 100
"""Waiting consensus tasks that a check reads per stage: one page."""


@dataclass(frozen=True)
class AssignedTask:
    """A task, or one annotator's part of a consensus task, that is assigned and not submitted."""

    uuid: str
    stage_uuid: str
    data_hash: str
    assignee: str


@dataclass(frozen=True)
class ConsensusReview:
    """A task at *Review & Refine*, with the branches to choose from."""

    uuid: str
    data_hash: str
    branches: tuple[str, ...]


class _Approve(WorkflowAction):
    action: str = "APPROVE"
    retain_assignee: bool = False


class _Reject(WorkflowAction):
    action: str = "REJECT"
    retain_assignee: bool = False


class _Release(WorkflowAction):
    action: str = "RELEASE"


class _Assign(WorkflowAction):
    action: str = "ASSIGN"
    assignee: str


@dataclass(frozen=True)
class WaitingBlock:
    """A task in a consensus block, with the number of its parts and of submitted parts."""

    stage: str
    """Title of the stage."""
    data_hash: str
    data_title: str
    submitted: int
    parts: int


@dataclass(frozen=True)
class PeoplesWork:
    """The tasks, reviews, issues and priorities of one project."""

    encord: Encord
    project_hash: str

    def issue_comments(self, data_hash: str) -> list[str]:
        """First comments of the issues on a data unit. 1 request per page."""
        issues = retries.call(lambda: list(self._issues(data_hash).list()))
        return [comment.content for issue in issues for comment in issue.comments[:1]]

    def raise_issue(self, data_hash: str, comment: str) -> None:
        """Raise an issue on a data unit as a whole. 1 request; 1 more per retry."""
        DataUnitIssues(self.encord, self.project_hash, data_hash).raise_issue(comment)

    def set_priorities(self, priorities: Mapping[str, float]) -> None:
        """Set priorities in [0, 1] by data hash; higher comes first. 1 request per 1,000."""
        for batch in batches(sorted(priorities.items()), ACTIONS_PER_REQUEST):
            retries.call(lambda batch=batch: self._sdk._client.workflow_set_priority(list(batch)))  # type: ignore[misc]

    def consensus_reviews(self, data_hashes: Sequence[str]) -> dict[str, list[ConsensusReview]]:
        """Tasks of these data units at consensus review stages, by stage. 1 request per stage and page of 100."""
        found: dict[str, list[ConsensusReview]] = {}
        for stage in self._sdk.workflow.stages:
            if isinstance(stage, ConsensusReviewStage):
                tasks = retries.call(lambda stage=stage: list(stage.get_tasks(data_hash=list(data_hashes))))  # type: ignore[misc]
                found[str(stage.uuid)] = [
                    ConsensusReview(
                        str(task.uuid),
                        str(task.data_hash),
                        tuple(option.label_branch_name for option in task.options),
                    )
                    for task in tasks
                ]
        return found

    def review(self, stage_uuid: str, *, approve: Sequence[str], reject: Sequence[str]) -> None:
        """Approve and reject tasks of a review stage, in 1 request that is applied completely or not at all."""
        actions: list[WorkflowAction] = [_Approve(task_uuid=UUID(task)) for task in approve]
        actions += [_Reject(task_uuid=UUID(task)) for task in reject]
        self._act(stage_uuid, actions)

    def assigned_to(self, annotator: str) -> list[AssignedTask]:
        """Tasks of an annotator at annotation stages, not submitted. 1 request per stage and page of 100."""
        found: list[AssignedTask] = []
        for stage in self._sdk.workflow.stages:
            if isinstance(stage, AnnotationStage):
                plain = retries.call(lambda stage=stage: list(stage.get_tasks(assignee=annotator)))  # type: ignore[misc]
                waiting = [(task, task.data_hash) for task in plain]
            elif isinstance(stage, ConsensusAnnotationStage):
                blocks = retries.call(lambda stage=stage: list(stage.get_tasks(assignee=annotator)))  # type: ignore[misc]
                waiting = [(part, task.data_hash) for task in blocks for part in task.subtasks]
            else:
                continue
            found += [
                AssignedTask(str(task.uuid), str(stage.uuid), str(data_hash), annotator)
                for task, data_hash in waiting
                if task.assignee == annotator and task.status is not AnnotationTaskStatus.COMPLETED
            ]
        return found

    def queue(self) -> list[AssignedTask]:
        """Tasks and parts of consensus tasks at annotation stages that are not submitted; `assignee` is "" for nobody.

        1 request per stage and page of 100.
        """
        found: list[AssignedTask] = []
        for stage in self._sdk.workflow.stages:
            if isinstance(stage, AnnotationStage):
                waiting = [(task, task.data_hash) for task in retries.call(lambda stage=stage: list(stage.get_tasks()))]  # type: ignore[misc]
            elif isinstance(stage, ConsensusAnnotationStage):
                blocks = retries.call(lambda stage=stage: list(stage.get_tasks()))  # type: ignore[misc]
                waiting = [(part, task.data_hash) for task in blocks for part in task.subtasks]
            else:
                continue
            found += [
                AssignedTask(str(task.uuid), str(stage.uuid), str(data_hash), task.assignee or "")
                for task, data_hash in waiting
                if task.status is not AnnotationTaskStatus.COMPLETED
            ]
        return found

    def submitted_parts(self, data_hashes: Sequence[str]) -> set[tuple[str, str]]:
        """(data hash, branch) of parts that are submitted inside consensus blocks that wait for other parts.

        1 request per consensus stage and page of 100.
        """
        blocks = [stage for stage in self._sdk.workflow.stages if isinstance(stage, ConsensusAnnotationStage)]
        return {
            (str(task.data_hash), part.label_branch_name)
            for stage in blocks
            for task in retries.call(lambda stage=stage: list(stage.get_tasks(data_hash=list(data_hashes))))  # type: ignore[misc]
            for part in task.subtasks
            if part.status is AnnotationTaskStatus.COMPLETED
        }

    def submitted_by(self, data_hashes: Sequence[str]) -> set[tuple[str, str]]:
        """(e-mail, data hash) of parts that are submitted inside waiting consensus blocks.

        1 request per consensus stage and page of 100.
        """
        blocks = [stage for stage in self._sdk.workflow.stages if isinstance(stage, ConsensusAnnotationStage)]
        return {
            (part.assignee, str(task.data_hash))
            for stage in (blocks if data_hashes else ())
            for task in retries.call(lambda stage=stage: list(stage.get_tasks(data_hash=list(data_hashes))))  # type: ignore[misc]
            for part in task.subtasks
            if part.status is AnnotationTaskStatus.COMPLETED and part.assignee
        }

    def blocks_waiting(self) -> list[WaitingBlock]:
        """Consensus tasks that wait for annotators, at most 100 per stage. 1 request per stage."""
        found: list[WaitingBlock] = []
        for stage in self._sdk.workflow.stages:
            if isinstance(stage, ConsensusAnnotationStage):
                tasks = retries.call(lambda stage=stage: list(islice(stage.get_tasks(), BLOCKS_LOOKED_AT)))  # type: ignore[misc]
                found += [
                    WaitingBlock(
                        stage.title,
                        str(task.data_hash),
                        task.data_title,
                        sum(part.status is AnnotationTaskStatus.COMPLETED for part in task.subtasks),
                        len(task.subtasks),
                    )
                    for task in tasks
                ]
        return found

    def release(self, tasks: Sequence[AssignedTask]) -> None:
        """Release tasks from their assignees. 1 request per stage and 1,000."""
        self._act_by_stage(tasks, {task.uuid: _Release(task_uuid=UUID(task.uuid)) for task in tasks})

    def assign(self, tasks: Sequence[AssignedTask]) -> None:
        """Assign tasks to their `assignee` again. 1 request per stage and 1,000."""
        self._act_by_stage(tasks, {t.uuid: _Assign(task_uuid=UUID(t.uuid), assignee=t.assignee) for t in tasks})

    def complete(self, label_hashes: Sequence[str]) -> None:
        """Move work to the final stage. 1 request per 1,000."""
        for batch in batches(label_hashes, ACTIONS_PER_REQUEST):
            retries.call(lambda batch=batch: self._sdk._client.workflow_complete(list(batch)))  # type: ignore[misc]

    @property
    def _sdk(self) -> SdkProject:
        return self.encord.sdk_project(self.project_hash)

    def _issues(self, data_hash: str) -> TaskIssues:
        api_client = self._sdk.workflow.stages[0]._workflow_client.api_client
        return TaskIssues(api_client=api_client, project_uuid=UUID(self.project_hash), data_uuid=UUID(data_hash))

    def _act_by_stage(self, tasks: Sequence[AssignedTask], actions: Mapping[str, WorkflowAction]) -> None:
        for stage_uuid in sorted({task.stage_uuid for task in tasks}):
            here = [actions[task.uuid] for task in tasks if task.stage_uuid == stage_uuid]
            for batch in batches(here, ACTIONS_PER_REQUEST):
                self._act(stage_uuid, batch)

    def _act(self, stage_uuid: str, actions: Sequence[WorkflowAction]) -> None:
        stage = next((s for s in self._sdk.workflow.stages if str(s.uuid) == stage_uuid), None)
        if stage is None:
            raise NotFoundOnPlatform(f"the project has no stage {stage_uuid}")
        retries.call(lambda: stage._workflow_client._action(stage.uuid, list(actions)))


@dataclass(frozen=True)
class DataUnitIssues:
    """The issues on one data unit of a project."""

    encord: Encord
    project_hash: str
    data_hash: str

    def raised(self) -> set[tuple[str, str | None]]:
        """(first comment, label or None) of each issue. 1 request per page."""
        return retries.call(self._raised)

    def _raised(self) -> set[tuple[str, str | None]]:
        return {
            (comment.content, issue.annotation_id if isinstance(issue, AnnotationIssue) else None)
            for issue in self._issues.list()
            for comment in issue.comments[:1]
        }

    def raise_issue(self, comment: str, *, object_hash: str | None = None, frame: int | None = None) -> None:
        """Raise an issue on a label, a frame or the data unit.

        1 request; 2 if the label no longer exists; 1 more per retry.
        """
        issues = self._issues
        on_unit = partial(issues.add_file_issue, comment, [])
        if frame is not None:
            on_unit = partial(issues.add_frame_issue, frame, comment, [])
        if object_hash is None:
            self._once(on_unit, (comment, None))
            return
        try:
            self._once(partial(issues.add_annotation_issue, object_hash, comment, []), (comment, object_hash))
        except RequestRejected:
            self._once(on_unit, (comment, None))  # somebody has deleted the label meanwhile

    def _once(self, add: Callable[[], object], issue: tuple[str, str | None]) -> None:
        """Add the issue. A retry looks for it first: the answer to the attempt before may have been lost."""
        attempts = count()

        def attempt() -> None:
            if next(attempts) == 0 or issue not in self._raised():
                add()

        retries.call(attempt)

    def delete(self, comments: set[str]) -> int:
        """Delete the issues whose first comment is one of these; returns their number.

        1 request per page, and 1.
        """
        issues = retries.call(lambda: list(self._issues.list()))
        ours = [issue.uuid for issue in issues if issue.comments and issue.comments[0].content in comments]
        if ours:
            retries.call(lambda: self._issues.delete([*ours]))
        return len(ours)

    @property
    def _issues(self) -> TaskIssues:
        api_client = self.encord.sdk_project(self.project_hash).workflow.stages[0]._workflow_client.api_client
        return TaskIssues(api_client=api_client, project_uuid=UUID(self.project_hash), data_uuid=UUID(self.data_hash))
