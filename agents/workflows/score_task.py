"""Score tasks: every annotator's labels of a data unit against its ground truth, recorded once."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from agents.config import Branches
from agents.labels import Annotations, read_label_row
from agents.labels.creators import label_creators
from agents.platform import LabelRow, Project
from agents.records import ScoreIdentity, ScoreRecord
from agents.scoring import ENGINE_VERSION, TaskScore, score_task
from agents.store import SqlScoreStore, StoreError
from agents.workflows.errors import (
    NoGroundTruth,
    NotABenchmarkDataUnit,
    NotSubmitted,
    RefusalError,
    UnknownDataUnit,
)
from agents.workflows.projects import ServedProjects
from agents.workflows.truth import GroundTruth, TruthRow

_log = logging.getLogger(__name__)
_UNFINISHED = ("ANNOTATION", "CONSENSUS_ANNOTATION")
_SUBMITTED = ("COMPLETED", "IN_REVIEW")


@dataclass(frozen=True)
class DataUnitScores:
    """The scores of one data unit: one record per annotator, or the reason why there are none."""

    data_hash: str
    records: tuple[ScoreRecord, ...] = ()
    kept: bool = True
    """False: the store could not be used; the next delivery scores and records again"""
    refusal: RefusalError | None = None


@dataclass(frozen=True)
class Scorer:
    """Scores data units of the production project."""

    projects: ServedProjects
    truth: GroundTruth
    store: SqlScoreStore

    def score_data_unit(self, project_hash: str, data_hash: str) -> DataUnitScores:
        """Score one data unit and record it.

        Requests to Encord with projects and truth index warm: 3 for the first score, whatever the number of
        branches; 1 when nothing has changed since.

        Raises:
            ProjectNotServed, UnknownDataUnit, NotABenchmarkDataUnit, DatasetNotServed, NoGroundTruth, NotSubmitted,
            OntologiesDiffer, LabelReadError, PlatformError
        """
        self.projects.require_served(project_hash)
        (scores,) = self.score_data_units([data_hash])
        if scores.refusal is not None:
            raise scores.refusal
        return scores

    def preview(self, rows: Sequence[LabelRow], *, submitted_only: bool) -> list[ScoreRecord]:
        """Score branches of one data unit as they are now, without recording anything.

        Args:
            rows: all label rows of the data unit.
            submitted_only: False: also work that its annotator has not submitted yet.

        Raises:
            NotABenchmarkDataUnit, NoGroundTruth, NotSubmitted, OntologiesDiffer, LabelReadError, PlatformError
        """
        production = self.projects.production
        data_hash = rows[0].data_hash
        work = self._plan(production, data_hash, rows, self.truth.rows([data_hash]).get(data_hash), submitted_only)
        identities = {(row.data_hash, row.branch_name): self._identity(row, work.truth) for row in work.rows}
        return list(self._score_pending(production, [work], identities).values())

    def score_data_units(self, data_hashes: Sequence[str]) -> list[DataUnitScores]:
        """Score many data units with as few requests as one: metadata, labels and truth are fetched in bundles.

        A data unit that cannot be scored gets its refusal; the others are not held up.
        """
        production = self.projects.production
        rows: dict[str, list[LabelRow]] = {data_hash: [] for data_hash in data_hashes}
        for row in self.projects.encord.label_rows(production.project_hash, data_hashes=rows, all_branches=True):
            rows.setdefault(row.data_hash, []).append(row)
        benchmark = [h for h in rows if rows[h] and self.projects.is_benchmark_dataset(rows[h][0].dataset_hash)]
        truths = self.truth.rows(benchmark)
        work: list[_Work] = []
        refused: dict[str, RefusalError] = {}
        for data_hash, branches in rows.items():
            try:
                work.append(self._plan(production, data_hash, branches, truths.get(data_hash)))
            except RefusalError as refusal:
                refused[data_hash] = refusal
        scored = self._score(production, work)
        return [DataUnitScores(h, refusal=refused[h]) if h in refused else scored[h] for h in data_hashes]

    def _plan(
        self,
        production: Project,
        data_hash: str,
        rows: Sequence[LabelRow],
        truth: TruthRow | None,
        submitted_only: bool = True,
    ) -> "_Work":
        if not rows:
            raise UnknownDataUnit(f"the project has no data unit {data_hash}")
        if self.projects.side_of(rows[0].dataset_hash) != "benchmark":
            raise NotABenchmarkDataUnit(
                f"data unit {data_hash} is in no benchmark dataset: there is nothing to score"
            )
        if truth is None or not truth.finished:
            stage = f"at stage '{truth.stage_title}'" if truth and truth.stage_title else "absent"
            raise NoGroundTruth(f"no ground truth yet for data unit {data_hash}: its benchmark task is {stage}")
        self.projects.require_same_ontology(self.projects.encord.project(truth.benchmark_project))
        branches = self.projects.deployment.branches
        submitted = (
            submitted_branches(production, rows, branches) if submitted_only else annotators_branches(rows, branches)
        )
        if not submitted:
            raise NotSubmitted(f"no annotator has submitted labels of data unit {data_hash} yet")
        return _Work(truth, tuple(submitted))

    def _score(self, production: Project, work: Sequence["_Work"]) -> Mapping[str, DataUnitScores]:
        identities = {
            (item.truth.data_hash, row.branch_name): self._identity(row, item.truth)
            for item in work
            for row in item.rows
        }
        known = self._known([identity.key for identity in identities.values()])
        pending = [
            _Work(item.truth, rows)
            for item in work
            if (rows := tuple(r for r in item.rows if identities[r.data_hash, r.branch_name].key not in known))
        ]
        fresh = self._score_pending(production, pending, identities) if pending else {}
        kept = self._keep(list(fresh.values()))
        return {
            item.truth.data_hash: DataUnitScores(
                item.truth.data_hash,
                tuple(
                    known.get(identity.key) or fresh[identity.key]
                    for identity in (identities[row.data_hash, row.branch_name] for row in item.rows)
                ),
                kept=kept,
            )
            for item in work
        }

    def _known(self, keys: Sequence[str]) -> dict[str, ScoreRecord]:
        try:
            return self.store.find(keys)
        except StoreError as error:
            _log.error("scores cannot be looked up: %s", error)
            return {}

    def _keep(self, records: Sequence[ScoreRecord]) -> bool:
        """People's work must not wait for our database: without it the answer is given and said to be unrecorded."""
        if not records:
            return True
        try:
            self.store.save(records)
        except StoreError as error:
            _log.error("%d scores were not recorded: %s", len(records), error)
            return False
        return True

    def _score_pending(
        self,
        production: Project,
        pending: Sequence["_Work"],
        identities: Mapping[tuple[str, str], ScoreIdentity],
    ) -> dict[str, ScoreRecord]:
        truths = self.truth.annotations(item.truth for item in pending)
        labels = self.projects.encord.labels(
            production.project_hash, [row.label_hash for item in pending for row in item.rows if row.label_hash]
        )
        ontology = self.truth.ontology(production)
        now = datetime.now(UTC)
        records = {}
        for item in pending:
            for row in item.rows:
                identity = identities[row.data_hash, row.branch_name]
                document = labels.get(row.label_hash) if row.label_hash else None
                annotations = read_label_row(document, ontology) if document is not None else Annotations.empty()
                score = score_task(truths[row.data_hash], annotations, ontology, self.projects.deployment.scoring)
                records[identity.key] = _record(identity, row, _annotator(row, document), score, now)
        return records

    def _identity(self, row: LabelRow, truth: TruthRow) -> ScoreIdentity:
        deployment = self.projects.deployment
        return ScoreIdentity(
            production_project=str(deployment.production_project),
            benchmark_project=truth.benchmark_project,
            data_hash=row.data_hash,
            branch_name=row.branch_name,
            label_hash=row.label_hash,
            labels_edited_at=row.last_edited_at if row.label_hash else None,
            truth_label_hash=truth.label_hash,
            truth_edited_at=truth.edited_at if truth.label_hash else None,
            config_fingerprint=deployment.scoring.fingerprint(),
            engine_version=ENGINE_VERSION,
        )


@dataclass(frozen=True)
class _Work:
    """What is to be scored of one data unit."""

    truth: TruthRow
    rows: tuple[LabelRow, ...]


def submitted_branches(project: Project, rows: Iterable[LabelRow], branches: Branches) -> list[LabelRow]:
    """The label rows that are annotators' finished work: the consensus branches, or `main` where there are none.

    A row is submitted when its task has left the annotation stages, or, inside a consensus block that still waits
    for others, when the platform says that the branch's own task is done.
    """
    kinds = {stage.uuid: stage.kind for stage in project.stages}
    return [
        row
        for row in annotators_branches(rows, branches)
        if kinds.get(row.stage_uuid or "") not in _UNFINISHED or row.task_status in _SUBMITTED
    ]


def annotators_branches(rows: Iterable[LabelRow], branches: Branches) -> list[LabelRow]:
    """The label rows that are annotators' work, finished or not, by branch name."""
    candidates = [row for row in rows if not any(fnmatchcase(row.branch_name, p) for p in branches.ignore)]
    consensus = [row for row in candidates if fnmatchcase(row.branch_name, branches.consensus)]
    chosen = consensus or [row for row in candidates if row.branch_name == "main"]
    return sorted(chosen, key=lambda row: row.branch_name)


def _annotator(row: LabelRow, document: Mapping[str, Any] | None) -> str | None:
    """Who made the labels: who last acted on the branch, or else their single creator. Never a guess."""
    if row.last_actioned_by:
        return row.last_actioned_by
    creators = label_creators(document or {})
    if len(creators) == 1:
        return next(iter(creators))
    _log.warning("branch %s of data unit %s has no known annotator", row.branch_name, row.data_hash)
    return None


def _record(
    identity: ScoreIdentity, row: LabelRow, annotator: str | None, score: TaskScore, scored_at: datetime
) -> ScoreRecord:
    objects, classifications = score.objects, score.classifications
    return ScoreRecord(
        identity=identity,
        annotator=annotator,
        data_title=row.data_title,
        scored_at=scored_at,
        score=score.score,
        passed=score.passed,
        true_positives=objects.true_positives,
        false_positives=objects.false_positives,
        false_negatives=objects.false_negatives,
        similarity_sum=objects.similarity_sum,
        classifications_correct=classifications.correct,
        classifications_total=classifications.expected + classifications.spurious,
        details=score.to_dict(),
    )
