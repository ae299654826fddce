"""The selection of a project's data units to export."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any

from benchmark_qa.commands.export.manifest import Splits
from benchmark_qa.encord_api.label_rows import BranchRow
from benchmark_qa.encord_api.models import ANNOTATION_KINDS, Project, Stage
from benchmark_qa.errors import RefusalError
from benchmark_qa.formats.yolo_writer import YoloTask


class UnknownChoice(RefusalError):
    """The project has no such stage or dataset; the message lists those that it has."""


@dataclass(frozen=True)
class RowSelection:
    """The row selection. All given criteria must hold; of several values of one criterion, one must."""

    stages: tuple[str, ...] = ()
    """Titles or uuids; empty: every final stage except the archive"""
    datasets: tuple[str, ...] = ()
    """Titles or hashes"""
    titles: tuple[str, ...] = ()
    """Patterns of `fnmatch`, case-sensitive"""
    metadata: tuple[tuple[str, str], ...] = ()
    """Keys of client metadata with their values: a text, or JSON"""
    data_hashes: frozenset[str] | None = None
    edited_since: datetime | None = None
    edited_until: datetime | None = None
    """Exclusive end"""
    with_benchmark: bool = False

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON types without the criteria that are not given; lists of hashes as count and digest."""
        said: dict[str, Any] = {"with_benchmark": self.with_benchmark}
        for name in ("stages", "datasets", "titles"):
            if getattr(self, name):
                said[name] = sorted(getattr(self, name))
        if self.metadata:
            said["metadata"] = sorted(map(list, self.metadata))
        if self.data_hashes is not None:
            listed = "\n".join(sorted(self.data_hashes)).encode()
            said["data_hashes"] = {"count": len(self.data_hashes), "sha256": sha256(listed).hexdigest()}
        for name in ("edited_since", "edited_until"):
            if getattr(self, name) is not None:
                said[name] = getattr(self, name).isoformat()
        return said

    def digest(self) -> str:
        """12 hex digits; equal for equal selections."""
        return sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Chosen:
    """The chosen rows, and the number of rows left out by reason."""

    rows: list[BranchRow]
    left_out: Counter[str]


def choose_rows(
    rows: Sequence[BranchRow], project: Project, choice: RowSelection, benchmark_datasets: Collection[str]
) -> Chosen:
    """Choose among all data units of a project, as they are on `main`.

    A data unit that nobody has opened has no labels: past annotation this is an answer without labels; before, it is
    not an answer and is not chosen.

    Raises:
        UnknownChoice
    """
    stages = _stages(project, choice.stages)
    datasets = _datasets(project, choice.datasets)
    chosen, left_out = [], Counter[str]()
    for row in rows:
        reason = _against(row, choice, stages, datasets, benchmark_datasets)
        if reason is None:
            chosen.append(row)
        else:
            left_out[reason] += 1
    return Chosen(sorted(chosen, key=lambda row: row.data_hash), left_out)


def _against(  # noqa: PLR0911 - one return a reason
    row: BranchRow,
    choice: RowSelection,
    stages: Mapping[str, Stage],
    datasets: Collection[str] | None,
    benchmark_datasets: Collection[str],
) -> str | None:
    """The reason why a row is not chosen; None if it is."""
    stage = stages.get(row.stage_uuid or "")
    if datasets is not None and row.dataset_hash not in datasets:
        return "in another dataset"
    if not choice.with_benchmark and row.dataset_hash in benchmark_datasets:
        return "benchmark item"
    if stage is None:
        return "at another stage"
    if row.label_hash is None and stage.kind in ANNOTATION_KINDS:
        return "never opened"
    if choice.data_hashes is not None and row.data_hash not in choice.data_hashes:
        return "not listed"
    if choice.titles and not any(fnmatchcase(row.data_title, pattern) for pattern in choice.titles):
        return "another title"
    if not all(_says(row.client_metadata, key, value) for key, value in choice.metadata):
        return "other client metadata"
    if not _edited_within(row.last_edited_at, choice.edited_since, choice.edited_until):
        return "edited at another time"
    return None


def _says(metadata: Mapping[str, Any], key: str, value: str) -> bool:
    if key not in metadata:
        return False
    if metadata[key] == value:
        return True
    try:
        wanted = json.loads(value)
    except ValueError:
        return False
    return bool(metadata[key] == wanted) and isinstance(metadata[key], bool) == isinstance(wanted, bool)


def _edited_within(moment: datetime | None, since: datetime | None, until: datetime | None) -> bool:
    if since is None and until is None:
        return True
    return moment is not None and (since is None or moment >= since) and (until is None or moment < until)


def _stages(project: Project, wanted: Sequence[str]) -> dict[str, Stage]:
    if not wanted:
        final = [stage for stage in project.stages if stage.kind == "DONE"]
        return {stage.uuid: stage for stage in final if not stage.title.casefold().startswith("archive")}
    found: dict[str, Stage] = {}
    for name in wanted:
        matching = [stage for stage in project.stages if name in (stage.uuid, stage.title)]
        if not matching:
            known = [stage.title for stage in project.stages]
            raise UnknownChoice(f"project {project.title!r} has no stage {name!r}, only {known}")
        found.update({stage.uuid: stage for stage in matching})
    return found


def _datasets(project: Project, wanted: Sequence[str]) -> set[str] | None:
    if not wanted:
        return None
    found: set[str] = set()
    for name in wanted:
        matching = [key for key, title in project.dataset_titles.items() if name in (key, title)]
        if not matching:
            known = sorted(project.dataset_titles.values())
            raise UnknownChoice(f"project {project.title!r} has no dataset {name!r}, only {known}")
        found.update(matching)
    return found


FORMATS = ("encord", "coco", "yolo", "parquet")


DEFAULT_YOLO_SPLITS = Splits((("train", 0.8), ("val", 0.2)))


StepProgress = Callable[[str, int, int], None]
"""Called with the name of the step, how many more are done, and the total"""


@dataclass(frozen=True)
class ExportRequest:
    """The options of an export."""

    project_hash: str
    formats: tuple[str, ...]
    choice: RowSelection = field(default_factory=RowSelection)
    collection: str | None = None
    """Name of a frame collection of the project: only its data units are exported"""
    snapshot: str | None = None
    """None: the current labels on `main`"""
    splits: Splits | None = None
    yolo_task: YoloTask = "detect"
    leave_out_below_bar: bool = False
    weigh: bool = False

    def parts(self) -> Splits | None:
        """How the data is split; YOLO requires it."""
        return self.splits or (DEFAULT_YOLO_SPLITS if "yolo" in self.formats else None)
