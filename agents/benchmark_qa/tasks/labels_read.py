"""Data read from Encord for scoring: annotators' labels, accepted answers, and the truth."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from benchmark_qa.encord_api.label_rows import is_of_another_time
from benchmark_qa.labels.annotations import Annotations
from benchmark_qa.labels.creators import label_creators
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row
from benchmark_qa.tasks.errors import UnitBrokeDown
from benchmark_qa.tasks.ground_truth import TruthRead, TruthRow
from benchmark_qa.tasks.isolation import one_unit
from benchmark_qa.tasks.scoring_plan import Work


@dataclass(frozen=True)
class Labels:
    """One label row as arrays, or the read error, and the creators of its labels."""

    read_as: Annotations | LabelReadError | UnitBrokeDown
    creators: frozenset[str] = frozenset()
    moved: bool = False
    """The labels were edited after their metadata was read."""

    @classmethod
    def read(cls, document: Mapping[str, Any] | None, ontology: Ontology, edited: datetime | None) -> Self:
        """Read the JSON of a label row; None: Encord did not return it. `edited`: edit time in its metadata."""
        if document is None:
            return cls(LabelReadError("label row", "Encord does not return it"))
        moved = is_of_another_time(document, edited)
        try:
            with one_unit(f"label row {document.get('label_hash')}", "read"):
                return cls(read_label_row(document, ontology), frozenset(label_creators(document)), moved)
        except (LabelReadError, UnitBrokeDown) as error:
            return cls(error, moved=moved)

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

    def accepted(self, work: Work) -> list[Annotations]:
        """Annotations of the accepted answers. Raises LabelReadError."""
        return [self.labels[label_hash].arrays() for label_hash in work.accepted if label_hash in self.labels]

    def has_moved(self, work: Work) -> bool:
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
    handed_in: Mapping[str, datetime | None] = field(default_factory=dict)
    """Submission times of work that left the annotators some time ago, by data hash."""
    again: dict[str, tuple[Work, "Fetched"]] = field(default_factory=dict)
    """What has to be read again, by data hash."""

    def labels_of(self, label_hash: str, edited: datetime | None) -> Labels | None:
        """The labels that were read of a row, if it has not been edited since."""
        return self.labels.get((label_hash, edited))

    def truth_of(self, row: TruthRow) -> Annotations | LabelReadError | UnitBrokeDown | None:
        """The truth that was read of a row, if it has not been edited since."""
        return self.truths.get((row.label_hash or "", row.edited_at))

    def repeat(self, work: Work, fetched: Fetched) -> None:
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
