"""Select the label rows that are annotators' work, and find the annotator of each."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from benchmark_qa.config.deployment import Branches
from benchmark_qa.encord_api.models import ANNOTATION_KINDS, LabelRow, Project
from benchmark_qa.errors import RefusalError
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.store.truth_rulings import Standing
from benchmark_qa.tasks.ground_truth import TruthRow

LATE_AFTER = timedelta(seconds=5)
"""An edit later than this after submission is late. Submission itself may save the labels once more."""


_log = logging.getLogger(__name__)


def annotators_branches(rows: Iterable[LabelRow], branches: Branches) -> list[LabelRow]:
    """The annotators' label rows, submitted or not: consensus branches, or `main` if there are none."""
    candidates = [row for row in rows if not any(fnmatchcase(row.branch_name, p) for p in branches.ignore)]
    consensus = [row for row in candidates if fnmatchcase(row.branch_name, branches.consensus)]
    chosen = consensus or [row for row in candidates if row.branch_name == "main"]
    return sorted(chosen, key=lambda row: row.branch_name)


def submitted_branches(
    project: Project, rows: Iterable[LabelRow], branches: Branches, submitted_parts: Set[tuple[str, str]]
) -> list[LabelRow]:
    """The annotators' submitted label rows.

    A row is submitted if its task has left the annotation stages. Inside a consensus block that still waits for others,
    it is submitted if (data hash, branch name) is in `submitted_parts`.
    """
    return [
        row
        for row in annotators_branches(rows, branches)
        if not is_with_annotators(project, [row]) or (row.data_hash, row.branch_name) in submitted_parts
    ]


def is_with_annotators(project: Project, rows: Iterable[LabelRow]) -> bool:
    """Whether the data unit's task is still at an annotation stage."""
    kinds = {stage.uuid: stage.kind for stage in project.stages}
    return any(kinds.get(row.stage_uuid or "") in ANNOTATION_KINDS for row in rows)


def annotator_of(row: LabelRow, creators: Collection[str]) -> str | None:
    """The annotator: who last acted on the branch, or else the labels' only creator. None if unknown."""
    if row.last_actioned_by:
        return row.last_actioned_by
    if len(creators) == 1:
        return next(iter(creators))
    _log.warning("branch %s of data unit %s has no known annotator", row.branch_name, row.data_hash)
    return None


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
class Work:
    """The branches of one data unit to score, and the truth to score them against."""

    truth: TruthRow
    rows: tuple[LabelRow, ...]
    complete: bool = True
    accepted: tuple[str, ...] = ()
    """Label hashes of the accepted answers."""
    handed_in: datetime | None = None
    """When work that left the annotators some time ago was submitted. Later edits are late."""
    known: tuple[ScoreRecord, ...] = ()
    """Records of the branches that are already scored."""

    def is_late(self, row: LabelRow) -> bool:
        """Whether the labels of a branch were edited after submission."""
        edited = row.last_edited_at if row.label_hash else None
        return self.handed_in is not None and edited is not None and edited > self.handed_in + LATE_AFTER

    @property
    def label_hashes(self) -> list[str]:
        """The label rows needed for scoring, each once."""
        own = (row.label_hash for row in self.rows)
        return list(dict.fromkeys(h for h in (*own, *(self.accepted if self.rows else ())) if h))

    def outcome(self, made: Sequence[ScoreRecord] = ()) -> DataUnitScores:
        """The data unit's scores: known records and those just made."""
        return DataUnitScores(self.truth.data_hash, (*self.known, *made), complete=self.complete, made=len(made))

    def without(self, known: Mapping[str, ScoreRecord], keys: Mapping[tuple[str, str], str]) -> "Work":
        """The work with only the branches that have no record; `keys`: record keys by data hash and branch."""
        of_rows = [(row, known.get(keys[row.data_hash, row.branch_name])) for row in self.rows]
        return replace(
            self,
            rows=tuple(row for row, record in of_rows if record is None),
            known=tuple(record for _, record in of_rows if record is not None),
        )

    def under(self, standing: Standing | None) -> "Work":
        """Apply accepted answers. The truth's decision time becomes that of the last decision."""
        if standing is None:
            return self
        return replace(self, truth=replace(self.truth, ruled_at=standing.ruled_at), accepted=standing.label_hashes)
