"""Encord without a network: the methods of `encord_api.client.Encord` that tasks call, over plain values."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmark_qa.encord_api.errors import NotFoundOnPlatform
from benchmark_qa.encord_api.models import LabelRow, Project, WaitingTask


@dataclass
class FakeEncord:
    """Projects and label rows by project hash, waiting tasks by stage."""

    projects: dict[str, Project] = field(default_factory=dict)
    rows: dict[str, list[LabelRow]] = field(default_factory=dict)
    waiting: dict[str, list[WaitingTask]] = field(default_factory=dict)
    """By stage uuid"""

    def project(self, project_hash: str) -> Project:
        if project_hash not in self.projects:
            raise NotFoundOnPlatform(f"project {project_hash} does not exist")
        return self.projects[project_hash]

    def label_rows(
        self, project_hash: str, *, data_hashes: Iterable[str] | None = None, all_branches: bool = False
    ) -> list[LabelRow]:
        wanted = None if data_hashes is None else set(data_hashes)
        return [
            row
            for row in self.rows.get(project_hash, [])
            if (wanted is None or row.data_hash in wanted) and (all_branches or row.branch_name == "main")
        ]

    def waiting_tasks(self, project_hash: str, stage_uuid: str, at_most: int) -> list[WaitingTask]:
        self.project(project_hash)
        return self.waiting.get(stage_uuid, [])[:at_most]
