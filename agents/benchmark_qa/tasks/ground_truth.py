"""The ground truth: which data units have it, whether it is finished, and its annotations."""

import concurrent.futures
import logging
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from cachetools import LRUCache

from benchmark_qa import telemetry
from benchmark_qa.encord_api.client import is_of_another_time
from benchmark_qa.encord_api.errors import PlatformError
from benchmark_qa.encord_api.models import LabelRow, Project, UnreadRow
from benchmark_qa.encord_api.sdk_internals import bodies_up_to
from benchmark_qa.engine.errors import ScoringError
from benchmark_qa.errors import MissingExtraError, RefusalError, TryAgainLater, places_and_kinds
from benchmark_qa.labels.annotations import Annotations
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row
from benchmark_qa.tasks.errors import LabelsUnreadable, UnitBrokeDown
from benchmark_qa.tasks.projects import ServedProjects

_log = logging.getLogger(__name__)


NEVER_A_REFUSAL = (
    PlatformError,
    TryAgainLater,
    MissingExtraError,
    TimeoutError,
    concurrent.futures.CancelledError,
    ConnectionError,
)
"""Outages, deadlines and cancellation: the next attempt at the same data unit may succeed."""


@contextmanager
def one_unit(where: str, step: Literal["read", "scored"]) -> Iterator[None]:
    """Turn an unexpected error of one data unit's labels into a refusal of this data unit.

    The error is logged with its traceback and counted. The message names no label.

    Args:
        where: the data unit, for the message.
        step: what the block does with its labels.

    Raises:
        UnitBrokeDown: for any exception but refusals, outages, deadlines and a lack of memory.
    """
    try:
        yield
    except (RefusalError, LabelReadError, ScoringError, *NEVER_A_REFUSAL):
        raise
    except Exception as error:
        if type(error) is MemoryError:
            # The process has no memory left, and this data unit may not be the cause. An array that is too large for
            # any memory raises a subclass of MemoryError.
            raise
        telemetry.unit_failures.add(1, {"step": step, "error": type(error).__name__})
        # In a log field: a traceback on a command's terminal helps nobody, and messages quote labels.
        places = "".join(places_and_kinds(error))
        _log.error(
            "the labels of %s could not be %s", where, step, extra={"event": "unit_broke_down", "exception": places}
        )
        raise UnitBrokeDown(
            f"the labels of {where} could not be {step} ({type(error).__name__}; the log says where): "
            "look at them in Encord; they are tried again when they have changed"
        ) from error


BYTES_KEPT = 64 * 1024 * 1024
"""Most bytes of ground truth, as arrays, in memory."""


RECENT_SECONDS = 10.0
"""Seconds after an edit during which two versions may have the same edit time.

Encord gives edit times in whole seconds. The value is also longer than two clocks differ.
"""


NEVER = float("-inf")
"""A time before any value of `time.monotonic()`, which may have started with this instance."""


@dataclass(frozen=True, slots=True)
class TruthRow:
    """The state of one data unit's ground truth."""

    benchmark_project: str
    data_hash: str
    label_hash: str | None
    edited_at: datetime | None
    stage_title: str | None
    finished: bool
    ruled_at: datetime | None = None
    """When another answer was last accepted for this item, or withdrawn."""

    @property
    def version(self) -> datetime | None:
        """The later of edit and decision. Scores that were made against an earlier version are out of date."""
        known = [moment for moment in (self.edited_at if self.label_hash else None, self.ruled_at) if moment]
        return max(known, default=None)


@dataclass(frozen=True)
class TruthRead:
    """Ground-truth annotations that were read."""

    annotations: Mapping[str, Annotations | LabelReadError | UnitBrokeDown]
    """By data hash: the annotations, or the error."""
    moved: frozenset[str] = frozenset()
    """Data units whose truth may have been edited between the requests for its metadata and its labels."""


class GroundTruth:
    """An index of the benchmark projects' label rows, and their annotations by label hash and edit time.

    One request per benchmark project builds the index. An entry older than the time to live is refreshed when it is
    next asked for, all such entries of a call in one request. Thread-safe.
    """

    def __init__(self, projects: ServedProjects, *, ttl_seconds: float) -> None:
        self._projects = projects
        self._ttl = ttl_seconds
        self._rows: dict[str, TruthRow] = {}
        self._seen_at: dict[str, float] = {}
        self._warm = False
        self._warming = threading.Lock()
        self._lock = threading.Lock()
        self._changed_at = NEVER
        self._distrusted_until = NEVER
        self._changed_during: list[set[str]] = []
        """For each running refresh: the data units whose truth has changed since it began."""
        self._annotations: LRUCache[tuple[str, datetime | None], tuple[Ontology, Annotations]]
        self._annotations = LRUCache(maxsize=BYTES_KEPT, getsizeof=lambda kept: bytes_of(kept[1]))
        self._ontologies: dict[str, tuple[Project, Ontology]] = {}

    def rows(self, data_hashes: Iterable[str]) -> dict[str, TruthRow]:
        """Ground-truth rows by data hash. Data units that are in no benchmark project are left out.

        Requests: none within the time to live; 1 per benchmark project for entries that are too old or not finished.
        """
        wanted = list(data_hashes)
        self._warm_up()
        fresh_after = max(time.monotonic() - self._ttl, self._distrusted_until)
        aged = [data_hash for data_hash in wanted if not self._is_fresh(data_hash, fresh_after)]
        if aged:
            self._refresh(aged)
        with self._lock:
            return {data_hash: self._rows[data_hash] for data_hash in wanted if data_hash in self._rows}

    def forget(self, data_hashes: Iterable[str]) -> None:
        """Refresh these rows when they are next asked for, because their truth has changed."""
        with self._lock:
            self._changed_at = time.time()
            for data_hash in data_hashes:
                self._seen_at.pop(data_hash, None)
                for changed in self._changed_during:
                    changed.add(data_hash)

    @property
    def changed_at(self) -> float:
        """When `forget` was last called, in seconds since 1970; minus infinity if never."""
        return self._changed_at

    def distrust(self, before: float) -> None:
        """Refresh every row that was read before this moment: another process was told of a change.

        Args:
            before: that process's `changed_at`.
        """
        with self._lock:
            # `_seen_at` uses `time.monotonic()`. `before` comes from another process and uses `time.time()`; convert it
            # first.
            self._distrusted_until = max(self._distrusted_until, time.monotonic() - (time.time() - before))

    def annotations(self, rows: Iterable[TruthRow], ontology: Ontology) -> TruthRead:
        """Ground-truth annotations by data hash. 1 request per 1,000 rows that are not cached.

        Args:
            rows: rows of the index.
            ontology: the ontology that the annotators' labels are read with; annotations refer to classes by index.

        Raises:
            PlatformError
        """
        result: dict[str, Annotations | LabelReadError | UnitBrokeDown] = {}
        missing: dict[str, list[TruthRow]] = {}
        for row in rows:
            if row.label_hash is None:
                result[row.data_hash] = Annotations.empty()
                continue
            with self._lock:
                read_with, cached = self._annotations.get((row.label_hash, row.edited_at), (None, None))
            if cached is not None and read_with is ontology:
                result[row.data_hash] = cached
            else:
                missing.setdefault(row.benchmark_project, []).append(row)
        moved: set[str] = set()
        for project_hash, needed in missing.items():
            found, doubtful = self._read(project_hash, needed, ontology)
            result.update(found)
            moved |= doubtful
        return TruthRead(result, frozenset(moved))

    def ontology(self, project: Project) -> Ontology:
        """The project's ontology, parsed once per copy of the project; the same object while it is equal.

        Raises:
            LabelsUnreadable: it has an unknown shape or attribute type.
        """
        known = self._ontologies.get(project.project_hash)
        if known is not None and known[0] is project:
            return known[1]
        try:
            ontology = Ontology.from_editor(project.ontology)
        except LabelReadError as error:
            raise LabelsUnreadable(f"the ontology of project '{project.title}' cannot be read: {error}") from None
        if known is not None and known[1] == ontology:
            ontology = known[1]
        self._ontologies[project.project_hash] = (project, ontology)
        return ontology

    def _warm_up(self) -> None:
        if self._warm:
            return
        with self._warming:  # one thread sends the request, the others wait
            if not self._warm:
                with bodies_up_to(None):  # once per instance; the larger the benchmark, the more the index saves
                    self._refresh(None)
                self._warm = True

    def _is_fresh(self, data_hash: str, fresh_after: float) -> bool:
        with self._lock:
            row, seen_at = self._rows.get(data_hash), self._seen_at.get(data_hash, NEVER)
        # Unfinished truth may be finished by now, so refresh it before a task is refused.
        return seen_at >= fresh_after and (row is None or row.finished)

    def _read(
        self, project_hash: str, rows: list[TruthRow], ontology: Ontology
    ) -> tuple[Mapping[str, Annotations | LabelReadError | UnitBrokeDown], set[str]]:
        by_label = {row.label_hash: row for row in rows if row.label_hash}
        found: dict[str, Annotations | LabelReadError | UnitBrokeDown] = {}
        moved: set[str] = set()
        # One bundle at a time: arrays take a tenth of the memory of parsed JSON.
        for bundle in self._projects.encord.label_bundles_with_gaps(project_hash, list(by_label)):
            for label_hash, document in bundle.items():
                row = by_label[label_hash]
                if not isinstance(document, Mapping):
                    found[row.data_hash] = not_returned(document)
                    continue
                if is_of_another_time(document, row.edited_at) or _is_recent(row.edited_at):
                    moved.add(row.data_hash)
                try:
                    with one_unit(f"the ground truth of data unit {row.data_hash}", "read"):
                        annotations = read_label_row(document, ontology)
                except (LabelReadError, UnitBrokeDown) as error:
                    found[row.data_hash] = error
                    continue
                found[row.data_hash] = annotations
                if row.data_hash not in moved:
                    self._keep(row, ontology, annotations)
        return found, moved

    def _keep(self, row: TruthRow, ontology: Ontology, annotations: Annotations) -> None:
        if row.label_hash is None or bytes_of(annotations) > BYTES_KEPT:
            return
        with self._lock:
            self._annotations[(row.label_hash, row.edited_at)] = ontology, annotations

    def _refresh(self, data_hashes: list[str] | None) -> None:
        """Refresh the rows.

        Earlier projects of the configuration win, and finished rows win over unfinished rows.
        """
        began = time.monotonic()
        seen: dict[str, TruthRow | None] = dict.fromkeys(data_hashes or ())
        with self._noting_changes() as changed:
            for project in self._projects.benchmarks:
                finals = {stage.uuid for stage in project.stages if stage.kind == "DONE"}
                for row in self._projects.encord.label_rows(project.project_hash, data_hashes=data_hashes):
                    truth = _truth_row(project, row, finals)
                    known = seen.get(row.data_hash)
                    if known is None or (truth.finished and not known.finished):
                        seen[row.data_hash] = truth
            with self._lock:
                for data_hash, found in seen.items():
                    self._take(data_hash, found, NEVER if data_hash in changed else began)

    def _take(self, data_hash: str, row: TruthRow | None, seen_at: float) -> None:
        """Store a row that was read, unless a later read stored one. Changed rows are read again later."""
        if self._seen_at.get(data_hash, NEVER) > seen_at:
            return
        self._seen_at[data_hash] = seen_at
        if row is None:
            self._rows.pop(data_hash, None)
        else:
            self._rows[data_hash] = row

    @contextmanager
    def _noting_changes(self) -> Iterator[set[str]]:
        """Collect the data units that are forgotten while the block runs: what it reads of them may be older."""
        changed: set[str] = set()
        with self._lock:
            self._changed_during.append(changed)
        try:
            yield changed
        finally:
            with self._lock:
                self._changed_during = [each for each in self._changed_during if each is not changed]


def not_returned(document: UnreadRow | None) -> LabelReadError:
    """Why there is no JSON of a label row."""
    return LabelReadError("label row", "Encord does not return it" if document is None else str(document))


def _is_recent(edited: datetime | None) -> bool:
    """Whether the edit is so recent that another edit may have the same time, in whole seconds."""
    return edited is not None and abs((datetime.now(UTC) - edited).total_seconds()) < RECENT_SECONDS


def bytes_of(value: object) -> int:
    """Approximate size of a value with all its parts, in bytes. A shared part is counted each time."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    size = sys.getsizeof(value)
    if isinstance(value, Mapping):
        return size + sum(bytes_of(key) + bytes_of(part) for key, part in value.items())
    if isinstance(value, tuple | list | set | frozenset):
        return size + sum(bytes_of(part) for part in value)
    if is_dataclass(value):
        return size + sum(bytes_of(getattr(value, part.name)) for part in fields(value))
    return size


def _truth_row(project: Project, row: LabelRow, finals: set[str]) -> TruthRow:
    return TruthRow(
        benchmark_project=project.project_hash,
        data_hash=row.data_hash,
        label_hash=row.label_hash,
        edited_at=row.last_edited_at,
        stage_title=row.stage_title,
        # The workflow stage tells that the truth is finished. A label status may change when the labels are read.
        finished=row.stage_uuid in finals,
    )
