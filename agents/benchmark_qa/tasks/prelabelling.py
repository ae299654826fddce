"""Pre-labels: a model's predictions as labels of tasks that nobody has started, so that they tell nothing.

A keyed hash of the data unit decides alone which tasks get pre-labels and which are the control. Whether a data unit is
a benchmark item is never looked at: the share is the same on both sides, and a blank task means nothing. Every waiting
task must be covered by the predictions, or a blank task would be more likely one kind than the other.
"""

import hashlib
import hmac
import secrets
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Final

from benchmark_qa.encord_api.label_writing import ROWS_PER_BUNDLE, TruthRows, TruthSlot, UnstartedRows
from benchmark_qa.encord_api.models import KINDS_BEFORE_WORK, MAIN, Project
from benchmark_qa.encord_api.retries import batches
from benchmark_qa.encord_api.tasks import task_rows
from benchmark_qa.errors import RefusalError
from benchmark_qa.formats.label_parts import (
    InputFault,
    Labelled,
    LabelParts,
    LabelReading,
    LayoutError,
    drawn,
    filled,
    laid_out,
    parts_of,
    same,
)
from benchmark_qa.images.data_units import DataUnit, ImageMap, joined_labels
from benchmark_qa.store.action_log import BEGUN, DONE, Action, ActionLog
from benchmark_qa.tasks.projects import ServedProjects

KIND: Final = "prelabel"
"""Kind of the entries of the action log"""
BRANCH: Final = "pre-labels"
"""Branch with the untouched copy"""
SHARE: Final = 0.8
"""Default share of the tasks that get pre-labels"""


class PrelabelRefused(RefusalError):
    """Pre-labels would tell benchmark items apart, or nothing can be written."""


def chance(key: str, data_hash: str) -> float:
    """A number in [0, 1) that only the key's owner can tell, the same at every call."""
    digest = hmac.digest(key.encode(), data_hash.encode(), hashlib.sha256)
    return int.from_bytes(digest[:8]) / 2**64


def is_prelabelled(key: str, data_hash: str, share: float) -> bool:
    """Whether a data unit gets pre-labels; depends on nothing else."""
    return chance(key, data_hash) < share


@dataclass(frozen=True)
class PrelabelPlan:
    """What a run would write. Data units are given by their data hashes."""

    key: str = field(repr=False)
    share: float
    stages: frozenset[str]
    """Uuids of the stages before anybody's work"""
    write: Mapping[str, Labelled] = field(repr=False)
    control: tuple[str, ...] = field(repr=False)
    """Waiting tasks that stay blank"""
    started: int
    """Tasks that somebody has, that have labels, or that have left annotation"""
    faults: tuple[InputFault, ...] = ()
    left_out: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Counts only: who reads them learns nothing about single tasks."""
        return {
            "share": self.share,
            "prelabelled": len(self.write),
            "control": len(self.control),
            "started": self.started,
            "faults": [asdict(fault) for fault in self.faults],
            "left_out": list(self.left_out),
        }


@dataclass(frozen=True)
class Prelabelled:
    """The outcome of a run."""

    plan: PrelabelPlan
    written: tuple[str, ...] = field(repr=False)
    left: Mapping[str, int]
    """Number of tasks that were left as they are, by reason"""
    action: Action | None
    """None: there was nothing to write"""


@dataclass(frozen=True)
class Prelabels:
    """Pre-labels of the production project of one deployment."""

    projects: ServedProjects
    log: ActionLog

    def plan(
        self,
        reading: LabelReading,
        *,
        share: float,
        image_map: ImageMap | None = None,
        consensus_from_main: bool = False,
    ) -> PrelabelPlan:
        """What `write` would do. Changes nothing. 1 request, and 1 per bundle of rows that are open already.

        Args:
            reading: predictions, converted to the production project's ontology.
            share: of the waiting tasks that get pre-labels.
            image_map: which data unit a name means.
            consensus_from_main: the user knows that consensus branches begin with the labels of `main`.

        Raises:
            PrelabelRefused, PlatformError, StoreError
        """
        production = self.projects.production
        if not consensus_from_main and any(stage.kind == "CONSENSUS_ANNOTATION" for stage in production.stages):
            raise PrelabelRefused(
                f"'{production.title}' has a consensus stage: if its branches begin blank, tasks there would differ "
                "from others. See on one task whether they begin with the labels of main, then say "
                "--consensus-from-main"
            )
        stages = frozenset(stage.uuid for stage in production.stages if self._is_before_work(stage.uuid, production))
        slots = TruthRows(self.projects.encord, production.project_hash).slots()
        waiting = self._unstarted([slot for slot in slots if slot.stage_uuid in stages and not slot.assignee])
        one = joined_labels(
            [automatic(each) for each in reading.labelled],
            [DataUnit(slot.data_hash, slot.title, slot.url, slot.size) for slot in slots],
            image_map=image_map,
        )
        uncovered = [data_hash for data_hash in waiting if data_hash not in one.found]
        if uncovered:
            raise PrelabelRefused(
                f"{len(uncovered):,} of {len(waiting):,} waiting tasks have no prediction: they would stay blank, and "
                "blank tasks would tell items apart. Predict every waiting task; list images without objects too"
            )
        key = self.key()
        chosen = sorted((unit for unit in waiting if is_prelabelled(key, unit, share)), key=partial(chance, key))
        return PrelabelPlan(
            key,
            share,
            stages,
            {unit: one.found[unit] for unit in chosen},
            tuple(unit for unit in waiting if unit not in set(chosen)),
            len(slots) - len(waiting),
            (*reading.faults, *one.faults),
            reading.left_out,
        )

    def key(self) -> str:
        """The key of this project's earlier runs, or a new one: a later run must not choose the control anew."""
        earlier = self.log.entries(self._production, kind=KIND)
        return str(earlier[-1].facts["key"]) if earlier else secrets.token_hex(16)

    def write(self, plan: PrelabelPlan, *, operator: str) -> Prelabelled:
        """Write the plan: recorded first, the state read again just before each bundle, a copy on `BRANCH` after it.

        Killed and run again, it goes on: copies that are missing are made first.

        Raises:
            PlatformError, StoreError
        """
        self._finish_copies(plan)
        units = [unit for unit, labelled in plan.write.items() if not labelled.parts.empty]
        if not units:
            return Prelabelled(plan, (), {}, None)
        facts = {"key": plan.key, "share": plan.share, "units": units, "control": list(plan.control)}
        entry = self.log.record(
            self._production,
            kind=KIND,
            operator=operator,
            subject=self.projects.production.title,
            reason=f"pre-labels on {len(units):,} waiting tasks, {len(plan.control):,} stay blank as control",
            facts={**facts, "outcome": BEGUN},
        )
        rows = UnstartedRows(self.projects.encord, self._production)
        written: list[str] = []
        left: Counter[str] = Counter()
        for batch in batches(units, ROWS_PER_BUNDLE):
            fills = {unit: partial(_onto_blank, parts=plan.write[unit].parts) for unit in batch}
            outcome = rows.write(fills, plan.stages, branch=BRANCH)
            written += outcome.written
            left.update(outcome.left.values())
        return Prelabelled(plan, tuple(written), dict(left), self.log.settle(entry, DONE))

    def undo(self, action: Action) -> int:
        """Take back the pre-labels that nobody has touched; returns how many. The caller writes the action log.

        Tasks that somebody has, and labels that somebody has changed, stay as they are.
        """
        rows = UnstartedRows(self.projects.encord, self._production)
        production = self.projects.production
        stages = [stage.uuid for stage in production.stages if self._is_before_work(stage.uuid, production)]
        taken = 0
        for batch in batches(list(action.facts["units"]), ROWS_PER_BUNDLE):
            copies = {unit: parts_of(row) for unit, row in rows.labels(batch, BRANCH).items()}
            fills = {unit: partial(_onto_untouched, copy=copy) for unit, copy in copies.items()}
            taken += len(rows.write(fills, stages).written)
        return taken

    def groups(self) -> tuple[set[str], set[str]]:
        """Data hashes with pre-labels, and those of the control, of all runs that are not undone."""
        entries = [one for one in self.log.entries(self._production, kind=KIND) if one.undone_by is None]
        with_ = {unit for one in entries for unit in one.facts["units"]}
        return with_, {unit for one in entries for unit in one.facts["control"]} - with_

    def left_as_they_were(self) -> dict[str, tuple[int, int]]:
        """By person: pre-labels that stand in their work exactly as written, and all pre-labels of those tasks.

        Only tasks that have left annotation count. 1 request per 1,000 tasks, and 4 per 100 with pre-labels.
        """
        production = self.projects.production
        before = {stage.uuid for stage in production.stages if self._is_before_work(stage.uuid, production)}
        with_, _ = self.groups()
        people = {
            row.data_hash: row.last_actioned_by
            for row in task_rows(self.projects.encord, self._production, sorted(with_))
            if row.last_actioned_by and row.stage_uuid not in before
        }
        rows = UnstartedRows(self.projects.encord, self._production)
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for batch in batches(sorted(people), ROWS_PER_BUNDLE):
            copies, works = rows.labels(batch, BRANCH), rows.labels(batch, MAIN)
            for unit in copies.keys() & works.keys():
                same_, all_ = unchanged_share(parts_of(copies[unit]), parts_of(works[unit]))
                counts[str(people[unit])].update({"same": same_, "all": all_})
        return {person: (one["same"], one["all"]) for person, one in sorted(counts.items())}

    @property
    def _production(self) -> str:
        return str(self.projects.deployment.production_project)

    def _is_before_work(self, stage_uuid: str, production: Project) -> bool:
        """Whether a task at the stage has not been annotated; the scoring stages come after annotation."""
        scoring = {self.projects.stage(one).uuid for one in self.projects.deployment.stages.scoring}
        kinds = {stage.uuid: stage.kind for stage in production.stages}
        return kinds[stage_uuid] in KINDS_BEFORE_WORK and stage_uuid not in scoring

    def _unstarted(self, slots: Sequence[TruthSlot]) -> list[str]:
        """Data units without labels. 1 request per bundle of rows that are open."""
        opened = {slot.label_hash: slot.data_hash for slot in slots if slot.label_hash}
        labelled = {
            opened[label_hash]
            for bundle in self.projects.encord.label_bundles(self._production, list(opened))
            for label_hash, document in bundle.items()
            if not parts_of(document).empty
        }
        return [slot.data_hash for slot in slots if slot.data_hash not in labelled]

    def _finish_copies(self, plan: PrelabelPlan) -> None:
        """Copy the untouched pre-labels of a run that was killed between writing and copying."""
        begun = [one for one in self.log.entries(self._production, kind=KIND) if one.facts.get("outcome") == BEGUN]
        if not begun:
            return
        rows = UnstartedRows(self.projects.encord, self._production)
        for entry in begun:
            for batch in batches(list(entry.facts["units"]), ROWS_PER_BUNDLE):
                free, _ = rows._free(batch, plan.stages)
                rows.copy(_machine_made(rows.labels(free, MAIN)), BRANCH)
            self.log.settle(entry, DONE)


def automatic(labelled: Labelled) -> Labelled:
    """The labels, each object marked as made by a machine."""
    units = tuple(_marked(unit) for unit in labelled.parts.units)
    return replace(labelled, parts=replace(labelled.parts, units=units))


def _marked(value: Any) -> Any:
    if isinstance(value, Mapping):
        marked = {key: _marked(below) for key, below in value.items()}
        return marked | {"manualAnnotation": False} if {"objectHash", "classificationHash"} & marked.keys() else marked
    return [_marked(each) for each in value] if isinstance(value, list | tuple) else value


def _machine_made(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Data units with labels, all of them made by a machine."""
    found = []
    for unit, document in rows.items():
        marks = [label.get("manualAnnotation", True) for part in parts_of(document).units for _, label in drawn(part)]
        if marks and not any(marks):
            found.append(unit)
    return found


def _onto_blank(document: Mapping[str, Any], *, parts: LabelParts) -> dict[str, Any]:
    """The label row with these labels, if it has none."""
    if not parts_of(document).empty:
        raise LayoutError("has labels")
    return filled(document, parts)


def _onto_untouched(document: Mapping[str, Any], *, copy: LabelParts) -> dict[str, Any]:
    """The label row without labels, if they are still those of the copy."""
    now = parts_of(document)
    if not same(now, laid_out(copy, len(now.units), flat=bool(now.units) and "objects" in now.units[0])):
        raise LayoutError("has been changed")
    return filled(document, LabelParts(()))


# --- what pre-labels do to people ----------------------------------------------------------------------------------


def unchanged_share(prelabels: LabelParts, work: LabelParts) -> tuple[int, int]:
    """Pre-labels that stand in the work exactly as they were, and how many there were."""
    before, after = _shapes(prelabels), _shapes(work)
    return len(before & after), len(before)


def _shapes(parts: LabelParts) -> set[str]:
    """Each label by its identity and its geometry."""
    return {repr(one) for unit in parts.units for one in _of(unit)}


def _of(value: Any) -> list[tuple[Any, ...]]:
    if isinstance(value, Mapping):
        identity = value.get("objectHash") or value.get("classificationHash")
        if identity:
            drawn = {k: v for k, v in value.items() if k in _DRAWN}
            return [(identity, value.get("featureHash"), _plain(drawn))]
        return [one for below in value.values() for one in _of(below)]
    return [one for below in value for one in _of(below)] if isinstance(value, list | tuple) else []


_DRAWN: Collection[str] = (
    "boundingBox", "rotatableBoundingBox", "polygon", "polyline", "point", "skeleton", "bitmask",
)  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple(sorted((str(key), _plain(below)) for key, below in value.items()))
    if isinstance(value, list | tuple):
        return tuple(_plain(each) for each in value)
    return round(value, 6) if isinstance(value, float) else value
