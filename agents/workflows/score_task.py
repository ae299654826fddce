"""Score tasks: every annotator's labels of a data unit against its ground truth, recorded once."""

import logging
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from agents import telemetry
from agents.labels import Annotations, LabelReadError, Ontology, read_label_row
from agents.labels.creators import label_creators
from agents.platform import LabelRow, PeoplesWork
from agents.records import ScoreIdentity, ScoreRecord, sketch_of
from agents.scoring import ENGINE_VERSION, ScoringError, score_task
from agents.store import SqlScoreStore, Standing, StoreError, TruthRulings
from agents.workflows.branches import annotator_of, annotators_branches, is_with_annotators, submitted_branches
from agents.workflows.errors import (
    LabelsNotComparable,
    LabelsUnreadable,
    NoGroundTruth,
    NotABenchmarkDataUnit,
    NotSubmitted,
    RefusalError,
    UnknownDataUnit,
)
from agents.workflows.projects import ServedProjects
from agents.workflows.truth import GroundTruth, TruthRow

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DataUnitScores:
    """The scores of one data unit: one record per annotator, or the reason why there are none."""

    data_hash: str
    records: tuple[ScoreRecord, ...] = ()
    kept: bool = True
    """False: the store could not be used; the next delivery scores and records again"""
    refusal: RefusalError | None = None
    complete: bool = True
    """False: the task is still with its annotators, some branches are not submitted"""


@dataclass(frozen=True)
class _Work:
    """What is to be scored of one data unit."""

    truth: TruthRow
    rows: tuple[LabelRow, ...]
    complete: bool = True
    accepted: tuple[str, ...] = ()
    """Label rows that count as right besides the truth"""

    def under(self, standing: Standing | None) -> "_Work":
        """With what people have ruled: the truth is as new as the last ruling on it."""
        if standing is None:
            return self
        edited = max(self.truth.edited_at or standing.ruled_at, standing.ruled_at)
        return replace(self, truth=replace(self.truth, edited_at=edited), accepted=standing.label_hashes)


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
            RefusalError: of the kind that says why it cannot be scored.
            PlatformError
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
            RefusalError: of the kind that says why it cannot be scored.
            PlatformError
        """
        submitted = self._submitted_parts(rows) if submitted_only else None
        work = self._plan(rows[0].data_hash, rows, self.truth.rows([rows[0].data_hash]), submitted)
        return list(self._score_one(work, work.rows, self._fetch([work])))

    def score_data_units(self, data_hashes: Sequence[str]) -> list[DataUnitScores]:
        """Score many data units with as few requests as one: metadata, labels and truth are fetched in bundles.

        A data unit that cannot be scored gets its refusal; the others are not held up.
        """
        production = self.projects.production.project_hash
        rows: dict[str, list[LabelRow]] = {data_hash: [] for data_hash in data_hashes}
        for row in self.projects.encord.label_rows(production, data_hashes=rows, all_branches=True):
            rows.setdefault(row.data_hash, []).append(row)
        truths = self.truth.rows(
            h for h, found in rows.items() if found and self.projects.is_benchmark_dataset(found[0].dataset_hash)
        )
        standings = self._standings(list(truths))
        submitted = self._submitted_parts([row for found in rows.values() for row in found])
        outcomes: dict[str, DataUnitScores] = {}
        planned: list[_Work] = []
        for data_hash, branches in rows.items():
            try:
                planned.append(self._plan(data_hash, branches, truths, submitted).under(standings.get(data_hash)))
            except RefusalError as refusal:
                outcomes[data_hash] = DataUnitScores(data_hash, refusal=refusal)
        outcomes |= self._score(planned)
        return [outcomes[data_hash] for data_hash in data_hashes]

    def _submitted_parts(self, rows: Sequence[LabelRow]) -> Set[tuple[str, str]]:
        """What is submitted of tasks that are still with their annotators; asks Encord only if there are such."""
        production = self.projects.production
        waiting = sorted({row.data_hash for row in rows if is_with_annotators(production, [row])})
        if not waiting:
            return frozenset()
        return PeoplesWork(self.projects.encord, production.project_hash).submitted_parts(waiting)

    def _plan(
        self,
        data_hash: str,
        rows: Sequence[LabelRow],
        truths: Mapping[str, TruthRow],
        submitted: Set[tuple[str, str]] | None,
    ) -> _Work:
        """What is to be scored of one data unit: its submitted branches, or all of them where `submitted` is None."""
        if not rows:
            raise UnknownDataUnit(f"the project has no data unit {data_hash}")
        if self.projects.side_of(rows[0].dataset_hash) != "benchmark":
            raise NotABenchmarkDataUnit(f"data unit {data_hash} is in no benchmark dataset: there is nothing to score")
        truth = truths.get(data_hash)
        if truth is None or not truth.finished:
            stage = f"at stage '{truth.stage_title}'" if truth and truth.stage_title else "absent"
            raise NoGroundTruth(f"no ground truth yet for data unit {data_hash}: its benchmark task is {stage}")
        self.projects.require_same_ontology(self.projects.encord.project(truth.benchmark_project))
        branches = self.projects.deployment.branches
        if submitted is None:
            chosen = annotators_branches(rows, branches)
        else:
            chosen = submitted_branches(self.projects.production, rows, branches, submitted)
        if not chosen:
            raise NotSubmitted(f"no annotator has submitted labels of data unit {data_hash} yet")
        return _Work(truth, tuple(chosen), not is_with_annotators(self.projects.production, rows))

    def _score(self, planned: Sequence[_Work]) -> dict[str, DataUnitScores]:
        keys = {(row.data_hash, row.branch_name): self._identity(row, w.truth).key for w in planned for row in w.rows}
        known = self._known(list(keys.values()))
        pending = {
            work.truth.data_hash: rows
            for work in planned
            if (rows := tuple(row for row in work.rows if keys[row.data_hash, row.branch_name] not in known))
        }
        fetched = self._fetch([replace(work, rows=pending.get(work.truth.data_hash, ())) for work in planned])
        outcomes: dict[str, DataUnitScores] = {}
        fresh: list[ScoreRecord] = []
        for work in planned:
            data_hash = work.truth.data_hash
            try:
                made = self._score_one(work, pending.get(data_hash, ()), fetched)
            except RefusalError as refusal:
                outcomes[data_hash] = DataUnitScores(data_hash, refusal=refusal)
                continue
            fresh += made
            found = [known[key] for row in work.rows if (key := keys[row.data_hash, row.branch_name]) in known]
            outcomes[data_hash] = DataUnitScores(data_hash, (*found, *made), complete=work.complete)
        if self._keep(fresh):
            return outcomes
        return {data_hash: replace(each, kept=False) for data_hash, each in outcomes.items()}

    def _fetch(self, work: Sequence[_Work]) -> "_Fetched":
        """Truth and labels of everything that is to be scored, in bundles."""
        needed = [item for item in work if item.rows]
        production = self.projects.production
        hashes = [row.label_hash for item in needed for row in item.rows if row.label_hash]
        hashes += [label_hash for item in needed for label_hash in item.accepted if label_hash not in hashes]
        ontology = self.truth.ontology(production)
        return _Fetched(
            truths=self.truth.annotations([item.truth for item in needed], ontology),
            labels=self._read(hashes, ontology),
            ontology=ontology,
            at=datetime.now(UTC),
        )

    def _read(self, label_hashes: Sequence[str], ontology: Ontology) -> dict[str, "_Labels"]:
        """Labels as arrays, bundle by bundle: of the JSON no more than one bundle is ever in memory."""
        encord, production = self.projects.encord, self.projects.production
        return {
            label_hash: _Labels.read(document, ontology)
            for bundle in encord.label_bundles(production.project_hash, label_hashes)
            for label_hash, document in bundle.items()
        }

    def _score_one(self, work: _Work, rows: Sequence[LabelRow], fetched: "_Fetched") -> list[ScoreRecord]:
        """Records of these branches.

        Raises:
            LabelsUnreadable: the truth's or one of the branches' labels.
            LabelsNotComparable: one of the branches with the truth.
        """
        records = []
        rules = self.projects.deployment.scoring
        for row in rows:
            truth = fetched.truths[row.data_hash]
            if isinstance(truth, LabelReadError):
                raise LabelsUnreadable(f"the ground truth of data unit {row.data_hash} cannot be read: {truth}")
            given = fetched.labels[row.label_hash] if row.label_hash else _Labels(Annotations.empty())
            where = f"branch {row.branch_name} of data unit {row.data_hash}"
            try:
                labels = given.arrays()
                rights = [truth, *fetched.accepted(work)]
                scored = [(score_task(right, labels, fetched.ontology, rules), right) for right in rights]
            except LabelReadError as error:
                raise LabelsUnreadable(f"the labels on {where} cannot be read: {error}") from None
            except ScoringError as error:
                raise LabelsNotComparable(f"the labels on {where} cannot be scored: {error}") from None
            # Whoever meets one of several right answers is right: the best score counts, the truth's among equals.
            score, right = max(scored, key=lambda each: -1.0 if each[0].score is None else each[0].score)
            records.append(
                ScoreRecord(
                    identity=self._identity(row, work.truth),
                    annotator=annotator_of(row, given.creators),
                    data_title=row.data_title,
                    scored_at=fetched.at,
                    score=score.score,
                    passed=score.passed,
                    true_positives=score.objects.true_positives,
                    false_positives=score.objects.false_positives,
                    false_negatives=score.objects.false_negatives,
                    similarity_sum=score.objects.similarity_sum,
                    classifications_correct=score.classifications.correct,
                    classifications_total=score.classifications.expected + score.classifications.spurious,
                    attributes_correct=score.attributes.correct,
                    attributes_total=score.attributes.expected + score.attributes.spurious,
                    dataset_hash=row.dataset_hash,
                    details=score.to_dict(),
                    sketch=sketch_of(right, labels, fetched.ontology),
                )
            )
        return records

    def _known(self, keys: Sequence[str]) -> dict[str, ScoreRecord]:
        try:
            return self.store.find(keys)
        except StoreError as error:
            _log.error("scores cannot be looked up: %s", error)
            return {}

    def _standings(self, data_hashes: Sequence[str]) -> dict[str, Standing]:
        """Answers accepted besides the truth; none where the store cannot say."""
        if not data_hashes:
            return {}
        try:
            return TruthRulings(self.store.database).standings(self.projects.production.project_hash, data_hashes)
        except StoreError as error:
            _log.error("rulings cannot be looked up: %s", error)
            return {}

    def _keep(self, records: Sequence[ScoreRecord]) -> bool:
        """People's work must not wait for our database: without it the answer is given and said to be unrecorded."""
        if not records:
            return True
        telemetry.scores.add(len(records))
        try:
            self.store.save(records)
        except StoreError as error:
            _log.error("%d scores were not recorded: %s", len(records), error)
            telemetry.unrecorded_scores.add(len(records))
            return False
        return True

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
class _Labels:
    """One label row as arrays, or why it cannot be read; and who has created its labels."""

    read_as: Annotations | LabelReadError
    creators: frozenset[str] = frozenset()

    @classmethod
    def read(cls, document: Mapping[str, Any], ontology: Ontology) -> Self:
        try:
            return cls(read_label_row(document, ontology), frozenset(label_creators(document)))
        except LabelReadError as error:
            return cls(error)

    def arrays(self) -> Annotations:
        """Raises LabelReadError."""
        if isinstance(self.read_as, LabelReadError):
            raise self.read_as
        return self.read_as


@dataclass(frozen=True)
class _Fetched:
    """What Encord was asked for before scoring."""

    truths: Mapping[str, Annotations | LabelReadError]
    labels: Mapping[str, _Labels]
    ontology: Ontology
    at: datetime

    def accepted(self, work: _Work) -> list[Annotations]:
        """What counts as right besides the truth. Raises LabelReadError."""
        return [self.labels[label_hash].arrays() for label_hash in work.accepted if label_hash in self.labels]
