"""Read exported label rows from disk, join them by data hash, group them by annotator, score them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from benchmark_qa.config.explain import explain
from benchmark_qa.engine.config import ScoringConfig
from benchmark_qa.engine.errors import ScoringError
from benchmark_qa.engine.result import TaskScore
from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.annotations import Annotations, created_by, creators, label_creators
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.labels.inference import infer_ontology
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row
from benchmark_qa.terminal.files import ExportError, TableRow, load_json

Grouping = Literal["known", "branch", "creator"]
"""`known`: by creator if the labels name one, else by branch."""


@dataclass(frozen=True)
class ScoredTask:
    """One annotator's labels of one data unit."""

    annotator: str
    data_hash: str
    data_title: str
    branch: str
    score: TaskScore


def load_ontology(path: Path) -> Ontology:
    """The ontology in a file: the `editor` JSON itself, or an object with it under `editor`."""
    content = load_json(path)
    if not isinstance(content, dict):
        raise ExportError(f"{path}: is not a JSON object")
    try:
        return Ontology.from_editor(content.get("editor", content))
    except LabelReadError as error:
        raise ExportError(f"{path}: {error}") from None


def load_config(path: Path) -> ScoringConfig:
    """The scoring rules in a file: on their own, or as section `scoring` of the service's configuration."""
    content = load_json(path)
    if isinstance(content, dict) and "scoring" in content:
        content = content["scoring"]
    try:
        return ScoringConfig.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(explain(error, ScoringConfig).splitlines())
        raise ExportError(f"{path}: {faults}") from None


class Comparison:
    """Ground truth rows, and the annotators' rows of the same data units."""

    def __init__(
        self,
        truth: Iterable[TableRow],
        labels: Iterable[TableRow],
        ontology: Ontology | None,
        config: ScoringConfig,
        by: Grouping,
    ) -> None:
        self.truth = _truth_by_data_hash(truth)
        self.labels = list(labels)
        self.config = config
        self.by = by
        self.ontology = ontology or infer_ontology([*self.truth.values(), *self.labels])
        self.refused: list[str] = []
        """Why tasks could not be scored; complete after `scores` is exhausted."""
        self.creator_of_branch = _creator_of_branch(self.labels)
        self.without_truth = [row for row in self.labels if row["data_hash"] not in self.truth]

    def __len__(self) -> int:
        """Number of label rows with a ground truth."""
        return len(self.labels) - len(self.without_truth)

    def scores(self) -> Iterator[list[ScoredTask]]:
        """The tasks of each label row with a ground truth, row by row."""
        seen: set[tuple[str, str]] = set()
        read: dict[str, Annotations] = {}
        for row in self.labels:
            data_hash, branch = row["data_hash"], str(row.get("branch_name") or "main")
            if data_hash not in self.truth:
                continue
            if (data_hash, branch) in seen:
                raise ExportError(f"data unit {data_hash}: branch {branch!r} is there twice")
            seen.add((data_hash, branch))
            try:
                if data_hash not in read:
                    read[data_hash] = self._read(self.truth[data_hash], "ground truth")
                yield [
                    self._score(row, part, annotator, branch, read[data_hash])
                    for annotator, part in self._parts(row, branch)
                ]
            except ExportError as error:
                self.refused.append(str(error))

    def _parts(self, row: TableRow, branch: str) -> list[tuple[str, TableRow]]:
        if self.by == "branch":
            return [(branch, row)]
        self._read(row, f"branch {branch!r}")  # raises an error for anything that is not well formed
        named = sorted(label_creators(row))
        if self.by == "known" and not named:
            return [(self.creator_of_branch.get(branch, branch), row)]
        if self.by == "known" and len(named) == 1:  # labels that name nobody are this person's, too
            return [(named[0], row)]
        return [(creator, created_by(row, creator)) for creator in creators(row)]

    def _score(self, row: TableRow, part: TableRow, annotator: str, branch: str, truth: Annotations) -> ScoredTask:
        which = f"branch {branch!r}"
        labels = self._read(part, which)
        try:
            score = score_task(truth, labels, self.ontology, self.config)
        except ScoringError as error:
            raise ExportError(f"data unit {row['data_hash']}, {which}: {error}") from None
        except (ArithmeticError, LookupError, MemoryError, ValueError) as error:
            kind = type(error).__name__
            raise ExportError(f"data unit {row['data_hash']}, {which}: cannot be scored ({kind})") from error
        return ScoredTask(annotator, row["data_hash"], str(row.get("data_title") or ""), branch, score)

    def _read(self, row: TableRow, which: str) -> Annotations:
        if row.get("label_hash") is None and not row.get("data_units"):
            return Annotations.empty()
        try:
            return read_label_row(row, self.ontology)
        except LabelReadError as error:
            raise ExportError(f"data unit {row['data_hash']}, {which}: {error}") from None


def _truth_by_data_hash(rows: Iterable[TableRow]) -> dict[str, TableRow]:
    truth: dict[str, TableRow] = {}
    for row in rows:
        if row["data_hash"] in truth:
            raise ExportError(f"data unit {row['data_hash']}: several ground truth rows")
        truth[row["data_hash"]] = row
    return truth


def _creator_of_branch(rows: Iterable[TableRow]) -> dict[str, str]:
    """The creator of a branch's rows without labels: the only person who created labels on that branch."""
    people: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        people[str(row.get("branch_name") or "main")].update(label_creators(row))
    return {branch: next(iter(names)) for branch, names in people.items() if len(names) == 1}
