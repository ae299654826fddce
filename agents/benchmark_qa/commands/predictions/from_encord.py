"""Read labels and predictions from Encord, for one or both sides of an evaluation."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmark_qa.commands.predictions.label_rows import given_by_rows, truth_of_rows
from benchmark_qa.commands.predictions.truth import Given, Truth
from benchmark_qa.context import Progress, no_progress
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.label_rows import LabelledUnit, labelled_units
from benchmark_qa.encord_api.models import Project
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.tasks.errors import LabelsUnreadable, NoGroundTruth

MAIN = "main"


@dataclass(frozen=True)
class LabelsOf:
    """The labels of a project on one branch."""

    project_hash: str
    branch: str = MAIN
    unfinished: bool = False
    """Include tasks that are not at a Complete stage"""


@dataclass(frozen=True)
class LabelsRead:
    """Labels as the truth of an evaluation."""

    truth: Truth
    project: Project
    left_out: int
    """Data units whose tasks are not at a Complete stage"""
    items: Mapping[str, str]
    """Uuids of the stored items, by data hash"""


def read_truth(encord: Encord, labels: LabelsOf, progress: Progress = no_progress) -> LabelsRead:
    """A project's labels, with the classes of its ontology and the client metadata of its data units.

    5 requests and one per bundle of label rows.

    Raises:
        PlatformError
        NoGroundTruth: the project has no label row to compare with.
        LabelsUnreadable: the ontology cannot be read.
        PredictionInputError: a label row is not in Encord's format.
    """
    project = encord.project(labels.project_hash)
    units, left_out = _units(encord, project, labels)
    if not units:
        raise NoGroundTruth(
            f"project '{project.title}' has no finished labels on branch {labels.branch!r}"
            + (f", {left_out:,} unfinished ones (--unfinished takes those, too)" if left_out else "")
        )
    truth = truth_of_rows(_documents(encord, labels.project_hash, units, progress), _class_names(project))
    about = {unit.row.data_hash: unit for unit in units}
    sources = tuple(replace(source, url=_link(about, source.data_hash) or source.url) for source in truth.sources)
    known = {data_hash: fields for data_hash, unit in about.items() if (fields := plain_fields(unit.client_metadata))}
    items = {data_hash: unit.item for data_hash, unit in about.items() if unit.item}
    return LabelsRead(replace(truth, sources=sources).with_fields(known), project, left_out, items)


def read_predictions(encord: Encord, labels: LabelsOf, progress: Progress = no_progress) -> Given:
    """A project's labels as a model's predictions, with their confidence.

    5 requests and one per bundle of label rows.
    """
    project = encord.project(labels.project_hash)
    units, _ = _units(encord, project, replace(labels, unfinished=True))
    if not units:
        raise NoGroundTruth(f"project '{project.title}' has no labels on branch {labels.branch!r}")
    return given_by_rows(_documents(encord, labels.project_hash, units, progress))


def plain_fields(metadata: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Client metadata as flat fields: nested values get a name with dots, lists are left out.

    >>> plain_fields({"site": "north", "camera": {"height": 2.5}, "tags": ["a"]})
    {'site': 'north', 'camera.height': 2.5}
    """
    fields: dict[str, Any] = {}
    for key, value in metadata.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            fields |= plain_fields(value, f"{name}.")
        elif isinstance(value, str | int | float):
            fields[name] = value
    return fields


def _units(encord: Encord, project: Project, labels: LabelsOf) -> tuple[list[LabelledUnit], int]:
    finals = {stage.uuid for stage in project.stages if stage.kind == "DONE"}
    units = labelled_units(encord, labels.project_hash, labels.branch)
    if labels.unfinished:
        return units, 0
    finished = [unit for unit in units if unit.row.stage_uuid in finals]
    return finished, len(units) - len(finished)


def _documents(
    encord: Encord, project_hash: str, units: Sequence[LabelledUnit], progress: Progress
) -> Iterator[Mapping[str, Any]]:
    hashes = [unit.row.label_hash for unit in units if unit.row.label_hash]
    for bundle in encord.label_bundles(project_hash, hashes):
        yield from bundle.values()
        progress(len(bundle))


def _class_names(project: Project) -> dict[str, str]:
    try:
        ontology = Ontology.from_editor(project.ontology)
    except LabelReadError as error:
        raise LabelsUnreadable(f"the ontology of project '{project.title}' cannot be read: {error}") from None
    return {known.hash: known.name for known in ontology.objects}


def _link(about: Mapping[str, LabelledUnit], data_hash: str | None) -> str | None:
    unit = about.get(data_hash or "")
    return unit.link if unit else None
