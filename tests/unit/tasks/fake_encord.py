"""Encord as the use cases see it, in memory: what is read and moved, and a place to let something happen in between."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import NAMESPACE_URL, uuid5

from benchmark_qa.config.deployment import Deployment
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.models import LabelRow, Moved, Project, Stage, Task
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks.ground_truth import GroundTruth
from benchmark_qa.tasks.projects import ServedProjects
from benchmark_qa.tasks.score import Scorer
from tests.unit.rows import PEDESTRIAN_EDITOR, box_row


def uuid(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"fake/{name}"))


PRODUCTION, BENCHMARK, DATASET = uuid("production"), uuid("benchmark"), uuid("dataset")
ANNOTATE, SCORE, REVIEW, COMPLETE = uuid("Annotate"), uuid("Score"), uuid("Review"), uuid("Complete")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
RIGHT = [[10.0, 10.0, 50.0, 50.0]]
OTHER = [[110.0, 110.0, 50.0, 50.0]]


def unit(number: int) -> str:
    return uuid(f"unit {number}")


@dataclass
class Row:
    """A label row, and the boxes that are drawn on it."""

    data_hash: str
    boxes: list[list[float]]
    stage: str
    edited_at: datetime = LONG_AGO
    annotator: str = "ann@example.com"
    is_initialised: bool = True
    """False: an empty answer, which has no labels on the platform"""


@dataclass
class FakeEncord:
    """One production and one benchmark project, one branch each."""

    work: dict[str, Row] = field(default_factory=dict)
    truth: dict[str, Row] = field(default_factory=dict)
    meanwhile: Callable[[str], None] = field(default=lambda _: None)
    """Called after each answer is made and before it is given, with what was asked for"""
    pathways: Mapping[str, str] = field(default_factory=lambda: {"Done": COMPLETE, "Redo": ANNOTATE})
    moved: list[tuple[str, str]] = field(default_factory=list)
    """(data hash, pathway)"""
    now: datetime = LONG_AGO
    projects: dict[str, Project] = field(default_factory=dict)

    def edit(self, row: Row, boxes: list[list[float]]) -> None:
        """Save other labels, now; later than anything before."""
        self.now = max(self.now + timedelta(milliseconds=1), datetime.now(UTC))
        row.boxes, row.edited_at = boxes, self.now

    def project(self, project_hash: str) -> Project:
        if project_hash not in self.projects:
            self.projects[project_hash] = self._project(project_hash)
        return self.projects[project_hash]

    def _project(self, project_hash: str) -> Project:
        kinds = {ANNOTATE: "ANNOTATION", SCORE: "AGENT", REVIEW: "REVIEW", COMPLETE: "DONE"}
        titles = {ANNOTATE: "Annotate", SCORE: "Score", REVIEW: "Review", COMPLETE: "Complete"}
        stages = tuple(Stage(uuid, titles[uuid], cast(Any, kind)) for uuid, kind in kinds.items())
        stages = tuple(
            replace(stage, pathways=tuple(self.pathways), leads_to=tuple(self.pathways.values()))
            if stage.kind == "AGENT"
            else stage
            for stage in stages
        )
        return Project(project_hash, project_hash[:4], "ontology", PEDESTRIAN_EDITOR, {DATASET: "images"}, stages)

    def label_rows(
        self, project_hash: str, *, data_hashes: Iterable[str] | None = None, all_branches: bool = False
    ) -> list[LabelRow]:
        rows = self._rows(project_hash)
        wanted = rows if data_hashes is None else [h for h in data_hashes if h in rows]
        found = [self._metadata(project_hash, rows[h]) for h in wanted]
        self.meanwhile("metadata")
        return found

    def label_bundles_with_gaps(
        self, project_hash: str, label_hashes: Sequence[str]
    ) -> Iterator[Mapping[str, Mapping[str, Any] | None]]:
        if not label_hashes:
            return
        by_hash = {self._label_hash(project_hash, h): row for h, row in self._rows(project_hash).items()}
        found: dict[str, Mapping[str, Any] | None] = {}
        for label_hash in label_hashes:
            row = by_hash[label_hash]
            # As Encord does: the edit time in whole seconds.
            edited = row.edited_at.strftime("%a, %d %b %Y %H:%M:%S GMT")
            found[label_hash] = box_row(row.data_hash, row.boxes) | {"last_edited_at": edited}
        self.meanwhile("labels")
        yield found

    def task_pages(
        self, project_hash: str, stage_uuid: str, *, dataset_hashes: Any = None, data_hashes: Any = None
    ) -> Iterator[list[Task]]:
        rows = self._rows(project_hash)
        yield [
            Task(f"task {h}", h, h)
            for h, row in rows.items()
            if row.stage == stage_uuid and (data_hashes is None or h in data_hashes)
        ]

    def proceed(self, project_hash: str, stage_uuid: str, moves: Iterable[tuple[Task, str]]) -> Moved:
        gone = moved = 0
        for task, pathway in moves:
            row = self._rows(project_hash)[task.data_hash]
            if row.stage != stage_uuid:
                gone += 1
                continue
            row.stage = self.pathways[pathway]
            self.moved.append((task.data_hash, pathway))
            moved += 1
        return Moved(moved, gone)

    def _rows(self, project_hash: str) -> dict[str, Row]:
        return self.work if project_hash == PRODUCTION else self.truth

    @staticmethod
    def _label_hash(project_hash: str, data_hash: str) -> str:
        return uuid(f"{project_hash} {data_hash}")

    def _metadata(self, project_hash: str, row: Row) -> LabelRow:
        return LabelRow(
            data_hash=row.data_hash,
            data_title=row.data_hash,
            dataset_hash=DATASET,
            branch_name="main",
            label_hash=self._label_hash(project_hash, row.data_hash) if row.is_initialised else None,
            last_edited_at=row.edited_at if row.is_initialised else None,
            last_actioned_by=row.annotator,
            stage_uuid=row.stage,
            stage_title="stage",
        )


def platform(units: int, *, stage: str = SCORE, right: bool = True, **options: Any) -> FakeEncord:
    """So many finished benchmark items, with work that stands at a stage."""
    hashes = [unit(number) for number in range(units)]
    return FakeEncord(
        work={h: Row(h, RIGHT if right else OTHER, stage) for h in hashes},
        truth={h: Row(h, RIGHT, COMPLETE) for h in hashes},
        **options,
    )


def deployment(**config: Any) -> Deployment:
    stages = {"scoring": [{"name": "Score", "pass_pathway": "Done", "fail_pathway": "Redo"}]}
    document = {"production_project": PRODUCTION, "benchmark_projects": [BENCHMARK], "stages": stages}
    return Deployment.model_validate(document | config)


def scorer_on(fake: FakeEncord, url: str | Path, **config: Any) -> Scorer:
    """A scorer of its own, with its own index of the truth and its own connections."""
    projects = ServedProjects(cast(Encord, fake), deployment(**config))
    where = url if isinstance(url, str) else f"sqlite:///{url}"
    return Scorer(projects, GroundTruth(projects, ttl_seconds=3600), SqlScoreStore(where))
