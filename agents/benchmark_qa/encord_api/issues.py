"""Issues on data units, their frames and their labels. Every method gives its number of requests."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from encord.issues.issue_client import AnnotationIssue, TaskIssues

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.errors import RequestRejected


@dataclass(frozen=True)
class DataUnitIssues:
    """The issues on one data unit of a project."""

    encord: Encord
    project_hash: str
    data_hash: str

    def raised(self) -> set[tuple[str, str | None]]:
        """(first comment, label or None) of each issue. 1 request per page."""
        issues = retries.call(lambda: list(self._issues.list()))
        return {
            (comment.content, issue.annotation_id if isinstance(issue, AnnotationIssue) else None)
            for issue in issues
            for comment in issue.comments[:1]
        }

    def raise_issue(self, comment: str, *, object_hash: str | None = None, frame: int | None = None) -> None:
        """Raise an issue on a label, a frame or the data unit. 1 request; 2 if the label no longer exists."""
        issues = self._issues
        on_unit = partial(issues.add_file_issue, comment, [])
        if frame is not None:
            on_unit = partial(issues.add_frame_issue, frame, comment, [])
        if object_hash is None:
            retries.call(on_unit)
            return
        try:
            retries.call(lambda: issues.add_annotation_issue(object_hash, comment, []))
        except RequestRejected:
            retries.call(on_unit)  # somebody has deleted the label meanwhile

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
