"""Score tasks: compare every annotator's labels with the ground truth and record the score once."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from benchmark_qa import telemetry
from benchmark_qa.config.deployment import Deployment
from benchmark_qa.encord_api.errors import AnswerTooLarge
from benchmark_qa.encord_api.models import LabelRow
from benchmark_qa.encord_api.retries import batches
from benchmark_qa.encord_api.sdk_internals import largest_body
from benchmark_qa.engine.errors import ScoringError
from benchmark_qa.engine.task import ENGINE_VERSION, score_task
from benchmark_qa.errors import RefusalError
from benchmark_qa.labels.annotations import Annotations
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.records.score import Judged, ScoreIdentity, ScoreRecord, conflict_counts, details_of, passed
from benchmark_qa.records.sketch import sketch_of
from benchmark_qa.store.errors import StoreError
from benchmark_qa.store.promotion import SeenTruth, TruthVersions
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks.errors import LabelsNotComparable, LabelsUnreadable, TruthChanging, UnitBrokeDown
from benchmark_qa.tasks.ground_truth import GroundTruth, one_unit
from benchmark_qa.tasks.projects import ServedProjects
from benchmark_qa.tasks.scoring_plan import (
    Attempt,
    DataUnitScores,
    Fetched,
    HandedIn,
    Labels,
    PlannedUnit,
    Planner,
)

ATTEMPTS = 4
"""Attempts at reading labels and truth that change meanwhile."""
LOOKED_UP_TOGETHER = 100
"""Data units whose earlier records are in memory at the same time."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scorer:
    """Scores data units of the production project."""

    projects: ServedProjects
    truth: GroundTruth
    store: SqlScoreStore

    @property
    def _planner(self) -> Planner:
        return Planner(self.projects, self.truth, self.store)

    def score_data_unit(self, project_hash: str, data_hash: str) -> DataUnitScores:
        """Score one data unit and record the scores.

        Requests to Encord with cached projects and truth index: 3 for the first score, for any number of branches; 1 if
        nothing has changed since.

        Raises:
            RefusalError: the subclass says why it cannot be scored.
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
            RefusalError: the subclass says why it cannot be scored.
            PlatformError
        """
        submitted = self._planner.submitted_parts(rows) if submitted_only else None
        truths, missing = self.truth.rows([rows[0].data_hash]), self.projects.branches_missing(rows)
        work = self._planner.plan(rows[0].data_hash, rows, truths, submitted, missing)
        ontology = self.truth.ontology(self.projects.production)
        labels: dict[str, Labels] = {}
        for bundle in self._read(work.label_hashes, ontology, {}, Attempt()):
            labels |= bundle
        with one_unit(f"data unit {work.truth.data_hash}", "scored"):
            authors = self._authors([work], labels)
            return self._score_one(work, self._with_truth([work], labels, ontology, Attempt()), authors)

    def score_in_bundles(
        self, data_hashes: Sequence[str], handed_in: Mapping[str, HandedIn | None] | None = None
    ) -> Iterator[list[DataUnitScores]]:
        """Score many data units with few requests: one for all metadata, bundles for labels and truth.

        The yielded scores are recorded, and at most one bundle is in memory. Every data unit is yielded once, in any
        order. A data unit that cannot be scored is yielded with its refusal and does not stop the others. Labels or
        truth that changed while they were read are read again.

        Args:
            data_hashes: of the production project.
            handed_in: for work that left the annotators some time ago, at any stage: when it was submitted, or None if
                unknown.

        Raises:
            StoreError: data needed for scoring cannot be read, or a score cannot be recorded.
            TruthChanging: some data units changed in every attempt; all others have been yielded.
            PlatformError
        """
        attempt = Attempt(handed_in=handed_in or {})
        wanted = data_hashes
        for _ in range(ATTEMPTS):
            yield from self._attempt(wanted, attempt)
            wanted = list(attempt.again)
            if not wanted:
                return
            self.truth.forget(wanted)
            attempt = attempt.next()
        raise TruthChanging(f"labels or ground truth of {len(wanted)} data units keep changing: try again")

    def _attempt(self, data_hashes: Sequence[str], attempt: Attempt) -> Iterator[list[DataUnitScores]]:
        refused: list[DataUnitScores] = []
        planned: list[PlannedUnit] = []
        for data_hash, work in self._planner.plans(data_hashes, attempt.handed_in).items():
            if isinstance(work, RefusalError):
                refused.append(DataUnitScores(data_hash, refusal=work))
            else:
                planned.append(work)
        if refused:
            yield refused
        pending: list[PlannedUnit] = []
        for some in batches(planned, LOOKED_UP_TOGETHER):
            remaining = self._without_known(some)
            pending += [work for work in remaining if work.rows]
            done = [work.outcome() for work in remaining if not work.rows]
            if done:
                yield done
        for scored in self._score(pending, attempt):
            if scored:
                yield scored

    def tell_of_truth(self, data_hashes: Sequence[str]) -> None:
        """Tell every instance that the truth of these has changed.

        Scores against the earlier truth are out of date. They are marked as stale until new scores are recorded.

        Raises:
            StoreError, PlatformError
        """
        production = self.projects.production.project_hash
        rows = self.truth.rows(data_hashes)
        seen = {h: SeenTruth(row.label_hash, row.edited_at) for h, row in rows.items() if row.edited_at}
        TruthVersions(self.store.database).note(production, seen)
        self.store.mark_stale(production, data_hashes, "the ground truth has changed")

    def without_store(self, data_hashes: Sequence[str]) -> list[DataUnitScores]:
        """The result of these data units without the store: each not kept, or its refusal."""
        plans = self._planner.plans_of(data_hashes, {}, ruled=False)
        return [
            DataUnitScores(data_hash, refusal=plan)
            if isinstance(plan, RefusalError)
            else DataUnitScores(data_hash, kept=False)
            for data_hash, plan in plans.items()
        ]

    def _without_known(self, planned: Sequence[PlannedUnit]) -> list[PlannedUnit]:
        """The work without the branches that already have a score. Their records are in `known`."""
        keys = {(row.data_hash, row.branch_name): self._identity(row, w).key for w in planned for row in w.rows}
        known = self._known(list(keys.values()))
        return [work.without(known, keys) for work in planned]

    def _score(self, pending: Sequence[PlannedUnit], attempt: Attempt) -> Iterator[list[DataUnitScores]]:
        """Score and record as the labels arrive. Each bundle completes some of the data units."""
        ontology = self.truth.ontology(self.projects.production)
        waiting = deque(pending)
        labels: dict[str, Labels] = {}
        needed = dict.fromkeys(label_hash for work in pending for label_hash in work.label_hashes)
        edited = {row.label_hash: row.last_edited_at for work in pending for row in work.rows if row.label_hash}
        for bundle in self._read(list(needed), ontology, edited, attempt):
            labels |= bundle
            complete: list[PlannedUnit] = []
            while waiting and all(label_hash in labels for label_hash in waiting[0].label_hashes):
                complete.append(waiting.popleft())
            if complete:
                yield self._record(complete, labels, ontology, attempt)
            # Labels are requested in the order of the data units. So labels in memory belong to complete data units or
            # to the next one, except those kept from an earlier attempt.
            rest = waiting if attempt.labels else list(waiting)[:1]
            labels = {h: labels[h] for work in rest for h in work.label_hashes if h in labels}
        if waiting:  # data units without any label row
            yield self._record(list(waiting), labels, ontology, attempt)

    def _record(
        self, complete: Sequence[PlannedUnit], labels: Mapping[str, Labels], ontology: Ontology, attempt: Attempt
    ) -> list[DataUnitScores]:
        fetched, authors = self._with_truth(complete, labels, ontology, attempt), self._authors(complete, labels)
        outcomes: dict[str, DataUnitScores] = {}
        fresh: list[ScoreRecord] = []
        for work in complete:
            if fetched.has_moved(work):
                attempt.repeat(work, fetched)
                continue
            try:
                with one_unit(f"data unit {work.truth.data_hash}", "scored"):
                    made = self._score_one(work, fetched, authors)
            except RefusalError as refusal:
                outcomes[work.truth.data_hash] = DataUnitScores(work.truth.data_hash, refusal=refusal)
                continue
            fresh += made
            outcomes[work.truth.data_hash] = work.outcome(made)
        behind = self._keep(fresh)
        for work in complete:
            if work.truth.data_hash in behind:
                attempt.repeat(work, fetched)
        return [outcome for data_hash, outcome in outcomes.items() if data_hash not in behind]

    def _with_truth(
        self, work: Sequence[PlannedUnit], labels: Mapping[str, Labels], ontology: Ontology, attempt: Attempt
    ) -> Fetched:
        at_hand = {each.truth.data_hash: kept for each in work if (kept := attempt.truth_of(each.truth)) is not None}
        missing = [each.truth for each in work if each.truth.data_hash not in at_hand]
        truth = self.truth.annotations(missing, ontology)
        return Fetched(
            replace(truth, annotations={**truth.annotations, **at_hand}), labels, ontology, datetime.now(UTC)
        )

    def _read(
        self, label_hashes: Sequence[str], ontology: Ontology, edited: Mapping[str, datetime | None], attempt: Attempt
    ) -> Iterator[dict[str, Labels]]:
        """Labels as arrays, one bundle at a time: the JSON of at most one bundle is in memory."""
        at_hand = {h: kept for h in label_hashes if (kept := attempt.labels_of(h, edited.get(h))) is not None}
        if at_hand:
            yield at_hand
        missing = [label_hash for label_hash in label_hashes if label_hash not in at_hand]
        for bundle in self.projects.encord.label_bundles_with_gaps(self.projects.production.project_hash, missing):
            yield {h: Labels.read(document, ontology, edited.get(h)) for h, document in bundle.items()}

    def _authors(
        self, work: Sequence[PlannedUnit], labels: Mapping[str, Labels]
    ) -> Mapping[tuple[str, str], str | None]:
        """The annotator of each branch, by (data hash, branch)."""
        rows = [row for each in work for row in each.rows]
        known = [(each.truth.data_hash, record.annotator) for each in work for record in each.known]
        return self.projects.authors(
            [(row, labels[row.label_hash].made_by() if row.label_hash else None) for row in rows], known
        )

    def _score_one(
        self, work: PlannedUnit, fetched: Fetched, authors: Mapping[tuple[str, str], str | None]
    ) -> list[ScoreRecord]:
        """Score records of the branches.

        Raises:
            LabelsUnreadable: the labels of the truth or of a branch.
            LabelsNotComparable: a branch cannot be scored against the truth.
        """
        records = []
        rules = self.projects.deployment.scoring
        for row in work.rows:
            truth = fetched.truth.annotations[row.data_hash]
            if isinstance(truth, UnitBrokeDown):
                raise truth
            if isinstance(truth, LabelReadError):
                raise LabelsUnreadable(f"the ground truth of data unit {row.data_hash} cannot be read: {truth}")
            given = fetched.labels[row.label_hash] if row.label_hash else Labels(Annotations.empty())
            where = f"branch {row.branch_name} of data unit {row.data_hash}"
            try:
                labels = given.arrays()
                rights = [truth, *fetched.accepted(work)]
                scored = [(score_task(right, labels, fetched.ontology, rules), right) for right in rights]
            except LabelReadError as error:
                raise LabelsUnreadable(f"the labels on {where} cannot be read: {error}") from None
            except ScoringError as error:
                raise LabelsNotComparable(f"the labels on {where} cannot be scored: {error}") from None
            # Labels that match one of several right answers are right: the best score counts, and the truth's score
            # among equals.
            score, right = max(scored, key=lambda each: -1.0 if each[0].score is None else each[0].score)
            sketch = sketch_of(right, labels, fetched.ontology, score.conflicts)
            annotator = authors[row.data_hash, row.branch_name]
            records.append(
                ScoreRecord(
                    identity=self._identity(row, work),
                    annotator=annotator,
                    data_title=row.data_title,
                    scored_at=fetched.at,
                    score=score.score,
                    passed=score.passed,
                    true_positives=score.objects.true_positives,
                    false_positives=score.objects.false_positives,
                    false_negatives=score.objects.false_negatives,
                    similarity_sum=score.objects.similarity_sum,
                    classifications_correct=score.classifications.correct,
                    classifications_total=score.classifications.compared,
                    attributes_correct=score.attributes.correct,
                    attributes_total=score.attributes.compared,
                    dataset_hash=row.dataset_hash,
                    details=details_of(score, sketch),
                    sketch=sketch,
                    submitted_at=work.submitted_at(row, annotator),
                )
            )
        return records

    def _known(self, keys: Sequence[str]) -> dict[str, ScoreRecord]:
        """Stored records by key. Raises AnswerTooLarge if they exceed the limit for answers from Encord."""
        largest = largest_body()
        if largest is not None and self.store.size_of_details(keys) > largest:
            raise AnswerTooLarge("earlier scores are too large to be read here")
        return self.store.find(keys)

    def _keep(self, records: Sequence[ScoreRecord]) -> frozenset[str]:
        """Save records; returns the data units to score again against newer truth. Raises StoreError."""
        if not records:
            return frozenset()
        telemetry.scores.add(len(records))
        try:
            return self.store.save(records)
        except StoreError as error:
            facts = {"event": "score_unrecorded", "number": len(records)}
            _log.error("%d scores were not recorded: %s", len(records), error, extra=facts)
            telemetry.unrecorded_scores.add(len(records))
            raise

    def _identity(self, row: LabelRow, work: PlannedUnit) -> ScoreIdentity:
        deployment, truth = self.projects.deployment, work.truth
        return ScoreIdentity(
            production_project=str(deployment.production_project),
            benchmark_project=truth.benchmark_project,
            data_hash=row.data_hash,
            branch_name=row.branch_name,
            label_hash=row.label_hash,
            labels_edited_at=row.last_edited_at if row.label_hash else None,
            truth_label_hash=truth.label_hash,
            truth_edited_at=truth.version,
            config_fingerprint=deployment.scoring.fingerprint(),
            engine_version=ENGINE_VERSION,
            late=work.is_late(row),
        )


def judge_data_unit(records: Iterable[ScoreRecord], deployment: Deployment) -> list[Judged]:
    """Passed or not, with score and conflicts, for each annotator of a data unit."""
    return [
        Judged(
            annotator=record.annotator,
            score=record.score,
            passed=passed(record, deployment.score_to_pass) is not False,
            conflicts=conflict_counts(record.details),
        )
        for record in records
    ]
