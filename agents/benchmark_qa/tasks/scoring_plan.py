"""Plan the scoring of data units: which label rows, by whom, against which truth; and the labels that were read."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from benchmark_qa.encord_api.client import Found, is_of_another_time
from benchmark_qa.encord_api.models import LabelRow
from benchmark_qa.encord_api.reviews import PeoplesWork
from benchmark_qa.errors import RefusalError
from benchmark_qa.labels.annotations import Annotations, label_creators
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.store.promotion import LONG_AGO, SeenTruth, TruthVersions
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.store.truth_rulings import AcceptedAnswers, TruthRulings
from benchmark_qa.tasks.errors import (
    BranchesAreParts,
    BranchesMissing,
    NoGroundTruth,
    NotABenchmarkDataUnit,
    NotSubmitted,
    UnitBrokeDown,
    UnknownDataUnit,
)
from benchmark_qa.tasks.ground_truth import GroundTruth, TruthRead, TruthRow, not_returned, one_unit
from benchmark_qa.tasks.projects import (
    ServedProjects,
    annotators_branches,
    are_parts,
    is_with_annotators,
    submitted_branches,
)

LATE_AFTER = timedelta(seconds=5)
"""An edit later than this after submission is late. Submission itself may save the labels once more."""


@dataclass(frozen=True)
class DataUnitScores:
    """The scores of one data unit: one record per annotator, or the refusal."""

    data_hash: str
    records: tuple[ScoreRecord, ...] = ()
    kept: bool = True
    """False: the store failed under `on_store_failure` "pass", so the score still has to be recorded."""
    made: int = 0
    """Number of new records."""
    refusal: RefusalError | None = None
    complete: bool = True
    """False: the task is still with its annotators and some branches are not submitted."""


@dataclass(frozen=True)
class HandedIn:
    """When the work on a data unit was submitted, as Encord's analytics tell."""

    last: datetime
    by: Mapping[str, datetime] = field(default_factory=dict)
    """The last submission of each person"""


@dataclass(frozen=True)
class PlannedUnit:
    """The branches of one data unit to score, and the truth to score them against."""

    truth: TruthRow
    rows: tuple[LabelRow, ...]
    complete: bool = True
    accepted: tuple[str, ...] = ()
    """Label hashes of the accepted answers."""
    handed_in: HandedIn | None = None
    """When work that left the annotators some time ago was submitted. Later edits are late."""
    known: tuple[ScoreRecord, ...] = ()
    """Records of the branches that are already scored."""

    def is_late(self, row: LabelRow) -> bool:
        """Whether the labels of a branch were edited after submission."""
        edited = row.last_edited_at if row.label_hash else None
        return self.handed_in is not None and edited is not None and edited > self.handed_in.last + LATE_AFTER

    def submitted_at(self, row: LabelRow, annotator: str | None) -> datetime | None:
        """When a branch was submitted: the labels' last edit; for an answer without labels, what the analytics say."""
        if row.label_hash:
            return row.last_edited_at
        return self.handed_in.by.get(annotator or "") if self.handed_in else None

    @property
    def label_hashes(self) -> list[str]:
        """The label rows needed for scoring, each once."""
        own = (row.label_hash for row in self.rows)
        return list(dict.fromkeys(h for h in (*own, *(self.accepted if self.rows else ())) if h))

    def outcome(self, made: Sequence[ScoreRecord] = ()) -> DataUnitScores:
        """The data unit's scores: known records and those just made."""
        return DataUnitScores(self.truth.data_hash, (*self.known, *made), complete=self.complete, made=len(made))

    def without(self, known: Mapping[str, ScoreRecord], keys: Mapping[tuple[str, str], str]) -> "PlannedUnit":
        """The work with only the branches that have no record; `keys`: record keys by data hash and branch."""
        of_rows = [(row, known.get(keys[row.data_hash, row.branch_name])) for row in self.rows]
        return replace(
            self,
            rows=tuple(row for row, record in of_rows if record is None),
            known=tuple(record for _, record in of_rows if record is not None),
        )

    def under(self, standing: AcceptedAnswers | None) -> "PlannedUnit":
        """Apply accepted answers. The truth's decision time becomes that of the last decision."""
        if standing is None:
            return self
        return replace(self, truth=replace(self.truth, ruled_at=standing.ruled_at), accepted=standing.label_hashes)


@dataclass(frozen=True)
class Planner:
    """Plans the scoring of data units. Raises `StoreError` if truth decisions or versions cannot be read."""

    projects: ServedProjects
    truth: GroundTruth
    store: SqlScoreStore

    def plans(
        self, data_hashes: Sequence[str], handed_in: Mapping[str, HandedIn | None]
    ) -> dict[str, PlannedUnit | RefusalError]:
        """The work of each data unit, or the refusal. The truth is never older than any instance has seen."""
        plans = self.plans_of(data_hashes, handed_in)
        behind = self._behind(plans)
        if behind:
            self.truth.forget(behind)
            plans |= self.plans_of(list(behind), handed_in)
            self._take_other_rows(plans, behind)
        return plans

    def _behind(self, plans: Mapping[str, PlannedUnit | RefusalError]) -> dict[str, SeenTruth]:
        """The items whose newest known truth is newer than the planned one, with that truth."""
        planned = {data_hash: plan for data_hash, plan in plans.items() if isinstance(plan, PlannedUnit)}
        if not planned:
            return {}
        newest = self._versions.newest(self.projects.production.project_hash, list(planned))
        return {h: seen for h, seen in newest.items() if seen.is_newer_than(planned[h].truth.version)}

    def _take_other_rows(
        self, plans: Mapping[str, PlannedUnit | RefusalError], behind: Mapping[str, SeenTruth]
    ) -> None:
        """Record rows that Encord now gives as the truth in place of others, even if they are older."""
        others = {}
        for data_hash, seen in behind.items():
            plan = plans[data_hash]
            if isinstance(plan, PlannedUnit) and plan.truth.label_hash != seen.label_hash:
                others[data_hash] = SeenTruth(plan.truth.label_hash, plan.truth.version or LONG_AGO)
        if others:
            self._versions.note(self.projects.production.project_hash, others, instead=True)

    def plans_of(
        self, data_hashes: Sequence[str], handed_in: Mapping[str, HandedIn | None], *, ruled: bool = True
    ) -> dict[str, PlannedUnit | RefusalError]:
        """The work of each data unit by the truth known here. `ruled`: apply truth decisions from the store."""
        production = self.projects.production.project_hash
        rows: dict[str, list[LabelRow]] = {data_hash: [] for data_hash in data_hashes}
        for row in self.projects.encord.label_rows(production, data_hashes=rows, all_branches=True):
            rows.setdefault(row.data_hash, []).append(row)
        truths = self.truth.rows(
            h for h, found in rows.items() if found and self.projects.is_benchmark_dataset(found[0].dataset_hash)
        )
        standings = self._standings(list(truths)) if ruled else {}
        submitted = self.submitted_parts([row for h, found in rows.items() if h not in handed_in for row in found])
        missing = self.projects.branches_missing([row for h in truths for row in rows[h]])
        plans: dict[str, PlannedUnit | RefusalError] = {}
        for data_hash, branches in rows.items():
            is_past = data_hash in handed_in
            try:
                work = self.plan(data_hash, branches, truths, None if is_past else submitted, missing)
            except RefusalError as refusal:
                plans[data_hash] = refusal
            else:
                work = replace(work, handed_in=handed_in.get(data_hash))
                plans[data_hash] = work.under(standings.get(data_hash))
        return plans

    @property
    def _versions(self) -> TruthVersions:
        return TruthVersions(self.store.database)

    def submitted_parts(self, rows: Sequence[LabelRow]) -> Set[tuple[str, str]]:
        """(data hash, branch) submitted of tasks still with annotators. No request if there are none."""
        production = self.projects.production
        waiting = sorted({row.data_hash for row in rows if is_with_annotators(production, [row])})
        if not waiting:
            return frozenset()
        return PeoplesWork(self.projects.encord, production.project_hash).submitted_parts(waiting)

    def plan(
        self,
        data_hash: str,
        rows: Sequence[LabelRow],
        truths: Mapping[str, TruthRow],
        submitted: Set[tuple[str, str]] | None,
        missing: Set[str],
    ) -> PlannedUnit:
        """The work of one data unit: its submitted branches, or all branches if `submitted` is None.

        `missing`: see `ServedProjects.branches_missing`.
        """
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
        if data_hash in missing:
            raise BranchesMissing(
                f"data unit {data_hash} has been in a consensus block, or may have been, and Encord lists no "
                "annotator's branch of it; 'main' is nobody's own work, so nothing is scored"
            )
        if are_parts(self.projects.production, chosen):
            raise BranchesAreParts(
                f"data unit {data_hash} has {len(chosen)} branches from no consensus block: if classes are divided "
                "among people (parallel annotation), they are parts of one answer, and are not scored"
            )
        return PlannedUnit(truth, tuple(chosen), not is_with_annotators(self.projects.production, rows))

    def _standings(self, data_hashes: Sequence[str]) -> dict[str, AcceptedAnswers]:
        """The truth decisions by data hash. Scoring needs them. Raises StoreError."""
        if not data_hashes:
            return {}
        return TruthRulings(self.store.database).standings(self.projects.production.project_hash, data_hashes)


@dataclass(frozen=True)
class Labels:
    """One label row as arrays, or the read error, and the creators of its labels."""

    read_as: Annotations | LabelReadError | UnitBrokeDown
    creators: frozenset[str] = frozenset()
    moved: bool = False
    """The labels were edited after their metadata was read."""

    @classmethod
    def read(cls, document: Found, ontology: Ontology, edited: datetime | None) -> Self:
        """Read the JSON of a label row; None: Encord did not return it. `edited`: edit time in its metadata."""
        if not isinstance(document, Mapping):
            return cls(not_returned(document))
        moved = is_of_another_time(document, edited)
        try:
            with one_unit(f"label row {document.get('label_hash')}", "read"):
                return cls(read_label_row(document, ontology), frozenset(label_creators(document)), moved)
        except (LabelReadError, UnitBrokeDown) as error:
            return cls(error, moved=moved)

    def made_by(self) -> frozenset[str] | None:
        """The creators of the labels; None if there are no labels."""
        read = self.read_as
        if isinstance(read, Annotations) and not read.instances and not read.classifications and read.events is None:
            return None
        return self.creators

    def arrays(self) -> Annotations:
        """Raises LabelReadError, UnitBrokeDown."""
        if isinstance(self.read_as, LabelReadError | UnitBrokeDown):
            raise self.read_as
        return self.read_as


@dataclass(frozen=True)
class Fetched:
    """The data that some data units are scored with."""

    truth: TruthRead
    labels: Mapping[str, Labels]
    ontology: Ontology
    at: datetime

    def accepted(self, work: PlannedUnit) -> list[Annotations]:
        """Annotations of the accepted answers. Raises LabelReadError."""
        return [self.labels[label_hash].arrays() for label_hash in work.accepted if label_hash in self.labels]

    def has_moved(self, work: PlannedUnit) -> bool:
        """Whether labels or truth may be of another version than their metadata says."""
        own = (self.labels.get(row.label_hash or "") for row in work.rows)
        return work.truth.data_hash in self.truth.moved or any(labels is not None and labels.moved for labels in own)


@dataclass(frozen=True)
class Attempt:
    """One attempt at reading labels and truth that may be edited meanwhile.

    If the metadata has the same edit time before and after a read, the labels are of that time, even if their own JSON
    says otherwise. They are kept for the next attempt, and everything else is read again.
    """

    labels: Mapping[tuple[str, datetime | None], Labels] = field(default_factory=dict)
    """Labels from the last attempt, by label hash and edit time."""
    truths: Mapping[tuple[str, datetime | None], Annotations | LabelReadError | UnitBrokeDown] = field(
        default_factory=dict
    )
    handed_in: Mapping[str, HandedIn | None] = field(default_factory=dict)
    """Submission times of work that left the annotators some time ago, by data hash."""
    again: dict[str, tuple[PlannedUnit, "Fetched"]] = field(default_factory=dict)
    """What has to be read again, by data hash."""

    def labels_of(self, label_hash: str, edited: datetime | None) -> Labels | None:
        """The labels that were read of a row, if it has not been edited since."""
        return self.labels.get((label_hash, edited))

    def truth_of(self, row: TruthRow) -> Annotations | LabelReadError | UnitBrokeDown | None:
        """The truth that was read of a row, if it has not been edited since."""
        return self.truths.get((row.label_hash or "", row.edited_at))

    def repeat(self, work: PlannedUnit, fetched: Fetched) -> None:
        """Read this data unit again in the next attempt."""
        self.again[work.truth.data_hash] = work, fetched

    def next(self) -> "Attempt":
        """The next attempt, for the data units that have to be read again."""
        labels: dict[tuple[str, datetime | None], Labels] = {}
        truths: dict[tuple[str, datetime | None], Annotations | LabelReadError | UnitBrokeDown] = {}
        for work, fetched in self.again.values():
            for row in work.rows:
                if row.label_hash is not None and row.label_hash in fetched.labels:
                    key = row.label_hash, row.last_edited_at
                    labels[key] = replace(fetched.labels[row.label_hash], moved=False)
            truth = fetched.truth.annotations.get(work.truth.data_hash)
            if work.truth.label_hash and truth is not None:
                truths[work.truth.label_hash, work.truth.edited_at] = truth
        return Attempt(labels, truths, self.handed_in)
