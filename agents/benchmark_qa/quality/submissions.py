"""Which work counts, and when it was submitted: the first attempt of each person at each item.

The order is that of submission, not of scoring: a score that is made again keeps its place.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from benchmark_qa.records.score import ScoreRecord


@dataclass(frozen=True, slots=True)
class Submission:
    """One attempt of one person at one item."""

    record: ScoreRecord
    at: datetime
    """When the first version was submitted; if that is not known, when it was scored"""
    is_moment_known: bool = True

    @property
    def order(self) -> tuple[datetime, str, str]:
        """Sort key: time, then data unit, so that the order of the input has no effect."""
        identity = self.record.identity
        return self.at, identity.data_hash, identity.branch_name


def in_order(records: Iterable[ScoreRecord], first_versions: Iterable[ScoreRecord] = ()) -> list[Submission]:
    """The submissions of these records that count, in order of submission.

    Only the first attempt at an item counts: in a second one the person has seen the item before. Work of unknown
    annotators counts as it is.

    Args:
        records: the current score of every branch of every data unit.
        first_versions: the first score of each of them. Without it, the record's own time is used.
    """
    first = {_task(record): record for record in first_versions}
    submissions = sorted(
        _among_the_known([_submission(record, first.get(_task(record), record)) for record in records]),
        key=lambda each: each.order,
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


def _among_the_known(submissions: list[Submission]) -> list[Submission]:
    """Place work of unknown moment, which was scored after all other work of its person, among that other work.

    An empty answer may have no label row and so no moment. Where a whole project is scored at once, all empty answers
    would come last, and the evidence would take them for a decline. The place follows from the data hash alone.
    """
    moments: defaultdict[str | None, list[datetime]] = defaultdict(list)
    for each in submissions:
        if each.is_moment_known:
            moments[each.record.annotator].append(each.at)
    for known in moments.values():
        known.sort()

    def placed(each: Submission) -> Submission:
        known = moments.get(each.record.annotator)
        if each.is_moment_known or not known or each.at <= known[-1]:
            return each
        digest = hashlib.sha256(each.record.identity.data_hash.encode()).digest()
        return replace(each, at=known[int.from_bytes(digest[:8], "big") % len(known)])

    return [placed(each) for each in submissions]


def _submission(record: ScoreRecord, first: ScoreRecord) -> Submission:
    known = submitted_at(first)
    return Submission(record, known or first.scored_at, known is not None)


def submitted_at(record: ScoreRecord) -> datetime | None:
    """When the work was submitted according to Encord, else when the labels were last edited.

    None if neither is known: an empty answer may have no label row.
    """
    return record.submitted_at or record.identity.labels_edited_at


def replaced_by_another_attempt(record: ScoreRecord, first: ScoreRecord) -> bool:
    """Whether the record has another label row than the first version of its branch.

    This happens when a dataset is detached from the project and attached again: its items become new tasks.
    """
    hashes = (first.identity.label_hash, record.identity.label_hash)
    return record.annotator == first.annotator and None not in hashes and hashes[0] != hashes[1]


def newest_of_attempt(history: Sequence[ScoreRecord], first: ScoreRecord, until: datetime | None) -> ScoreRecord:
    """The newest score of the first attempt until a moment; `first` is the score of its first version."""
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
    """Sort key: the time of the truth, then of the score."""
    truth = record.identity.truth_edited_at
    return truth.timestamp() if truth else 0.0, record.scored_at, record.identity.key


def _task(record: ScoreRecord) -> tuple[str, str]:
    return record.identity.data_hash, record.identity.branch_name


def without_items(submissions: Iterable[Submission], data_hashes: Iterable[str]) -> list[Submission]:
    """The submissions of all other items."""
    left_out = frozenset(data_hashes)
    return [each for each in submissions if each.record.identity.data_hash not in left_out]
