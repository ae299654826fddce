"""Import finished truth into a benchmark project, with missing image sizes. Truth is overwritten only on request.

After a kill, run it again: what was written already equals the source and is left alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from benchmark_qa.context import Progress
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.label_writing import ROWS_PER_BUNDLE, TruthRows, TruthSlot
from benchmark_qa.encord_api.models import Project
from benchmark_qa.encord_api.retries import batches
from benchmark_qa.encord_api.reviews import PeoplesWork
from benchmark_qa.errors import RefusalError
from benchmark_qa.formats.class_mapping import MappingError, Target
from benchmark_qa.formats.encord_reader import read_label_rows
from benchmark_qa.formats.label_parts import (
    InputFault,
    Labelled,
    LabelParts,
    LabelReading,
    LayoutError,
    filled,
    laid_out,
    parts_of,
    same,
)
from benchmark_qa.images.data_units import ALL_WAYS, By, DataUnit, ImageMap, joined_labels, lacks_sizes, sized
from benchmark_qa.images.identity import Matching
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.tasks.errors import LabelsUnreadable


class ImportRefused(RefusalError):
    """Something in the source has no counterpart, and the user has not agreed to continue without it."""


@dataclass(frozen=True)
class TruthImport:
    """What an import would do, or has done. Data units are given by their data hashes."""

    project: Project
    slots: Mapping[str, TruthSlot] = field(repr=False)
    """Every data unit of the project"""
    write: Mapping[str, Labelled] = field(repr=False)
    unchanged: tuple[str, ...]
    """Data units whose truth already equals the source"""
    kept: tuple[str, ...]
    """Data units with other truth, which was not to be overwritten"""
    at_work: tuple[str, ...] = ()
    """Data units whose tasks are assigned to somebody, who would overwrite it: neither written nor moved"""
    faults: tuple[InputFault, ...] = ()
    completed: int = 0
    refused: tuple[InputFault, ...] = ()
    """What Encord's SDK refused"""
    matching: Matching = field(default_factory=lambda: Matching(()), repr=False)
    """Which data unit each image of the source is, and by which rule"""
    left_out: tuple[str, ...] = ()
    """Content of the source that is no label, with counts"""

    @property
    def to_complete(self) -> list[str]:
        """Data units that have the source's labels after the import, and are not at Complete."""
        finals = _finals(self.project)
        return [
            unit
            for unit in (*self.write, *self.unchanged)
            if self.slots[unit].stage_uuid not in finals and unit not in self.at_work
        ]


def target_of(project: Project, stated: Mapping[str, str]) -> Target:
    """The project's ontology, with the given mapping onto it.

    Raises:
        LabelsUnreadable: the ontology contains something unknown.
        ImportRefused: the mapping names something that the ontology does not have.
    """
    try:
        return Target.of(project.ontology, stated)
    except MappingError as error:
        raise ImportRefused(str(error)) from None
    except LabelReadError as error:
        raise LabelsUnreadable(f"the ontology of project '{project.title}' cannot be read: {error}") from None


def read_project(encord: Encord, project_hash: str, target: Target) -> tuple[LabelReading, int]:
    """The finished labels of another project, and the number of its unfinished data units.

    3 requests for the project if it is not known, 1 for its rows, and 1 per bundle of them.
    """
    project = encord.project(project_hash)
    finals = _finals(project)
    rows = encord.label_rows(project_hash)
    done = [row for row in rows if row.stage_uuid in finals]
    reading = read_label_rows(_documents(encord, project_hash, [r.label_hash for r in done if r.label_hash]), target)
    empty = tuple(
        Labelled(row.data_title, LabelParts(()), data_hash=row.data_hash, titles=(row.data_title,))
        for row in done
        if row.label_hash is None
    )
    return replace(reading, labelled=reading.labelled + empty), len(rows) - len(done)


def without_unannotated(reading: LabelReading) -> LabelReading:
    """The labels without images that the file does not annotate: perhaps nobody has looked at them."""
    left = [one.name for one in reading.labelled if not one.annotated]
    if not left:
        return reading
    names = ", ".join(left[:3]) + (", ..." if len(left) > 3 else "")
    said = f"{len(left):,} images without annotations left as they are ({names}); --unannotated empty makes them "
    return replace(
        reading,
        labelled=tuple(one for one in reading.labelled if one.annotated),
        left_out=(*reading.left_out, f"{said}finished truth without objects"),
    )


def plan_import(
    encord: Encord,
    project_hash: str,
    reading: LabelReading,
    *,
    by: Sequence[By] = ALL_WAYS,
    image_map: ImageMap | None = None,
    overwrite: bool = False,
) -> TruthImport:
    """What an import of the labels would do. 1 request, and 1 per bundle of rows with labels.

    Args:
        encord: the connection.
        project_hash: of the benchmark project.
        reading: the labels, converted to this project's ontology.
        by: how data units are identified.
        image_map: the data unit that a name means; has precedence over every other rule.
        overwrite: replace other truth.

    Raises:
        PlatformError
    """
    project = encord.project(project_hash)
    slots = {slot.data_hash: slot for slot in TruthRows(encord, project_hash).slots()}
    units = [DataUnit(slot.data_hash, slot.title, slot.url, slot.size) for slot in slots.values()]
    one = joined_labels(reading.labelled, units, by, image_map)
    found = one.found
    there = dict(_truth_there(encord, project, [slots[data_hash] for data_hash in found]))
    finals = _finals(project)
    at_work = [unit for unit in found if slots[unit].assignee and slots[unit].stage_uuid not in finals]
    somebodys = set(at_work)
    write, unchanged, kept = {}, [], []
    for data_hash, labelled in found.items():
        truth = there.get(data_hash)
        if truth is not None and _agree(truth, labelled.parts):
            unchanged.append(data_hash)
        elif data_hash in somebodys:
            continue
        elif truth is None or overwrite or (truth.empty and slots[data_hash].stage_uuid not in finals):
            write[data_hash] = labelled
        else:
            kept.append(data_hash)
    return TruthImport(
        project,
        slots,
        write,
        tuple(unchanged),
        tuple(kept),
        tuple(at_work),
        (*reading.faults, *one.faults),
        matching=one.matching,
        left_out=reading.left_out,
    )


def require_no_faults(plan: TruthImport) -> None:
    """Refuse to continue while something has no counterpart.

    Raises:
        ImportRefused
    """
    if plan.faults:
        raise ImportRefused(f"{len(plan.faults):,} faults, nothing was written")


def write_truth(encord: Encord, plan: TruthImport, *, complete: bool, progress: Progress) -> TruthImport:
    """Carry out the plan bundle by bundle; each bundle stays whole if the run is interrupted.

    Args:
        encord: the connection.
        plan: of `plan_import`.
        complete: move the tasks of data units imported now or earlier to Complete.
        progress: called with the number of data units done.

    Raises:
        PlatformError: Encord cannot be used; labels already written stay.
    """
    rows, work = TruthRows(encord, plan.project.project_hash), PeoplesWork(encord, plan.project.project_hash)
    waiting = set(plan.to_complete) if complete else set()
    earlier = [str(plan.slots[unit].label_hash) for unit in plan.unchanged if unit in waiting]
    work.complete(earlier)
    completed, refused, written = len(earlier), list[InputFault](), dict[str, Labelled]()
    for batch in batches(list(plan.write), ROWS_PER_BUNDLE):
        fills = {unit: partial(filled, parts=plan.write[unit].parts) for unit in batch}
        outcome = rows.write(fills)
        done = [label_hash for unit, label_hash in outcome.label_hashes.items() if unit in waiting]
        work.complete(done)
        completed += len(done)
        refused += [InputFault(plan.write[unit].name, reason) for unit, reason in outcome.refused.items()]
        written |= {unit: plan.write[unit] for unit in outcome.label_hashes}
        progress(len(batch))
    return replace(plan, write=written, completed=completed, refused=tuple(refused))


def _truth_there(
    encord: Encord, project: Project, slots: Iterable[TruthSlot]
) -> Iterator[tuple[str, LabelParts | None]]:
    """Existing labels by data hash. A finished task without a label row is an empty answer."""
    slots, finals = list(slots), _finals(project)
    by_label = {slot.label_hash: slot.data_hash for slot in slots if slot.label_hash}
    for slot in slots:
        if slot.label_hash is None and slot.stage_uuid in finals:
            yield slot.data_hash, LabelParts(())
    for bundle in encord.label_bundles(project.project_hash, list(by_label)):
        for label_hash, document in bundle.items():
            try:
                yield by_label[label_hash], parts_of(document)
            except LayoutError as error:
                raise LabelsUnreadable(f"data unit {by_label[label_hash]}: {error}") from None


def _agree(truth: LabelParts, other: LabelParts) -> bool:
    if truth.empty or other.empty:
        return truth.empty and other.empty
    try:
        there = laid_out(other, len(truth.units), flat="objects" in truth.units[0])
    except LayoutError:
        return False
    return same(truth, there)


def _documents(encord: Encord, project_hash: str, label_hashes: Sequence[str]) -> Iterator[Mapping[str, object]]:
    for bundle in encord.label_bundles(project_hash, label_hashes):
        yield from bundle.values()


def _finals(project: Project) -> set[str]:
    return {stage.uuid for stage in project.stages if stage.kind == "DONE"}


def with_known_sizes(
    document: Mapping[str, Any], encord: Encord, project_hash: str, image_map: ImageMap | None
) -> Mapping[str, Any]:
    """The COCO document with sizes from Encord. 1 request if the file lacks a size, else none."""
    if not lacks_sizes(document):
        return document
    slots = TruthRows(encord, project_hash).slots()
    return sized(document, [DataUnit(slot.data_hash, slot.title, slot.url, slot.size) for slot in slots], image_map)
