"""Whose work counts, and when it was submitted: one attempt of each person at each item, the first.

The order of work is that of submission, whenever it was scored: a score that is made anew keeps its place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from benchmark_qa.records.score import ScoreRecord


@dataclass(frozen=True, slots=True)
class Submission:
    """One attempt of one person at one item."""

    record: ScoreRecord
    at: datetime
    """When its first version was submitted; where that is not known, when it was scored"""
    is_moment_known: bool = True

    @property
    def order(self) -> tuple[datetime, str, str]:
        """By time; what came at one moment by data unit, so that the order of input changes nothing."""
        identity = self.record.identity
        return self.at, identity.data_hash, identity.branch_name


def in_order(records: Iterable[ScoreRecord], first_versions: Iterable[ScoreRecord] = ()) -> list[Submission]:
    """What counts of these records, in the order of submission.

    Who meets an item again has seen it before: only the first attempt counts. Work of nobody known counts as it is.

    Args:
        records: the current score of every branch of every data unit.
        first_versions: the first score of each of them. Without it a record is as old as it says itself.
    """
    first = {_task(record): record for record in first_versions}
    submissions = sorted(
        (_submission(record, first.get(_task(record), record)) for record in records), key=lambda each: each.order
    )
    met: set[tuple[str, str]] = set()
    counted = []
    for each in submissions:
        annotator, data_hash = each.record.annotator, each.record.identity.data_hash
        if annotator is not None:
            if (annotator, data_hash) in met:
                continue
            met.add((annotator, data_hash))
        counted.append(each)
    return counted


def _submission(record: ScoreRecord, first: ScoreRecord) -> Submission:
    known = submitted_at(first)
    return Submission(record, known or first.scored_at, known is not None)


def submitted_at(record: ScoreRecord) -> datetime | None:
    """When the work was submitted: as Encord says, else when the labels were last edited.

    None where there is neither: an empty answer may have no label row.
    """
    return record.submitted_at or record.identity.labels_edited_at


def replaced_by_another_attempt(record: ScoreRecord, first: ScoreRecord) -> bool:
    """Whether the record is of another label row than the first version of its branch.

    So it is where a dataset was taken off the project and attached again: its items come back as new tasks.
    """
    hashes = (first.identity.label_hash, record.identity.label_hash)
    return record.annotator == first.annotator and None not in hashes and hashes[0] != hashes[1]


def newest_of_attempt(history: Sequence[ScoreRecord], first: ScoreRecord, until: datetime | None) -> ScoreRecord:
    """The newest score of the first attempt, as far as it was made by a moment; `first` is its first version."""
    own = [
        record
        for record in history
        if record.identity.branch_name == first.identity.branch_name
        and record.identity.label_hash == first.identity.label_hash
        and not record.identity.late
        and (until is None or record.scored_at <= until)
    ]
    return max(own, key=_newest, default=first)


def _newest(record: ScoreRecord) -> tuple[float, datetime, str]:
    """Against the newest truth, then the newest."""
    truth = record.identity.truth_edited_at
    return truth.timestamp() if truth else 0.0, record.scored_at, record.identity.key


def _task(record: ScoreRecord) -> tuple[str, str]:
    return record.identity.data_hash, record.identity.branch_name


def without_items(submissions: Iterable[Submission], data_hashes: Iterable[str]) -> list[Submission]:
    """Those of all other items."""
    left_out = frozenset(data_hashes)
    return [each for each in submissions if each.record.identity.data_hash not in left_out]
