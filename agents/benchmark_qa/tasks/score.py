"""Score tasks: every annotator's labels of a data unit against its ground truth, recorded once."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from benchmark_qa import telemetry
from benchmark_qa.config.deployment import Deployment
from benchmark_qa.encord_api.errors import AnswerTooLarge
from benchmark_qa.encord_api.models import LabelRow
from benchmark_qa.encord_api.request_sizes import batches
from benchmark_qa.encord_api.reviews import PeoplesWork
from benchmark_qa.encord_api.sdk_internals import largest_body
from benchmark_qa.engine.errors import ScoringError
from benchmark_qa.engine.task import ENGINE_VERSION, score_task
from benchmark_qa.errors import RefusalError
from benchmark_qa.labels.annotations import Annotations
from benchmark_qa.labels.creators import label_creators
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row
from benchmark_qa.records.conflicts import conflict_counts, details_of
from benchmark_qa.records.score import Judged, ScoreIdentity, ScoreRecord, passed
from benchmark_qa.records.sketch import sketch_of
from benchmark_qa.store.errors import StoreError
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.store.truth_rulings import Standing, TruthRulings
from benchmark_qa.tasks.errors import (
    LabelsNotComparable,
    LabelsUnreadable,
    NoGroundTruth,
    NotABenchmarkDataUnit,
    NotSubmitted,
    UnknownDataUnit,
)
from benchmark_qa.tasks.ground_truth import GroundTruth, TruthRow
from benchmark_qa.tasks.projects import ServedProjects
from benchmark_qa.tasks.scoring_plan import (
    DataUnitScores,
    _Work,
    annotator_of,
    annotators_branches,
    is_with_annotators,
    submitted_branches,
)

LOOKED_UP_TOGETHER = 100
"""Data units whose earlier records are in memory at once"""


_log = logging.getLogger(__name__)


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
        ((scores,),) = self.score_in_bundles([data_hash])
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
        ontology = self.truth.ontology(self.projects.production)
        labels: dict[str, _Labels] = {}
        for bundle in self._read(work.label_hashes, ontology):
            labels |= bundle
        return self._score_one(work, self._with_truth([work], labels, ontology))

    def score_in_bundles(self, data_hashes: Sequence[str]) -> Iterator[list[DataUnitScores]]:
        """Score many data units with few requests: metadata of all at once, labels and truth in bundles.

        What is given has been recorded, and no more than one bundle need ever be in memory. Every data unit is given
        once, in no certain order; one that cannot be scored with its refusal, and the others are not held up.

        Raises:
            PlatformError
        """
        refused: list[DataUnitScores] = []
        planned: list[_Work] = []
        for data_hash, work in self._plans(data_hashes).items():
            if isinstance(work, RefusalError):
                refused.append(DataUnitScores(data_hash, refusal=work))
            else:
                planned.append(work)
        if refused:
            yield refused
        pending: list[_Work] = []
        for some in batches(planned, LOOKED_UP_TOGETHER):
            remaining = self._without_known(some)
            pending += [work for work in remaining if work.rows]
            done = [work.outcome() for work in remaining if not work.rows]
            if done:
                yield done
        yield from self._score(pending)

    def _plans(self, data_hashes: Sequence[str]) -> "dict[str, _Work | RefusalError]":
        """What is to be scored of each data unit, or why it cannot be."""
        production = self.projects.production.project_hash
        rows: dict[str, list[LabelRow]] = {data_hash: [] for data_hash in data_hashes}
        for row in self.projects.encord.label_rows(production, data_hashes=rows, all_branches=True):
            rows.setdefault(row.data_hash, []).append(row)
        truths = self.truth.rows(
            h for h, found in rows.items() if found and self.projects.is_benchmark_dataset(found[0].dataset_hash)
        )
        standings = self._standings(list(truths))
        submitted = self._submitted_parts([row for found in rows.values() for row in found])
        plans: dict[str, _Work | RefusalError] = {}
        for data_hash, branches in rows.items():
            try:
                plans[data_hash] = self._plan(data_hash, branches, truths, submitted).under(standings.get(data_hash))
            except RefusalError as refusal:
                plans[data_hash] = refusal
        return plans

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

    def _without_known(self, planned: Sequence[_Work]) -> list[_Work]:
        """The same work without the branches that have a score already: their records are in `known`."""
        keys = {(row.data_hash, row.branch_name): self._identity(row, w.truth).key for w in planned for row in w.rows}
        known = self._known(list(keys.values()))
        return [work.without(known, keys) for work in planned]

    def _score(self, pending: Sequence[_Work]) -> Iterator[list[DataUnitScores]]:
        """Score and record, as the labels come: each bundle completes some of the data units."""
        ontology = self.truth.ontology(self.projects.production)
        waiting = deque(pending)
        labels: dict[str, _Labels] = {}
        needed = dict.fromkeys(label_hash for work in pending for label_hash in work.label_hashes)
        for bundle in self._read(list(needed), ontology):
            labels |= bundle
            complete: list[_Work] = []
            while waiting and all(label_hash in labels for label_hash in waiting[0].label_hashes):
                complete.append(waiting.popleft())
            if complete:
                yield self._record(complete, labels, ontology)
            # Asked for in the order of the data units: whatever came is of those or of the one that is next.
            labels = {h: labels[h] for h in (waiting[0].label_hashes if waiting else ()) if h in labels}
        if waiting:  # those without any label row
            yield self._record(list(waiting), labels, ontology)

    def _record(
        self, complete: Sequence[_Work], labels: Mapping[str, "_Labels"], ontology: Ontology
    ) -> list[DataUnitScores]:
        fetched = self._with_truth(complete, labels, ontology)
        outcomes: list[DataUnitScores] = []
        fresh: list[ScoreRecord] = []
        for work in complete:
            try:
                made = self._score_one(work, fetched)
            except RefusalError as refusal:
                outcomes.append(DataUnitScores(work.truth.data_hash, refusal=refusal))
                continue
            fresh += made
            outcomes.append(work.outcome(made))
        if self._keep(fresh):
            return outcomes
        return [replace(each, kept=False) for each in outcomes]

    def _with_truth(self, work: Sequence[_Work], labels: Mapping[str, "_Labels"], ontology: Ontology) -> "_Fetched":
        truths = self.truth.annotations([each.truth for each in work], ontology)
        return _Fetched(truths, labels, ontology, at=datetime.now(UTC))

    def _read(self, label_hashes: Sequence[str], ontology: Ontology) -> Iterator[dict[str, "_Labels"]]:
        """Labels as arrays, bundle by bundle: of the JSON no more than one bundle is ever in memory."""
        encord, production = self.projects.encord, self.projects.production
        for bundle in encord.label_bundles_with_gaps(production.project_hash, label_hashes):
            yield {label_hash: _Labels.read(document, ontology) for label_hash, document in bundle.items()}

    def _score_one(self, work: _Work, fetched: "_Fetched") -> list[ScoreRecord]:
        """Records of the branches.

        Raises:
            LabelsUnreadable: the truth's or one of the branches' labels.
            LabelsNotComparable: one of the branches with the truth.
        """
        records = []
        rules = self.projects.deployment.scoring
        for row in work.rows:
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
            sketch = sketch_of(right, labels, fetched.ontology, score.conflicts)
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
                    details=details_of(score, sketch),
                    sketch=sketch,
                    submitted_at=row.last_edited_at if row.label_hash else None,
                )
            )
        return records

    def _known(self, keys: Sequence[str]) -> dict[str, ScoreRecord]:
        """Raises AnswerTooLarge: the records are larger than what may be read here, as Encord's answers may be."""
        largest = largest_body()
        try:
            if largest is not None and self.store.size_of_details(keys) > largest:
                raise AnswerTooLarge("earlier scores are too large to be read here")
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
    def read(cls, document: Mapping[str, Any] | None, ontology: Ontology) -> Self:
        if document is None:
            return cls(LabelReadError("label row", "Encord does not return it"))
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


def judge(records: Iterable[ScoreRecord], deployment: Deployment) -> list[Judged]:
    """One verdict per annotator of a data unit."""
    return [
        Judged(
            annotator=record.annotator,
            score=record.score,
            passed=passed(record, deployment.score_to_pass) is not False,
            conflicts=conflict_counts(record.details),
        )
        for record in records
    ]
